"""What Prefect's UI shows of a run: progress, a summary with pictures, a table of blocks."""

from __future__ import annotations

import base64
import io
import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import Artifact

from rios_flows import applier, rioserrors
from rios_flows.orchestration.run_display import RunDisplay
from rios_flows.outputs.outputset import OutputSet
from tests.orchestration.jobs import BLOCKS, Job, double, fail_in_the_middle
from tests.orchestration.served import Api, eventually
from tests.support.styles import STYLES

pytestmark = pytest.mark.prefect


def pictures(summary: Artifact) -> list[tuple[int, int]]:
    """Return the sizes of the PNG pictures in a markdown artifact."""
    found = re.findall(r"!\[[^\]]+\]\(data:image/png;base64,([^)]+)\)", str(summary.data))
    images = [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]
    for image in images:
        assert image.format == "PNG"
        image.load()
    return [image.size for image in images]


def test_a_run_that_completes(api: Api, folder: Path) -> None:
    job = Job(folder, "Artifacts of 1 run", STYLES["threads 2-2"])
    applier.apply(double, job.infiles, job.outfiles, controls=job.controls)

    found = api.artifacts(api.flow_run("Artifacts of 1 run").id)
    assert set(found) == {"progress", "summary", "blocks"}
    assert found["summary"].key == "artifacts-of-1-run-summary"
    assert float(str(found["progress"].data)) == 100
    assert found["summary"].type == "markdown"
    sizes = pictures(found["summary"])
    assert len(sizes) == 2
    assert min(min(size) for size in sizes) > 100
    assert "compute-1" in str(found["summary"].data)
    rows = json.loads(str(found["blocks"].data))
    assert {(row["row"], row["column"]) for row in rows} == {
        (row, column) for row in range(3) for column in range(4)
    }
    totals = [row["total (ms)"] for row in rows]
    assert totals == sorted(totals, reverse=True)
    # the first columns, which the page shows without scrolling
    assert list(rows[0])[2:5] == ["total (ms)", "lanes", "hosts"]
    assert all(row["error"] == "" for row in rows)


def test_a_run_that_fails(api: Api, folder: Path) -> None:
    job = Job(folder, "artifacts of a failure")
    with pytest.raises(rioserrors.WorkerExceptionError):
        applier.apply(fail_in_the_middle, job.infiles, job.outfiles, controls=job.controls)

    found = api.artifacts(api.flow_run("artifacts of a failure").id)
    # row by row: the block in row 1, column 2 is the seventh
    assert float(str(found["progress"].data)) == pytest.approx(100 * 6 / BLOCKS, abs=0.1)
    assert len(pictures(found["summary"])) == 2
    assert "no such luck" in str(found["summary"].data)
    # where in the function, which the message of the run's state does not say
    assert "in fail_in_the_middle" in str(found["summary"].data)
    rows = json.loads(str(found["blocks"].data))
    assert len(rows) == 7
    (failed,) = [row for row in rows if row["error"]]
    assert (failed["row"], failed["column"]) == (1, 2)
    assert "no such luck" in failed["error"]


def test_progress_can_be_seen(api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rios_flows.orchestration.run_display.TICK", 0.05)
    for pause in ("LINE_EVERY", "FIRST_LINES"):
        monkeypatch.setattr(f"rios_flows.orchestration.run_display.{pause}", 0.2)
    job = Job(folder, "live", STYLES["none, 2 readers"])
    go_on, seen = threading.Event(), []

    def waits(info: Any, inputs: Any, outputs: Any) -> None:
        if info.getBlockCount() == (0, 2):
            # after two rows of three: somebody looks at the run now
            run = api.flow_run("live")
            eventually(lambda: api.progress(run.id) > 60)
            doing = "computing row 2, column 0 for .* s; so far 8 computations, 8 writes, "
            seen.append(api.log_line(run.id, f"^Lane compute-write: {doing}"))
            api.log_line(run.id, "^8 of 12 blocks written, 4 left; .*block.*, about .* s left$")
            shown = api.artifacts(run.id)["progress"]
            assert re.match("8 of 12 blocks written, 4 left; ", str(shown.description))
        double(info, inputs, outputs)
        go_on.set()

    applier.apply(waits, job.infiles, job.outfiles, controls=job.controls)
    assert seen
    assert seen[0].task_run_id == api.task_runs(api.flow_run("live").id, 3)["compute-write"].id


def test_a_server_that_refuses_them_fails_no_run(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(self: SyncPrefectClient, artifact: Any) -> None:
        asked.append(artifact.type)
        raise ValueError("no artifacts today")

    monkeypatch.setattr(SyncPrefectClient, "create_artifact", refuse)
    job = Job(folder, "refused")
    applier.apply(double, job.infiles, job.outfiles, controls=job.controls)
    assert job.is_done()
    run = api.flow_run("refused")
    assert run.state_name == "Completed"
    # each is tried once
    assert sorted(asked) == ["markdown", "progress", "table"]
    assert api.log_line(run.id, "the summary.*no artifacts today").level == 30


def test_a_slow_server_slows_no_lane(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, close = SyncPrefectClient.create_artifact, OutputSet.close
    closed, waited = threading.Event(), []

    def slowly(self: SyncPrefectClient, artifact: Any) -> Any:
        waited.append(closed.wait(20))
        return create(self, artifact)

    def closes(self: OutputSet, timers: Any) -> None:
        close(self, timers)
        closed.set()

    monkeypatch.setattr(SyncPrefectClient, "create_artifact", slowly)
    monkeypatch.setattr(OutputSet, "close", closes)
    job = Job(folder, "slow server", STYLES["threads 1-1"])
    applier.apply(double, job.infiles, job.outfiles, controls=job.controls)
    # the server answers when the last lane has written all
    assert waited == [True] * 3
    assert set(api.artifacts(api.flow_run("slow server").id)) == {"progress", "summary", "blocks"}


def test_patience_ends(api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, begun, ends, publish = [], threading.Event(), threading.Event(), RunDisplay.publish

    def hangs(self: SyncPrefectClient, artifact: Any) -> None:
        asked.append(artifact.type)
        begun.set()
        assert ends.wait(20)
        time.sleep(1.5)
        raise ConnectionError("too late")

    def waits(info: Any, inputs: Any, outputs: Any) -> None:
        assert begun.wait(20)
        double(info, inputs, outputs)

    def publishes(self: RunDisplay, *told: Any) -> None:
        ends.set()
        publish(self, *told)

    monkeypatch.setattr(SyncPrefectClient, "create_artifact", hangs)
    monkeypatch.setattr(RunDisplay, "publish", publishes)
    monkeypatch.setenv("RIOS_FLOWS_SERVER_WAIT", "0.3")
    job = Job(folder, "patience")
    applier.apply(waits, job.infiles, job.outfiles, controls=job.controls)
    # what was begun has ended, and nothing more was begun
    assert not [t for t in threading.enumerate() if t.name == "run-display"]
    assert asked == ["progress"]
    assert job.is_done()
    run = api.flow_run("patience")
    assert run.state_name == "Completed"
    page = folder / "patience.tif.report.html"
    assert api.log_line(run.id, f"its summary is in '{page}'").level == 30
    assert "12 blocks in" in page.read_text()
    assert page.read_text().count("<img") == 2


def test_a_server_that_hangs_is_not_asked_for_minutes(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def slow(self: Any, request: httpx.Request, **how: Any) -> httpx.Response:
        if request.url.path.endswith("/artifacts/"):
            tried.append(request.url.path)
            raise httpx.ReadTimeout("no answer")
        return send(self, request, **how)

    send = httpx.Client.send
    monkeypatch.setattr(httpx.Client, "send", slow)
    monkeypatch.setenv("RIOS_FLOWS_SERVER_WAIT", "1")
    job = Job(folder, "hangs")
    applier.apply(double, job.infiles, job.outfiles, controls=job.controls)
    # not six times, which takes Prefect a minute of pauses
    assert len(tried) == 1
    assert api.flow_run("hangs").state_name == "Completed"
