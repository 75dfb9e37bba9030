"""Take the pictures of Prefect's user interface, from a run of the demo's index."""

from __future__ import annotations

import io
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

from PIL import Image
from playwright.sync_api import Browser
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "img"
sys.path[:0] = [str(ROOT), str(ROOT / "examples")]

import demo  # noqa: E402

from rios_flows import applier  # noqa: E402
from tests.orchestration.browser.ui import Ui, chromium  # noqa: E402
from tests.orchestration.served import Api, Server, prefect  # noqa: E402


def index_with_slow_blocks(info: Any, inputs: Any, outputs: Any) -> None:
    """Take long where there is much to see, as a real function may."""
    time.sleep(0.8 if info.getBlockCount() in ((2, 3), (5, 1)) else 0.05)
    demo.vegetation_index(info, inputs, outputs)


def run(folder: Path) -> None:
    """Run the job whose pages are shown."""
    infiles, outfiles = applier.FilenameAssociations(), applier.FilenameAssociations()
    infiles.green = [str(demo.DATA / f"landsat8_{scene}_green.tif") for scene in demo.SCENES]
    infiles.red = [str(demo.DATA / f"landsat8_{scene}_red.tif") for scene in demo.SCENES]
    outfiles.index = str(folder / "index.tif")
    controls = applier.ApplierControls()
    controls.setJobName("vegetation index")
    controls.setWindowSize(64, 64)
    controls.setStatsIgnore(demo.NODATA)
    controls.setConcurrencyStyle(applier.ConcurrencyStyle(2, 2, applier.CW_THREADS))
    # the name of this machine is nobody's business
    with mock.patch.object(socket, "gethostname", return_value="node-1"):
        applier.apply(index_with_slow_blocks, infiles, outfiles, controls=controls)


def keep(ui: Ui, name: str, top: int = 0, height: int = 900) -> None:
    """Keep a part of the page as a small file."""
    ui.page.wait_for_timeout(1500)
    part = {"x": 0, "y": top, "width": 1300, "height": height}
    png = ui.page.screenshot(clip=part)  # type: ignore[arg-type]
    with Image.open(io.BytesIO(png)) as picture:
        small = picture.convert("RGB").quantize(64, dither=Image.Dither.NONE)
    small.save(TARGET / f"{name}.png", optimize=True)


def show_run(ui: Ui, api: Api) -> None:
    """Show the page of the run, its summary and its table."""
    found = api.flow_run("vegetation index")
    artifacts = api.artifacts(found.id)
    ui.open_run(found.id)
    ui.page.get_by_text("5 Task runs").wait_for()
    # the lanes are drawn later than all else
    ui.page.wait_for_timeout(8000)
    keep(ui, "prefect-run", height=515)
    ui.open(f"artifacts/artifact/{artifacts['blocks'].id}")
    ui.page.get_by_role("table").wait_for()
    keep(ui, "prefect-blocks", height=700)
    ui.open(f"artifacts/artifact/{artifacts['summary'].id}")
    place = ui.page.get_by_role("heading", name="Slowest blocks: compute")
    place.wait_for()
    place.evaluate("each => each.scrollIntoView()")
    keep(ui, "prefect-slowest", height=490)
    place = ui.page.get_by_role("heading", name="Lanes over time")
    place.evaluate("each => each.scrollIntoView()")
    keep(ui, "prefect-pictures", height=790)


def show_form(ui: Ui, api: Api) -> None:
    """Show the form, with values in it."""
    ui.open_form(api.deployment("rios-apply/any-function").id)
    ui.fill("function", "my_package.indices:vegetation_index")
    ui.fill_json("infiles", {"green": "/data/B3.tif", "red": "/data/B4.tif"})
    ui.fill_json("outfiles", {"index": "/data/index.tif"})
    ui.fill("windowxsize", "512")
    ui.choose("resampleMethod", "cubic")
    ui.fill_json("imageControls", {"statsIgnore[index]": -9999})
    ui.page.mouse.wheel(0, -5000)
    keep(ui, "prefect-form", height=2100)


def take(browser: Browser, server: Server, folder: Path) -> None:
    """Take all pictures."""
    here = {PREFECT_API_URL: server.url, PREFECT_HOME: server.home}
    with temporary_settings(here), get_client(sync_client=True) as client:
        run(folder)
        for arguments in (
            ["work-pool", "create", "rios-process", "--type", "process"],
            ["deploy", "--all"],
        ):
            prefect(server, ROOT, *arguments).check_returncode()
        for show, height in ((show_run, 900), (show_form, 2100)):
            ui = Ui(browser, server.url, "v2", height)
            show(ui, Api(client))
            ui.close()


def main() -> None:
    """Start a server, and take the pictures in a browser."""
    with tempfile.TemporaryDirectory() as name:
        home, folder = Path(name) / "home", Path(name) / "output"
        home.mkdir()
        folder.mkdir()
        server = Server(home)
        try:
            with chromium() as browser:
                take(browser, server, folder)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
