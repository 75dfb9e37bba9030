"""What the engine logs is in the run's log, and still on the terminal."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from rios_flows import applier
from rios_flows.orchestration.logs import ENGINE, EngineLog
from tests.flow.jobs import Job, double
from tests.flow.served import Api
from tests.styles import STYLES

pytestmark = pytest.mark.prefect


def test_a_warning_while_planning(api: Api, folder: Path) -> None:
    job = Job(folder, "omits")
    original = applier.ApplierControls.options

    def options(self: Any, infiles: Any, outfiles: Any) -> Any:
        logging.getLogger("rios_flows.plan").warning("%d things are left out", 3)
        return original(self, infiles, outfiles)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(applier.ApplierControls, "options", options)
        applier.apply(double, job.infiles, job.outfiles, controls=job.controls)
    line = api.log_line(api.flow_run("omits").id, "^3 things are left out")
    assert line.level == logging.WARNING
    assert line.task_run_id is None
    assert ENGINE.handlers == []


def test_a_warning_of_a_lane(api: Api, folder: Path) -> None:
    job = Job(folder, "warns", STYLES["threads 1-1"])

    def warns(info: Any, inputs: Any, outputs: Any) -> None:
        if info.isFirstBlock():
            logging.getLogger("rios_flows.stages").warning("mind the gap")
        double(info, inputs, outputs)

    applier.apply(warns, job.infiles, job.outfiles, controls=job.controls)
    run = api.flow_run("warns")
    line = api.log_line(run.id, "^mind the gap")
    assert line.task_run_id == api.task_runs(run.id, 3)["compute-0"].id


def test_keeping_does_not_silence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    sent: list[str] = []
    with EngineLog() as log:
        ENGINE.warning("heard")
        log.forward(lambda record: sent.append(record.getMessage()))
        ENGINE.warning("too")
    assert sent == ["heard", "too"]
    assert capsys.readouterr().err == "heard\ntoo\n"
