"""Work on attribute tables inside a flow or a task: its progress and log are those of the run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prefect import flow, task

from rios_flows import rat, ratapplier
from rios_flows.orchestration import table_display, tables
from rios_flows.orchestration.artifacts import Artifacts
from rios_flows.orchestration.logs import ENGINE
from tests.orchestration.served import Api
from tests.support.rasters import coordinates, write_raster


def double(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.a.twice = inputs.a.number * 2


def apply(path: Path, function: Any = double) -> None:
    table = ratapplier.RatAssociations()
    table.a = ratapplier.RatHandle(path)
    controls = ratapplier.RatApplierControls()
    controls.setBlockLength(25)
    ratapplier.apply(function, table, table, controls=controls)


@pytest.fixture
def path(folder: Path) -> Path:
    path = write_raster(folder / "a.tif", coordinates(1, 9, 9, "uint16"))
    rat.writeColumn(path, "number", np.arange(100))
    return path


@pytest.mark.prefect
def test_in_a_flow(api: Api, path: Path) -> None:
    @flow(flow_run_name="tables in a flow")
    def users_flow() -> None:
        apply(path)
        ratapplier.copyRAT(
            path, write_raster(path.with_name("b.tif"), coordinates(1, 9, 9, "uint8"))
        )

    users_flow()
    assert rat.readColumn(path, "twice").tolist() == list(range(0, 200, 2))
    run = api.flow_run("tables in a flow")
    found = api.artifacts(run.id)
    assert found["progress"].key in ("double-progress", "copyrat-progress")
    assert float(str(found["progress"].data)) == 100
    line = api.log_line(run.id, "^double: 50 of 100 rows done")
    assert (line.level, line.task_run_id) == (logging.INFO, None)
    api.log_line(run.id, "^copyRAT: 2 of 2 columns done")
    assert ENGINE.handlers == []


@pytest.mark.prefect
def test_in_a_task_that_fails(api: Api, path: Path) -> None:
    def fails(info: Any, inputs: Any, outputs: Any) -> None:
        if info.blockNdx == 2:
            raise ZeroDivisionError

    @task
    def users_task() -> None:
        apply(path, fails)

    @flow(flow_run_name="tables in a task")
    def users_flow() -> None:
        with pytest.raises(ZeroDivisionError):
            users_task.submit().result()

    users_flow()
    run = api.flow_run("tables in a task")
    (task_run,) = api.task_runs(run.id, 1).values()
    progress = api.artifacts(run.id)["progress"]
    assert (float(str(progress.data)), progress.task_run_id) == (50, task_run.id)
    assert api.log_line(run.id, "^fails: 50 of 100 rows done").task_run_id == task_run.id


def test_outside_of_flows_nothing_is_sent(path: Path) -> None:
    with table_display.shown_in_prefect("nothing") as shows:
        assert shows == ()
    assert ratapplier.apply is tables.apply


def test_a_server_that_does_not_answer(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: Artifacts) -> Artifacts:
        raise OSError("no route")

    monkeypatch.setattr(Artifacts, "__enter__", refuse)
    with table_display.TableDisplay(Artifacts(None, "a")) as display:
        display.show(3)
    assert "Not shown in Prefect: the progress: OSError('no route')" in caplog.text
