"""The Python blocks of the README and of the documentation run, page by page from top to bottom."""

from __future__ import annotations

import pkgutil
import re
import runpy
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import rasterio
import rasterio.shutil
from rasterio.vrt import WarpedVRT

from tests.orchestration.served import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    # test_errors.py runs the examples of errors, which fail
    if "```python" in page.read_text() and page.parent.name != "errors"
)

#: All that people read, the release notes of the future included.
TEXTS = [
    ROOT / "README.md",
    *(ROOT / "deployments").glob("*.md"),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "changes").glob("*.md")),
]


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


def make_rasters(folder: Path) -> None:
    for name, source in FILES.items():
        shutil.copy(DATA / source, folder / name)
    runpy.run_path(str(ROOT / "docs" / "recipe_files.py"))["make"](folder)
    with rasterio.open(DATA / FILES["red.tif"]) as red, WarpedVRT(red, crs="EPSG:3857") as warped:
        rasterio.shutil.copy(warped, folder / "red_web_mercator.tif", driver="GTiff")


def run_page(page: Path, folder: Path, server: Server) -> subprocess.CompletedProcess[str]:
    make_rasters(folder)
    # not the page's own name: prefect.py would be found in place of Prefect
    script = folder / f"page_{page.stem.replace('-', '_')}.py"
    script.write_text(code_of(page))
    return subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", script.name],
        cwd=folder,
        # each would else start a server of its own, as the demo does
        env=server.environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
@pytest.mark.prefect
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_run(page: Path, tmp_path: Path, server: Server) -> None:
    done = run_page(page, tmp_path, server)
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
    named = set()
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.M | re.S):
            for target in re.findall(r"^make ([a-z-]+)", block, re.M):
                assert target in targets, f"{page.name} names 'make {target}'"
                named.add(target)
    assert {"test", "quick"} <= named


def test_links_and_pictures_of_the_readme_exist() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text())
    assert any(target.endswith(".png") for target in targets)
    assert sum(target.endswith(".md") for target in targets) > 3
    for target in targets:
        assert (ROOT / target).exists(), target


#: Other directories that pages name, and the plugins of Slurm.
NO_ROOMS = {"benchmarks", "deployments", "docs", "examples", "flows", "proctrack", "tests"}

#: Events that runs send have names like those of modules.
EVENTS = {
    "rios_flows.output.published",
    *(f"rios_flows.run.{e}" for e in ("alive", "left", "finished")),
}


@contextmanager
def suppress_gone() -> Iterator[None]:
    """Pass over names of RIOS 1, and others whose error says what to do."""
    try:
        yield
    except ImportError as error:
        if "rios_flows" not in str(error) or "No module named" in str(error):
            raise


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_of_the_pages_exist(page: Path) -> None:
    text = page.read_text()
    for name in re.findall(r"(?<![\w./-])rios_flows(?:\.[A-Za-z]\w*)+", text):
        if name in EVENTS:
            continue
        with suppress_gone():
            pkgutil.resolve_name(name)
    rooms = {path.parent.name for path in (ROOT / "rios_flows").rglob("__init__.py")}
    for room, module in re.findall(r"`(?:rios_flows/)?(\w+)/(\w+)(?:\.py)?`", text):
        if room not in NO_ROOMS:
            assert room in rooms, f"{page.name} names {room}/{module}"
            assert list((ROOT / "rios_flows" / room).glob(f"{module}*")), f"{room}/{module}"
