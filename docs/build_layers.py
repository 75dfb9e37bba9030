"""Draw the floors of ``pyproject.toml`` into ``docs/design.md``: run after a change."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rios_flows"
PAGE = ROOT / "docs" / "design.md"
BEGIN, END = "<!-- floors: made by docs/build_layers.py -->\n", "<!-- end of floors -->"


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


def inserted(page: str) -> str:
    """Return the page with the present floors between its two markers."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{render()}\n{END}{rest.partition(END)[2]}"


def _source(room: str) -> Path | None:
    paths = (PACKAGE / f"{room}.py", PACKAGE / room / "__init__.py")
    return next((path for path in paths if path.exists()), None)


def _first_line(room: str) -> str:
    source = _source(room)
    assert source is not None
    docstring = ast.get_docstring(ast.parse(source.read_text())) or ""
    return docstring.partition("\n")[0].rstrip(".").replace("``", "`")


if __name__ == "__main__":
    PAGE.write_text(inserted(PAGE.read_text()))
