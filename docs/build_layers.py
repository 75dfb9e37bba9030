"""Draw the floors of ``pyproject.toml``, and what is in each room, into ``docs/design.md``."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rios_flows"
PAGE = ROOT / "docs" / "design.md"
MADE = "made by docs/build_layers.py"


def floors() -> list[list[str]]:
    """Return the modules of each floor, the top floor first; rooms not built are left out."""
    text = (ROOT / "pyproject.toml").read_text()
    contract = tomllib.loads(text)["tool"]["importlinter"]["contracts"][0]
    rooms = [re.findall(r"\w+", layer) for layer in contract["layers"]]
    return [kept for floor in rooms if (kept := [room for room in floor if _source(room)])]


def render() -> str:
    """Write one row of a table for each floor."""
    lines = ["| floor | modules |", "|---:|---|"]
    for height, floor in zip(range(len(floors()), 0, -1), floors(), strict=True):
        cells = "<br>".join(f"**{room}**: {_first_line(room)}" for room in floor)
        lines.append(f"| {height} | {cells} |")
    return "\n".join(lines) + "\n"


def render_rooms() -> str:
    """Write one row of a table for each module of a room."""
    lines = ["| room | module | what it is about |", "|---|---|---|"]
    rooms = [room for floor in floors() for room in floor if (PACKAGE / room).is_dir()]
    for room in rooms:
        inside = PACKAGE / room
        modules = sorted(path for path in inside.rglob("*.py") if path.stem != "__init__")
        for number, path in enumerate(modules):
            name = "" if number else f"**{room}**"
            module = ".".join(path.relative_to(inside).with_suffix("").parts)
            lines.append(f"| {name} | {module} | {_summary(path)} |")
    return "\n".join(lines) + "\n"


def inserted(page: str) -> str:
    """Return the page with what there is now between the markers."""
    for name, table in (("floors", render()), ("rooms", render_rooms())):
        begin, end = f"<!-- {name}: {MADE} -->\n", f"<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
    return page


def _source(room: str) -> Path | None:
    paths = (PACKAGE / f"{room}.py", PACKAGE / room / "__init__.py")
    return next((path for path in paths if path.exists()), None)


def _first_line(room: str) -> str:
    source = _source(room)
    assert source is not None
    return _summary(source)


def _summary(source: Path) -> str:
    docstring = ast.get_docstring(ast.parse(source.read_text())) or ""
    return docstring.partition("\n")[0].rstrip(".").replace("``", "`")


if __name__ == "__main__":
    PAGE.write_text(inserted(PAGE.read_text()))
