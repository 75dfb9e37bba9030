"""A run in the eyes of an operator with a browser: started by the form, watched, ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from prefect.client.schemas.objects import FlowRun

from rios_flows.orchestration.call import ApplyCall
from tests.orchestration.browser.ui import Ui, Version
from tests.orchestration.jobs import Job, take_a_second
from tests.orchestration.served import Api, eventually
from tests.support.rasters import read_raster, write_raster
from tests.support.styles import STYLES

pytestmark = [pytest.mark.prefect, pytest.mark.slow, pytest.mark.usefixtures("worker")]

Look = Callable[[Version], Ui]
DEPLOYMENT = "rios-apply/any-function"
DOUBLE = "tests.orchestration.jobs:double"


def test_run_by_the_form_and_looked_at(api: Api, look: Look, tmp_path: Path) -> None:
    job, ui = Job(tmp_path, "by form"), look("v2")
    ui.open_form(api.deployment(DEPLOYMENT).id)
    # the ten controls that are set most often, and no other
    assert ui.shows("windowxsize")
    assert not ui.shows("tempdir")
    fill(ui, job)
    ui.fill("windowxsize", "0")
    ui.submit()
    # refused by the form itself
    assert ui.complaint("windowxsize") == "Value must be greater than or equal to 1."

    ui.fill("windowxsize", "50")
    ui.choose("resampleMethod", "cubic")
    ui.click("set")
    ui.fill("numReadWorkers", "1")
    ui.choose("haveSharedTemp", "true")
    ui.click("show")
    ui.fill("jobName", "by form")
    ui.choose("omitPyramids", "true")
    ui.fill_json("imageControls", {"statsIgnore[result]": 7})
    submit(ui)
    run = started(api, "by form")
    assert run.parameters["controls"] == {
        "windowxsize": 50,
        "windowysize": 80,
        "resampleMethod": "cubic",
        "concurrency": {"numReadWorkers": 1, "haveSharedTemp": True},
    }
    assert given(run, "moreControls") == {"jobName": "by form", "omitPyramids": True}
    eventually(lambda: api.flow_run("by form").state_name == "Completed")
    assert job.is_done()
    with rasterio.open(job.output) as dataset:
        assert dataset.nodata == 7

    ui.open_run(run.id)
    ui.page.get_by_text("Completed", exact=True).first.wait_for()
    ui.page.get_by_text("2 Task runs").wait_for()
    ui.open_run(run.id, "Artifacts")
    for name in ("progress", "summary", "blocks"):
        ui.page.get_by_text(f"by-form-{name}", exact=False).first.wait_for()
    look_at_artifacts(ui, api, run.id)


def look_at_artifacts(ui: Ui, api: Api, run: Any) -> None:
    found = api.artifacts(run)
    ui.open(f"artifacts/artifact/{found['summary'].id}")
    ui.page.get_by_role("heading", name="Slowest blocks: compute").wait_for()
    pictures = ui.page.locator("img[src^='data:image/png']")
    pictures.nth(1).wait_for()
    assert pictures.count() == 2
    for number in range(2):
        picture = pictures.nth(number)
        eventually(lambda each=picture: each.evaluate("each => each.naturalWidth") > 300)  # type: ignore[misc]
    ui.open(f"artifacts/artifact/{found['blocks'].id}")
    ui.page.get_by_role("table").wait_for()
    heads = ui.page.get_by_role("columnheader")
    assert heads.all_inner_texts()[:5] == ["row", "column", "total (ms)", "lanes", "hosts"]
    # seen without scrolling; a page that asks the server again hides it for a moment
    box = eventually(lambda: heads.nth(4).bounding_box())
    assert box["x"] + box["width"] < 1300
    ui.open(f"artifacts/artifact/{found['progress'].id}")
    ui.page.get_by_text("2 of 2 blocks written").first.wait_for()


def fill(ui: Ui, job: Job) -> None:
    ui.fill("function", DOUBLE)
    ui.fill_json("infiles", dict(vars(job.infiles)))
    ui.fill_json("outfiles", dict(vars(job.outfiles)))
    ui.fill("windowysize", "80")


def started(api: Api, name: str) -> FlowRun:
    """Return a run of the form, once it has begun and so has its name."""
    return eventually(lambda: api.flow_runs(name))[0]


def given(run: FlowRun, group: str) -> dict[str, Any]:
    """Return the controls that a form has sent, but for objects that are folded up."""
    sent = run.parameters[group].items()
    return {name: value for name, value in sent if value is not None}


def submit(ui: Ui) -> None:
    """Submit until the page changes: a busy server refuses at times."""
    for _ in range(5):
        ui.submit()
        for _ in range(60):
            if not ui.page.url.endswith("/run"):
                return
            ui.page.wait_for_timeout(250)
    raise AssertionError(ui.page.url)


def test_the_older_form(api: Api, look: Look, tmp_path: Path) -> None:
    job, ui = Job(tmp_path, "older form"), look("v1")
    before = len(api.deployed_runs(DEPLOYMENT))
    ui.open_form(api.deployment(DEPLOYMENT).id)
    fill(ui, job)
    ui.fill("windowxsize", "0")
    ui.submit()
    ui.page.get_by_text("0 is less than the minimum of 1").first.wait_for()
    assert len(api.deployed_runs(DEPLOYMENT)) == before

    ui.fill("windowxsize", "50")
    ui.choose("resampleMethod", "cubic")
    ui.click("set")
    ui.fill("numReadWorkers", "1")
    ui.click("show")
    ui.fill("jobName", "older form")
    submit(ui)
    run = started(api, "older form")
    # nothing that nobody has set
    assert run.parameters["controls"] == {
        "windowxsize": 50,
        "windowysize": 80,
        "resampleMethod": "cubic",
        "concurrency": {"numReadWorkers": 1},
    }
    assert given(run, "moreControls") == {"jobName": "older form"}
    eventually(lambda: api.flow_run("older form").state_name == "Completed")
    assert job.is_done()


@pytest.mark.parametrize("version", ["v2", "v1"])
def test_cancel_is_clicked(api: Api, look: Look, tmp_path: Path, version: Version) -> None:
    name = f"cancelled in {version}"
    job, ui = begin(api, tmp_path, name), look(version)
    ui.open_run(api.flow_run(name).id)
    ui.cancel()
    # the job itself takes longer
    eventually(lambda: api.flow_run(name).state_name == "Cancelled", 60)
    assert api.progress(api.flow_run(name).id) < 100
    ui.page.get_by_text("Cancelled", exact=True).first.wait_for()
    np.testing.assert_array_equal(read_raster(job.output), job.pixels)


@pytest.mark.parametrize("version", ["v2", "v1"])
def test_suspend_is_clicked(api: Api, look: Look, tmp_path: Path, version: Version) -> None:
    name = f"suspended in {version}"
    job, ui = begin(api, tmp_path, name), look(version)
    run = api.flow_run(name)
    ui.open_run(run.id)
    ui.suspend()
    eventually(lambda: api.flow_run(name).state_name == "Suspended", 60)
    ui.page.get_by_text("Suspended", exact=True).first.wait_for()
    # it ends its process, and leaves nothing that has begun
    api.log_line(run.id, "Flow run is paused|Finished in state Suspended", 30)
    np.testing.assert_array_equal(read_raster(job.output), job.pixels)
    assert api.progress(run.id) < 100
    api.cancel(run)


def begin(api: Api, folder: Path, name: str) -> Job:
    """Start a job of 130 s, whose output is there already, and wait for its first block."""
    job = Job(folder, name, STYLES["none"])
    job.controls.setWindowSize(8, 8)
    write_raster(job.output, job.pixels)
    call = ApplyCall.prepare(take_a_second, job.infiles, job.outfiles, None, job.controls)
    run = api.start(DEPLOYMENT, call.parameters)
    eventually(lambda: api.progress(run.id))
    return job
