"""The Python blocks of the README and of the documentation run, page by page from top to bottom."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / "examples" / "data"

#: What the pages call the rasters that their blocks read.
FILES = {
    "green.tif": "landsat8_224077_green.tif",
    "red.tif": "landsat8_224077_red.tif",
}

PAGES = sorted(
    page
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
    if "```python" in page.read_text()
)


def code_of(page: Path) -> str:
    """Return a page's blocks as one script whose line numbers are the page's."""
    lines: list[str] = []
    inside = False
    for line in page.read_text().splitlines():
        if inside and line == "```":
            inside = False
        lines.append(line if inside else "")
        inside = inside or line == "```python"
    return "\n".join(lines) + "\n"


def run_page(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    for name, source in FILES.items():
        shutil.copy(DATA / source, folder / name)
    (folder / page.name).with_suffix(".py").write_text(code_of(page))
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    return subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", f"{page.stem}.py"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_run(page: Path, tmp_path: Path) -> None:
    done = run_page(page, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_every_python_block_is_found() -> None:
    for page in PAGES:
        code = code_of(page)
        assert code.count("\n") == len(page.read_text().splitlines())
        compile(code, str(page), "exec")
        # a block that is indented or has another info string would be passed over
        assert not re.search(
            r"^[ \t]+```python|^```(py|python\S+|Python)\s*$", page.read_text(), re.M
        )


def test_commands_of_the_pages_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.M | re.S):
            for target in re.findall(r"^make ([a-z-]+)", block, re.M):
                assert target in targets, f"{page.name} names 'make {target}'"


def test_links_and_pictures_of_the_readme_exist() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists(), target
