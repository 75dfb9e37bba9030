"""What the engine logs is in the run's log, and still on the terminal."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from rios_flows import applier
from rios_flows.controls import held
from rios_flows.orchestration.logs import ENGINE, EngineLog
from tests.orchestration.jobs import Job, double
from tests.orchestration.served import Api
from tests.support.styles import STYLES

pytestmark = pytest.mark.prefect


def test_a_warning_while_planning(api: Api, folder: Path) -> None:
    job = Job(folder, "omits")

    def resolved(controls: Any, infiles: Any, outfiles: Any) -> Any:
        logging.getLogger("rios_flows.jobs.plan").warning("%d things are left out", 3)
        return held.resolved(controls, infiles, outfiles)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rios_flows.jobs.preparing.resolved", resolved)
        applier.apply(double, job.infiles, job.outfiles, controls=job.controls)
    line = api.log_line(api.flow_run("omits").id, "^3 things are left out")
    assert line.level == logging.WARNING
    assert line.task_run_id is None
    assert ENGINE.handlers == []


def test_a_warning_of_a_lane(api: Api, folder: Path) -> None:
    job = Job(folder, "warns", STYLES["threads 1-1"])

    def warns(info: Any, inputs: Any, outputs: Any) -> None:
        if info.isFirstBlock():
            logging.getLogger("rios_flows.runs.attempts").warning("mind the gap")
        double(info, inputs, outputs)

    applier.apply(warns, job.infiles, job.outfiles, controls=job.controls)
    run = api.flow_run("warns")
    line = api.log_line(run.id, "^mind the gap")
    assert line.task_run_id == api.task_runs(run.id, 3)["compute-0"].id


def test_information_of_the_engine(api: Api, folder: Path) -> None:
    job = Job(folder, "informs", STYLES["threads 1-1"])

    def informs(info: Any, inputs: Any, outputs: Any) -> None:
        if info.isFirstBlock():
            logging.getLogger("rios_flows.runs.resume").info("%d of 12 blocks are there", 5)
        double(info, inputs, outputs)

    assert not ENGINE.isEnabledFor(logging.INFO)
    applier.apply(informs, job.infiles, job.outfiles, controls=job.controls)
    assert api.log_line(api.flow_run("informs").id, "^5 of 12 blocks").level == logging.INFO
    assert not ENGINE.isEnabledFor(logging.INFO)
    assert ENGINE.propagate


class Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def heard(log: EngineLog) -> list[str]:
    sent: list[str] = []
    log.forward(lambda record: sent.append(record.getMessage()))
    return sent


def test_keeping_does_not_silence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    # two runs at a time: a line is printed once
    with EngineLog() as outer, EngineLog() as log:
        ENGINE.warning("heard")
        sent = heard(log)
        ENGINE.warning("too")
        ENGINE.info("not printed")
    assert sent == ["heard", "too", "not printed"]
    assert heard(outer) == []
    assert capsys.readouterr().err == "heard\ntoo\n"


@pytest.mark.parametrize("name", ["", "rios_flows", "rios_flows.jobs.plan"])
def test_handlers_of_the_users_hear_what_they_always_hear(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    theirs = Listener()
    monkeypatch.setattr(logging.getLogger(name), "handlers", [theirs])
    plan = logging.getLogger("rios_flows.jobs.plan")
    with EngineLog(), EngineLog():
        plan.warning("once")
        if name != plan.name:
            plan.info("never")
    plan.warning("after")
    assert theirs.lines == ["once", "after"]
    assert capsys.readouterr().err == ""


def test_a_level_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, plan = Listener(), logging.getLogger("rios_flows.jobs.plan")
    monkeypatch.setattr(logging.root, "handlers", [theirs])
    for logger, level in ((plan, logging.DEBUG), (ENGINE, logging.ERROR)):
        before = logger.level
        logger.setLevel(level)
        try:
            with EngineLog() as log:
                plan.debug("fine print")
                logging.getLogger("rios_flows.runs.run").warning("from elsewhere")
            assert logger.level == level
        finally:
            logger.setLevel(before)
        expected = ["fine print", "from elsewhere"] if logger is plan else []
        assert heard(log) == expected
        assert theirs.lines == expected
        theirs.lines.clear()


def test_a_call_keeps_its_own_records_only() -> None:
    logs = [EngineLog(), EngineLog()]
    together = threading.Barrier(2)

    def plan(number: int) -> None:
        with logs[number]:
            together.wait(10)
            ENGINE.warning("%d plans", number)
            together.wait(10)

    threads = [threading.Thread(target=plan, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [heard(log) for log in logs] == [["0 plans"], ["1 plans"]]
    assert ENGINE.handlers == []
