"""A run that somebody cancels, pauses or ends at the server while its process lives on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.context import FlowRunContext
from prefect.exceptions import Abort
from prefect.states import (
    Cancelled,
    Cancelling,
    Completed,
    Crashed,
    Failed,
    Paused,
    Running,
    Suspended,
)

from rios_flows import applier, rioserrors
from rios_flows.orchestration import watch
from rios_flows.orchestration.aftermath import KILLED
from rios_flows.orchestration.automations import NO_SIGN
from rios_flows.orchestration.run_states import States, is_cancelling, let_come_again, set_state
from rios_flows.orchestration.verdicts import ENDED_BY_WORKER, verdict_on
from rios_flows.runs.run import lane_names
from tests.orchestration.jobs import BLOCKS, Job, double
from tests.orchestration.served import Api
from tests.support.styles import STYLES

pytestmark = pytest.mark.prefect


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look more often than users need."""
    monkeypatch.setattr(watch, "POLL", 0.2)
    monkeypatch.setattr(watch, "TICK", 0.05)


class Disturbed:
    """A user function in whose midst somebody sets the state of a flow run."""

    def __init__(
        self, states: dict[int, State[Any]], around: bool = False, by_worker: bool = False
    ) -> None:
        self.states, self.around, self.by_worker, self.blocks = states, around, by_worker, 0

    def __call__(self, info: Any, inputs: Any, outputs: Any) -> None:
        self.blocks += 1
        number = self.blocks
        if number in self.states:
            self.set(self.states[number])
        # long enough to be noticed on a busy machine, also while another lane goes on
        late = 0.3 if number > min(self.states, default=BLOCKS) else 0.1
        time.sleep(2 if number in self.states else late)
        double(info, inputs, outputs)

    def set(self, state: State[Any]) -> None:
        context = FlowRunContext.get()
        assert context is not None
        assert context.flow_run is not None
        run = context.flow_run.id
        with get_client(sync_client=True) as client:
            if self.around:
                parent = client.read_flow_run(run).parent_task_run_id
                assert parent is not None
                run = client.read_task_run(parent).flow_run_id  # type: ignore[assignment]
            if self.by_worker:
                os.environ["PREFECT__FLOW_RUN_ID"] = str(run)
            client.set_flow_run_state(run, state, force=True)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this not be the process of a worker in the end."""
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", "")
    monkeypatch.delenv("PREFECT__FLOW_RUN_ID")


def apply(job: Job, function: Callable[..., None]) -> None:
    applier.apply(function, job.infiles, job.outfiles, controls=job.controls)


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
@pytest.mark.parametrize("state", [Cancelling(), Cancelled()], ids=["Cancelling", "Cancelled"])
def test_a_cancelled_run_ends_as_such(
    api: Api, folder: Path, style: str, state: State[Any]
) -> None:
    job = Job(folder, f"cancelled {style} {state.name}", STYLES[style])
    function = Disturbed({2: state})
    with pytest.raises(rioserrors.ProcessCancelledError, match="was cancelled"):
        apply(job, function)
    assert 2 <= function.blocks < BLOCKS
    assert not job.output.exists()
    run = api.flow_run(f"cancelled {style} {state.name}")
    assert run.state_name == "Cancelled"
    names = lane_names(STYLES[style])
    assert api.task_runs(run.id, len(names))[names[-1]].state_name == "Cancelled"
    assert "was cancelled after" in str(api.artifacts(run.id)["summary"].data)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("by_worker", [False, True])
def test_a_run_that_is_cancelled_with_its_last_block_is_not_published(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch, by_worker: bool
) -> None:
    name = f"cancelled late {by_worker}"
    job = Job(folder, name)
    function = Disturbed({BLOCKS: Cancelling()}, by_worker=by_worker)
    monkeypatch.setattr(watch, "POLL", 0.9)
    with pytest.raises(rioserrors.ProcessCancelledError):
        apply(job, function)
    assert function.blocks == BLOCKS
    assert not job.output.exists()
    assert api.flow_run(name).state_name == "Cancelled"


def test_a_run_whose_flow_run_is_deleted_goes_on(
    api: Api, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = Job(folder, "deleted meanwhile")

    def delete(info: Any, inputs: Any, outputs: Any) -> None:
        if info.getBlockCount() == (1, 1):
            with get_client(sync_client=True) as client:
                client.delete_flow_run(api.flow_run("deleted meanwhile").id)
        double(info, inputs, outputs)

    rtn = applier.apply(delete, job.infiles, job.outfiles, controls=job.controls)
    assert rtn is not None
    assert job.output.exists()
    assert not api.flow_runs("deleted meanwhile")
    text = "Prefect was not told that the outputs are complete: its flow run was deleted"
    assert text in caplog.text


def test_the_flow_around_is_cancelled(api: Api, folder: Path) -> None:
    job = Job(folder, "within")
    function = Disturbed({2: Cancelling()}, around=True)

    @flow(flow_run_name="cancelled around it")
    def users_flow() -> None:
        # as some users do
        with suppress(Exception):
            apply(job, function)

    with pytest.raises(Abort, match="was cancelled"):
        users_flow()
    assert api.flow_run("within").state_name == "Cancelled"
    assert api.flow_run("cancelled around it").state_name == "Cancelled"
    assert not job.output.exists()


def test_a_paused_run_waits(api: Api, folder: Path) -> None:
    job = Job(folder, "paused", STYLES["threads 1-1"])
    function = Disturbed({2: Paused(timeout_seconds=60)})
    seen: list[int] = []

    def resume() -> None:
        # all twelve blocks would have been computed by then
        time.sleep(3)
        seen.append(function.blocks)
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(api.flow_run("paused").id, Running())

    # in a copy of the context, which has the server to talk to
    thread = Thread(target=copy_context().run, args=(resume,))
    thread.start()
    apply(job, function)
    thread.join()
    assert seen[0] < function.blocks == BLOCKS
    assert job.is_done()
    assert api.flow_run("paused").state_name == "Completed"


def test_a_run_that_somebody_has_ended_stays_ended(api: Api, folder: Path) -> None:
    job = Job(folder, "ended")
    with pytest.raises(rioserrors.ProcessCancelledError, match="as Failed"):
        apply(job, Disturbed({2: Failed(message="enough")}))
    assert api.flow_run("ended").state_name == "Failed"
    assert not job.output.exists()


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("state", "by_worker"),
    [(Crashed(message=NO_SIGN), False), (Cancelled(message=ENDED_BY_WORKER), True)],
    ids=["no sign of life", "an earlier attempt ended"],
)
def test_a_run_that_was_taken_for_dead_goes_on(
    api: Api, folder: Path, state: State[Any], by_worker: bool
) -> None:
    name = f"alive after all {by_worker}"
    job = Job(folder, name)
    apply(job, Disturbed({2: state}, by_worker=by_worker))
    assert job.is_done()
    assert api.flow_run(name).state_name == "Completed"


def run_in(state: State[Any], deployment: UUID | None = None) -> FlowRun:
    return FlowRun(flow_id=uuid4(), state=state, deployment_id=deployment)


@pytest.mark.parametrize(
    ("states", "what"),
    [
        ([], "goes on"),
        ([Running()], "goes on"),
        ([Running(), Cancelling()], "was cancelled"),
        ([Paused(timeout_seconds=9999)], "rests"),
        ([Paused(timeout_seconds=-1)], "was ended"),
        # it could not start again
        ([Suspended(timeout_seconds=9999)], "rests"),
        ([Crashed(message=NO_SIGN)], "revives"),
        ([Crashed(message=KILLED)], "revives"),
        ([Crashed(message="by hand")], "was ended"),
        ([Completed()], "was ended"),
        ([Paused(timeout_seconds=9999), Cancelled()], "was cancelled"),
    ],
)
def test_verdicts(states: list[State[Any]], what: str) -> None:
    assert verdict_on(map(run_in, states)).what == what


@pytest.mark.parametrize(
    "state",
    [
        Suspended(timeout_seconds=9999),
        Suspended(timeout_seconds=-1),
        State(type=StateType.PAUSED, name="Suspended"),
    ],
    ids=["suspended", "for long", "by the API"],
)
def test_a_run_of_a_deployment_can_be_suspended(state: State[Any]) -> None:
    assert verdict_on([run_in(state, uuid4())]).what == "was suspended"


def test_a_cancelled_run_of_a_worker_waits_for_its_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_in(Cancelling())
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", str(run.id))
    assert verdict_on([run]).what == "goes on"
    assert verdict_on([run, run_in(Cancelling())]).what == "was cancelled"
    # unless it would publish its outputs meanwhile
    assert verdict_on([run], signalled=False).what == "was cancelled"


def test_a_worker_that_ends_an_earlier_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_in(Cancelled(message=ENDED_BY_WORKER))
    assert verdict_on([run]).what == "was cancelled"
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", str(run.id))
    assert verdict_on([run]).what == "revives"
    assert verdict_on([run_in(Cancelled(message=ENDED_BY_WORKER))]).what == "was cancelled"


def test_what_is_asked_of_the_server(api: Api) -> None:
    with get_client(sync_client=True) as client:
        own, around = (client.create_flow_run(nothing, state=Running()) for _ in range(2))
        with States([own.id, around.id]) as states:
            assert states.ask() == []
            set_state(around.id, Cancelling())
            assert is_cancelling(around.id)
            assert [run.id for run in states.ask()] == [own.id, around.id]
            states.revive(around.id)
            assert states.ask() == []


def test_a_suspended_run_comes_again(api: Api) -> None:
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(nothing, state=Running())
        # as somebody may set it by the API
        by_name = State[Any](type=StateType.PAUSED, name="Suspended")
        client.set_flow_run_state(run.id, by_name)
        let_come_again(run.id, by_name)
        state = client.read_flow_run(run.id).state
    assert state is not None
    assert state.name == "Suspended"
    assert state.state_details.pause_reschedule


@flow(name="stands for others")
def nothing() -> None: ...
