"""What `prefect flow-run logs` says of a run that failed: little, and the error once."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId

from rios_flows import applier, rioserrors
from rios_flows.basics.tracebacks import VARIABLE
from rios_flows.orchestration.short_errors import shorten_in_logs
from tests.orchestration.jobs import Job, fail_in_the_middle, take_a_second
from tests.orchestration.served import Api, Server, run_python
from tests.support.styles import STYLES

pytestmark = pytest.mark.prefect


def lines_of(api: Api, name: str, last: str = "Finished in state") -> list[str]:
    """Return what a flow run that has ended has said."""
    run = api.flow_run(name)
    api.log_line(run.id, last)
    wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))
    with get_client(sync_client=True) as client:
        return [log.message for log in client.read_logs(wanted, limit=200)]


def test_a_failed_run(api: Api, folder: Path) -> None:
    job = Job(folder, "said", STYLES["threads 2-2"])
    with pytest.raises(rioserrors.WorkerExceptionError):
        applier.apply(fail_in_the_middle, job.infiles, job.outfiles, controls=job.controls)
    said = lines_of(api, "said")
    assert sum(message.count("\n") + 1 for message in said) <= 25
    assert len([message for message in said if "no such luck" in message]) == 1
    for lane in ("read-0", "read-1", "compute-0", "compute-1", "write"):
        assert [message for message in said if f"Lane {lane} ends" in message], said


def test_a_failed_flow_around_it(api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    # as the first run of a process does; twice is no more
    shorten_in_logs()
    job = Job(folder, "said below")

    @flow(flow_run_name="said around")
    def users_flow() -> None:
        applier.apply(fail_in_the_middle, job.infiles, job.outfiles, controls=job.controls)

    with pytest.raises(rioserrors.WorkerExceptionError):
        users_flow()
    said = lines_of(api, "said around")
    assert len([message for message in said if "block row" in message]) == 1, said
    assert said[-1] == "Finished in state Failed()"
    assert "no such luck" in str(api.flow_run("said around").state)
    text = "\n".join(said)
    assert text.count("\n") < 25
    # where the user's flow, and where the user's function failed
    assert "in users_flow" in text
    assert "in fail_in_the_middle" in text
    assert "call_flow_fn" not in text
    assert f"{Path('rios_flows', 'applier.py')}" not in text


@pytest.mark.parametrize("submitted", [False, True], ids=["called", "submitted"])
def test_a_failed_task_around_it(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch, submitted: bool
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    shorten_in_logs()
    job = Job(folder, f"said below a task {submitted}")

    @task
    def work() -> None:
        applier.apply(fail_in_the_middle, job.infiles, job.outfiles, controls=job.controls)

    @flow(flow_run_name=f"said above a task {submitted}")
    def users_flow() -> None:
        work.submit().result() if submitted else work()

    with pytest.raises(rioserrors.WorkerExceptionError):
        users_flow()
    last = "Finished in state .*Flow run encountered an exception"
    said = lines_of(api, f"said above a task {submitted}", last)
    text = "\n".join(said)
    assert text.count("\n") < 25, text
    # at the task, and as the end of the flow
    assert text.count("block row") == 2, text
    assert "in work" in text
    assert "in fail_in_the_middle" in text
    assert "call_task_fn" not in text
    assert re.match(last, said[-1])


def test_a_task_whose_time_is_over(api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    shorten_in_logs()
    job = Job(folder, "said too late")

    @task(timeout_seconds=1, task_run_name="too slow")
    def work() -> None:
        applier.apply(take_a_second, job.infiles, job.outfiles, controls=job.controls)

    @flow(flow_run_name="said in time")
    def users_flow() -> None:
        work()

    with pytest.raises(TimeoutError):
        users_flow()
    text = "\n".join(lines_of(api, "said in time", "Finished in state .*Flow run failed"))
    assert "Scope timed out after 1.0 second(s)" in text
    assert text.count("\n") < 25, text


def test_only_what_is_there_already_is_left_out(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    shorten_in_logs()
    log = logging.LoggerAdapter(logging.getLogger("prefect.flow_runs"), {"flow_run_id": "7"})
    ended = "Finished in state Failed('Flow run encountered an exception: X: lost')"
    log.info(ended)
    for error in (ValueError("of the user"), rioserrors.RiosError("of ours")):
        try:
            raise error
        except Exception as raised:
            log.exception("Encountered exception during execution: %r", raised)
            log.exception("The user's own words, %s", "kept")
        log.info(ended)
    log.info("Finished in state Completed('encountered an exception, and went on')")
    assert [record.getMessage() for record in caplog.records] == [
        ended,
        "Encountered exception during execution: ValueError('of the user')",
        "The user's own words, kept",
        ended,
        "Encountered exception during execution",
        "The user's own words, kept",
        "Finished in state Failed()",
        "Finished in state Completed('encountered an exception, and went on')",
    ]


INTERRUPTED = """
import os, signal, threading
from pathlib import Path
from rios_flows import applier
from tests.orchestration.jobs import Job, take_a_second

def stop(info, inputs, outputs):
    if info.isFirstBlock():
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    take_a_second(info, inputs, outputs)

job = Job(Path.cwd(), "stopped by hand")
applier.apply(stop, job.infiles, job.outfiles, controls=job.controls)
"""


def test_an_interruption_says_little(server: Server, tmp_path: Path) -> None:
    ended = run_python(INTERRUPTED, server.environment(), tmp_path)
    assert "KeyboardInterrupt" in ended.stderr
    of_traceback = [line for line in ended.stderr.splitlines() if line.startswith(" ")]
    assert not [line for line in of_traceback if "prefect" in line]
    assert len(of_traceback) <= 12, ended.stderr
