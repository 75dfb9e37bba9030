"""Runs whose process has died are marked as crashed by an automation, and no others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.events import emit_event
from prefect.states import Completed, Running
from prefect.types._datetime import now

from rios_flows import applier
from rios_flows.basics.threads import thread_in_context
from rios_flows.orchestration import life, watch
from rios_flows.orchestration.automations import NO_SIGN, crash_automation, lane_automation
from rios_flows.orchestration.farewells import FAREWELLS
from rios_flows.orchestration.life import SignsOfLife
from rios_flows.orchestration.webhook import keep_webhook, wanted_webhook
from tests.orchestration.jobs import Job, double
from tests.orchestration.served import Api, eventually, share
from tests.support.styles import STYLES

pytestmark = pytest.mark.prefect

#: Prefect allows 10, but a server with much to do may see an event later than that (s).
PATIENCE = 20


@flow(name="stands for others")
def nothing() -> None: ...


@contextmanager
def automation(patience: float) -> Iterator[None]:
    """Have the server run the automations for a while."""
    with get_client(sync_client=True) as client:
        events = keep_webhook(wanted_webhook(str(client.api_url)))
        asked = crash_automation(patience), lane_automation(events, patience)
        made = [client.create_automation(each) for each in asked]
        try:
            # the server hears of it by a message, and what comes before that counts for nothing
            time.sleep(min(5.0, share()))
            yield
        finally:
            for each in made:
                client.delete_automation(each)


def enters(lane: TaskRun, state: State[Any]) -> None:
    """Have the server record a state of a lane, as Prefect does."""
    flow_run = f"prefect.flow-run.{lane.flow_run_id}"
    emit_event(
        f"prefect.task-run.{state.name}",
        {
            "prefect.resource.id": f"prefect.task-run.{lane.id}",
            "prefect.resource.name": lane.name,
            "prefect.orchestration": "client",
        },
        related=[{"prefect.resource.id": flow_run, "prefect.resource.role": "flow-run"}],
        payload={
            "validated_state": {"type": state.type.value, "name": state.name},
            "task_run": {
                "name": lane.name,
                "task_key": lane.task_key,
                "dynamic_key": lane.dynamic_key,
            },
        },
    )


def lane_of(run: FlowRun, name: str) -> TaskRun:
    """Return a lane of a flow run, which goes on."""
    lane = TaskRun(
        id=uuid4(),
        flow_run_id=run.id,
        name=name,
        task_key="run_lane",
        dynamic_key=str(uuid4()),
        start_time=now("UTC"),  # type: ignore[arg-type]
    )
    enters(lane, Running())
    return lane


@contextmanager
def alive(run: FlowRun, lane: TaskRun) -> Iterator[None]:
    """Show signs of life from a thread, as a run does: who looks may have to wait for answers."""
    signs, over = SignsOfLife([run], [lane]), Event()

    def show() -> None:
        while not over.wait(0.5):
            signs.show()

    signs.show()
    thread = thread_in_context(show, name="signs")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.slow
def test_who_counts_as_dead(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "EVERY", 2.0)
    with automation(PATIENCE), get_client(sync_client=True) as client:

        def started(name: str) -> FlowRun:
            return client.create_flow_run(nothing, name=name, state=Running())

        dead, parent, healthy, within, goes_on, other = map(
            started, ("dead", "its parent", "lives", "is over", "goes on", "of somebody else")
        )
        lanes = {
            name: lane_of(run, name)
            for run, name in (
                (dead, "read"),
                (dead, "done"),
                (healthy, "writes"),
                (dead, 'a "quote"'),
            )
        }
        last = SignsOfLife([dead, parent], [lanes["read"], lanes['a "quote"']])
        with last.with_task(lanes["done"]):
            for _ in range(3):
                last.show()
                time.sleep(life.EVERY)
        # after the last sign of life, whose event tells that it goes on
        enters(lanes["done"], Completed())
        # Prefect's own heartbeats come as often as each flow pleases
        resource = {"prefect.resource.id": f"prefect.flow-run.{other.id}"}
        emit_event("prefect.flow-run.heartbeat", resource)
        # a run within a flow run that goes on
        over = SignsOfLife([within, goes_on])
        over.show()
        over.end()
        client.set_flow_run_state(within.id, Completed())

        def crashed() -> bool:
            states = [client.read_flow_run(run.id).state_name for run in (dead, parent)]
            return states == ["Crashed", "Crashed"]

        def state_of(lane: str) -> str | None:
            return client.read_task_run(lanes[lane].id).state_name

        with alive(healthy, lanes["writes"]):
            eventually(crashed, 60)
            state = client.read_flow_run(dead.id).state
            assert state is not None
            assert state.message == NO_SIGN
            for run in (healthy, goes_on, other):
                assert client.read_flow_run(run.id).state_name == "Running", run.name
            assert client.read_flow_run(within.id).state_name == "Completed"

            eventually(lambda: state_of("read") == state_of('a "quote"') == "Crashed", 30)
            crashed_lane = client.read_task_run(lanes['a "quote"'].id)
            assert crashed_lane.name == 'a "quote"'
            assert crashed_lane.end_time
            assert str(crashed_lane.state and crashed_lane.state.message) == NO_SIGN
            assert state_of("done") == "Completed"
            assert state_of("writes") == "Running"

        last.revive_tasks()
        eventually(lambda: state_of("read") == state_of('a "quote"') == "Running", 30)
        assert client.read_task_run(lanes["read"].id).end_time is None
        assert state_of("done") == "Completed"


Sign = tuple[str, str, set[str]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Sign]:
    """Return the signs of life of this process: what, of which flow run, with which task runs."""
    signs: list[Sign] = []

    def emit(
        event: str, resource: dict[str, str], when: Any = None, payload: Any = None, **_: Any
    ) -> None:
        tasks = {task["run"]["name"] for task in (payload or {}).get("tasks", ())}
        signs.append((event.rpartition(".")[2], resource["prefect.resource.name"], tasks))

    # of earlier tests
    FAREWELLS.forget()
    monkeypatch.setattr(life, "emit_event", emit)
    return signs


def test_a_subflow_tells_of_its_parent(api: Api, folder: Path, told: list[Sign]) -> None:
    job = Job(folder, "the child")

    @flow(flow_run_name="the middle")
    def inner() -> None:
        applier.apply(double, job.infiles, job.outfiles, controls=job.controls)

    @flow(flow_run_name="the outer")
    def outer() -> None:
        inner()

    outer()
    names = ["the child", "the middle", "the outer"]
    signs = [(what, name) for what, name, _ in told]
    assert signs[:3] == [("alive", name) for name in names]
    assert signs[-3:] == [("left", name) for name in names]
    assert set(signs) == {(what, name) for what in ("alive", "left") for name in names}


def test_signs_tell_of_lanes_and_of_tasks_around(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch, told: list[Sign]
) -> None:
    job = Job(folder, "in a task", STYLES["threads 1-1"])

    def slowly(info: Any, inputs: Any, outputs: Any) -> None:
        time.sleep(0.1)
        double(info, inputs, outputs)

    @task(task_run_name="the user's")
    def work() -> None:
        applier.apply(slowly, job.infiles, job.outfiles, controls=job.controls)

    @flow(flow_run_name="around the task")
    def outer() -> None:
        work()

    monkeypatch.setattr(watch, "TICK", 0.05)
    outer()
    seen = [tasks for what, name, tasks in told if (what, name) == ("alive", "in a task")]
    # a new lane is told of at once, not with the next sign that is due
    assert set().union(*seen) == {"the user's", "read-0", "compute-0", "write"}
    assert all("the user's" in tasks for tasks in seen)
    assert len(seen) <= 5
    others = [tasks for _, name, tasks in told if name == "around the task"]
    assert not any(others)


def test_a_new_sign_follows_a_revival(told: list[Sign]) -> None:
    run = FlowRun(id=uuid4(), flow_id=uuid4(), name="was silent")
    lane = TaskRun(id=uuid4(), flow_run_id=run.id, name="read-0", task_key="", dynamic_key="")
    signs = SignsOfLife([run], [lane])
    signs.show()
    signs.revive_tasks()
    # else a run that is lost right after would have states that are newer than its last sign
    assert [sign[:2] for sign in told[1:]] == [("Running", "read-0"), ("alive", "was silent")]


def test_by_default_two_signs_may_be_lost() -> None:
    trigger = crash_automation().trigger
    assert trigger.within.total_seconds() == 90  # type: ignore[union-attr]
