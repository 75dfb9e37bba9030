"""Global concurrency limits of a real server: runs that share them, and how they get them back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import (
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
)
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterFlowRunId
from prefect.client.schemas.objects import TaskRun

from rios_flows import applier
from rios_flows.applier import ApplierReturn
from rios_flows.orchestration import slots
from rios_flows.orchestration.limits import Limits
from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle
from tests.orchestration.jobs import Job, double, fail_in_the_middle
from tests.orchestration.served import Api, Server, eventually
from tests.support.styles import STYLES

pytestmark = pytest.mark.prefect

NAMES = ("rios-read", "rios-compute", "rios-write")


class Operator:
    """Makes limits, and looks at them."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def limit(self, **limits: int) -> None:
        for kind, count in limits.items():
            wanted = GlobalConcurrencyLimitCreate(name=f"rios-{kind}", limit=count)
            self._client.create_global_concurrency_limit(wanted)

    def switch_off(self, name: str) -> None:
        self._client.update_global_concurrency_limit(
            name, GlobalConcurrencyLimitUpdate(active=False)
        )

    def taken(self) -> dict[str, int]:
        found = self._client.read_global_concurrency_limits(200)
        return {limit.name: limit.active_slots for limit in found if limit.name in NAMES}

    def take(self, name: str, count: int) -> Callable[[], None]:
        """Take slots as somebody else; returns what gives them back."""
        lease = self._client.increment_concurrency_slots_with_lease(
            [name], count, "concurrency", 300
        ).json()["lease_id"]
        return lambda: self._client.release_concurrency_slots_with_lease(lease)

    def lanes(self, flow_run_id: UUID) -> list[TaskRun]:
        """Return those that have begun, once all have ended."""

        def ended() -> list[TaskRun] | None:
            wanted = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[flow_run_id]))
            lanes: list[TaskRun] = self._client.read_task_runs(task_run_filter=wanted)
            over = all(lane.state is not None and lane.state.is_final() for lane in lanes)
            return lanes if over and "write" in {lane.name for lane in lanes} else None

        return eventually(ended)

    def remove_all(self) -> None:
        for name in self.taken():
            self._client.delete_global_concurrency_limit_by_name(name)


@pytest.fixture
def operator(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    monkeypatch.setattr(slots, "POLL", 0.2)
    with get_client(sync_client=True) as client:
        operator = Operator(client)
        try:
            yield operator
        finally:
            operator.remove_all()


def slowly(info: Any, inputs: Any, outputs: Any) -> None:
    time.sleep(0.05)
    double(info, inputs, outputs)


def run(job: Job, function: Any = slowly) -> ApplierReturn:
    return applier.apply(function, job.infiles, job.outfiles, controls=job.controls)


def most_at_once(intervals: list[tuple[Any, Any]]) -> int:
    """Count intervals that overlap; one that ends as another begins does not."""
    moments = sorted([(end, -1) for _, end in intervals] + [(start, 1) for start, _ in intervals])
    count = most = 0
    for _, change in moments:
        count += change
        most = max(most, count)
    return most


def test_two_runs_share_two_readers(
    api: Api, operator: Operator, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.limit(read=2, compute=8, write=8)
    other_waits = threading.Event()

    def sleep(seconds: float) -> None:
        other_waits.set()
        time.sleep(seconds)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        # whichever run is first: the other one is to come in the midst of it
        assert other_waits.wait(60)
        slowly(info, inputs, outputs)

    monkeypatch.setattr(slots, "sleep", sleep)
    jobs = [Job(folder, f"sharing {number}", STYLES["threads 2-2"]) for number in range(2)]
    contexts = [copy_context() for _ in jobs]
    with ThreadPoolExecutor(2) as pool:
        begun = [
            pool.submit(context.run, run, job, function)
            for context, job in zip(contexts, jobs, strict=True)
        ]
        results = [future.result() for future in begun]
    assert all(job.is_done() for job in jobs)
    reading = []
    for job in jobs:
        lanes = operator.lanes(api.flow_run(job.output.stem).id)
        # one that has found no slot has not begun
        assert len(lanes) >= 4
        reading += [
            (lane.start_time, lane.end_time) for lane in lanes if lane.name.startswith("read")
        ]
    assert len(reading) >= 3
    assert most_at_once(reading) <= 2
    waited = [sum(r.timings.getDurationsForName("waitforslots") or []) for r in results]
    assert max(waited) > 0.1
    assert min(waited) == 0
    late = jobs[waited.index(max(waited))]
    api.log_line(api.flow_run(late.output.stem).id, r"waits for 2 slots of rios-read, 0 of 2 free")
    assert set(operator.taken().values()) == {0}


@pytest.mark.parametrize("style", ["none", "threads 1-1"])
@pytest.mark.parametrize("fails", [False, True])
def test_slots_are_given_back(
    api: Api, operator: Operator, folder: Path, style: str, fails: bool
) -> None:
    operator.limit(read=1, compute=1, write=1)
    seen: list[dict[str, int]] = []

    def look(info: Any, inputs: Any, outputs: Any) -> None:
        if not seen:
            seen.append(operator.taken())
        (fail_in_the_middle if fails else double)(info, inputs, outputs)

    job = Job(folder, f"slots {style} {fails}", STYLES[style])
    if fails:
        with pytest.raises(ValueError, match="no such luck"):
            run(job, look)
    else:
        run(job, look)
        assert job.is_done()
    assert seen == [dict.fromkeys(NAMES, 1)]
    assert set(operator.taken().values()) == {0}


def test_a_run_that_waits_has_only_what_comes_earlier(
    api: Api, operator: Operator, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.limit(read=2, compute=1, write=1)
    give_back = operator.take("rios-compute", 1)
    seen: list[dict[str, int]] = []

    def sleep(seconds: float) -> None:
        seen.append(operator.taken())
        if len(seen) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(slots, "sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        run(Job(folder, "interrupted", STYLES["threads 2-2"]))
    waiting = {"rios-read": 1, "rios-compute": 1, "rios-write": 0}
    assert seen == [waiting, waiting]
    assert operator.taken() == {**waiting, "rios-read": 0}
    give_back()


def test_nothing_is_asked_where_there_is_no_limit(
    api: Api, operator: Operator, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # one that is switched off is none
    operator.limit(read=1)
    operator.take("rios-read", 1)
    operator.switch_off("rios-read")
    asked: list[str] = []
    monkeypatch.setattr(slots, "Limits", counting(Limits, asked))
    job = Job(folder, "no limit", STYLES["threads 2-2"])
    run(job, double)
    assert job.is_done()
    assert asked == ["free"]


def counting(limits: type, asked: list[str]) -> type:
    class Counting(limits):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> Any:
            if not name.startswith("_"):
                asked.append(name)
            return super().__getattribute__(name)

    return Counting


def test_a_run_in_a_lane_counts_with_that_lane(api: Api, operator: Operator, folder: Path) -> None:
    operator.limit(read=1, compute=1, write=1)
    inner = Job(folder, "in a lane", STYLES["threads 1-1"])
    begun: list[bool] = []

    def outer(info: Any, inputs: Any, outputs: Any) -> None:
        if not begun:
            begun.append(True)
            run(inner, double)
        double(info, inputs, outputs)

    run(Job(folder, "outer", STYLES["threads 1-1"]), outer)
    assert inner.is_done()


def test_workers_start_as_there_are_slots(api: Api, operator: Operator, folder: Path) -> None:
    operator.limit(compute=2)
    give_back = operator.take("rios-compute", 1)
    job = Job(folder, "processes", ConcurrencyStyle(1, 2, CW_SUBPROC))
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(copy_context().run, run, job, slowly)
        eventually(lambda: api.flow_runs("processes"))
        time.sleep(1.5)
        give_back()
        result = begun.result()
    assert job.is_done()
    workers = {record.worker for record in result.records if record.stage == "compute"}
    assert 1 <= len(workers) <= 2
    assert operator.taken() == {"rios-compute": 0}


KILLED = """
import sys
from rios_flows import applier
from tests.orchestration.jobs import Job, take_a_second
from tests.support.styles import STYLES
from pathlib import Path

job = Job(Path(sys.argv[1]), "killed with slots", STYLES["threads 2-2"])
applier.apply(take_a_second, job.infiles, job.outfiles, controls=job.controls)
"""


@pytest.mark.slow
def test_slots_of_a_killed_run_come_back(
    api: Api, operator: Operator, server: Server, folder: Path
) -> None:
    operator.limit(read=2, compute=2, write=1)
    program = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)], env=server.environment(), cwd=folder
    )
    try:
        eventually(lambda: operator.taken() == {**dict.fromkeys(NAMES, 2), "rios-write": 1})
    finally:
        os.kill(program.pid, signal.SIGKILL)
        program.wait()
    died = time.monotonic()
    eventually(lambda: set(operator.taken().values()) == {0}, 90)
    assert time.monotonic() - died > 30
