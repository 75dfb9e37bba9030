"""Each class of errors has a page, whose example raises it with the message that is shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from rios_flows import rioserrors

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TOLD = tomllib.loads((DOCS / "errors.toml").read_text())
NAMES = re.findall(r"^class (\w+)", (ROOT / "rios_flows" / "rioserrors.py").read_text(), re.M)


def test_every_class_has_a_page_and_every_page_a_class() -> None:
    assert {path.stem for path in (DOCS / "errors").iterdir()} == set(NAMES) == TOLD.keys()
    nav = (ROOT / "mkdocs.yml").read_text()
    assert set(re.findall(r"- errors/(\w+)\.md\n", nav)) == set(NAMES)
    for name in NAMES:
        page = (DOCS / "errors" / f"{name}.md").read_text()
        meaning = (getattr(rioserrors, name).__doc__ or "").replace("``", "`")
        assert page.startswith(f"# {name}\n")
        assert meaning in page


def test_examples_raise_what_the_pages_show(tmp_path: Path) -> None:
    """A process of its own, as examples take away modules, room and workers."""
    command = [sys.executable, str(DOCS / "build_errors.py"), str(tmp_path)]
    # colours and settings of this process change nothing
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("RIOS_", "AWS_"))}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    for name in ["errors.md", *(f"errors/{name}.md" for name in NAMES)]:
        made, shown = (tmp_path / name).read_text(), (DOCS / name).read_text()
        assert made == shown, f"run: python docs/build_errors.py ({name})"


def test_what_is_said_to_be_never_raised_is_not() -> None:
    modules = [path for path in (ROOT / "rios_flows").rglob("*.py") if path.stem != "rioserrors"]
    code = "\n".join(path.read_text() for path in modules)
    for name, told in TOLD.items():
        # the builtin PermissionError is another one
        raised = re.search(
            rf"rioserrors\.{name}\b|from \S*rioserrors import [^\n]*\b{name}\b", code
        )
        assert "unused" not in told or not raised, name
