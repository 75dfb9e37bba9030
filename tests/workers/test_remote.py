"""`otherArgs` of workers that are lost: each block counts once, whatever was sent home and when."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from rios_flows import rioserrors
from rios_flows.runs.blockwork import BlockWork
from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle
from rios_flows.workers import worker as worker_module
from rios_flows.workers.crew import Crew
from rios_flows.workers.remote import RemoteExecutor
from rios_flows.workers.sharedmemory import LocalConnection
from rios_flows.workers.worker import serve
from tests.support.fakelauncher import FakeLauncher
from tests.support.jobs import SmallJob

STYLE = ConcurrencyStyle(0, 1, CW_SUBPROC, computeWorkersRead=True)

#: What the user function does with each block, by its column; workers are threads of the test.
STEPS: list[Callable[[Any], object]] = []


def step(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    outputs.result = inputs.image
    STEPS[info.xblock](other)


class Threads(FakeLauncher):
    """Has workers in threads of this process."""

    def __init__(self, crew: Crew) -> None:
        super().__init__()
        self.crew = crew
        self.workers: list[LocalConnection] = []
        self.threads: list[threading.Thread] = []

    def start(self, numbers: Sequence[int]) -> None:
        super().start(numbers)
        for number in numbers:
            own, its = map(LocalConnection, socket.socketpair())
            self.workers.append(its)
            self.threads.append(threading.Thread(target=serve, args=(its, number)))
            self.threads[-1].start()
            self.crew.arrive(own, own.receive()[1])

    def kill(self) -> None:
        number = len(self.workers) - 1
        self.workers[number].interrupt()
        self.end(number, "killed")


class Company:
    """A crew of one worker, and the executor of a lane that has it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, other: Any) -> None:
        self.crew = Crew(1, 10, 0.01)
        self.launcher = Threads(self.crew)
        self._set = monkeypatch.setattr
        prepared = SmallJob(folder, STYLE).prepare(step, other)
        self.blocks = list(prepared.plan.blocks)
        # packed, the function would have steps of its own
        monkeypatch.setattr(
            worker_module, "unpack", lambda _: BlockWork(prepared.plan, step, deepcopy(other), {})
        )
        work = BlockWork(prepared.plan, step, other, {})
        self.executor = RemoteExecutor(self.crew, lambda _: b"", work)
        self.crew.start(self.launcher)

    def sends(self, whether: bool) -> None:
        """Have workers send otherArgs home after each block, or after none."""
        self._set(worker_module, "_SHARE_FOR_STATE", 1e9 if whether else -1)

    def run(self, steps: Sequence[Callable[[Any], object]]) -> None:
        STEPS[:] = steps
        for block in self.blocks[: len(steps)]:
            result = self.executor.run(block)
            if result.error is not None:
                raise result.error


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    monkeypatch.setattr("rios_flows.workers.jobwatch._TIME_TO_GO", 0)
    company = Company(tmp_path, monkeypatch, {"blocks": [], "last": -1})
    yield company
    company.crew.close()
    for connection, thread in zip(company.launcher.workers, company.launcher.threads, strict=True):
        thread.join(10)
        connection.close()


def test_what_a_repeated_block_has_changed_is_kept(company: Company) -> None:
    def first(other: Any) -> None:
        company.sends(True)
        other["blocks"].append(0)

    def second(other: Any) -> None:
        # not sent at first, and at once by the worker that does it again
        company.sends(len(company.launcher.workers) > 1)
        other["blocks"].append(1)

    def third(other: Any) -> None:
        if len(company.launcher.workers) == 1:
            company.launcher.kill()

    with company.executor:
        company.run([first, second, third])
    assert company.executor.bring_other_args()["blocks"] == [0, 1]


def test_a_block_that_cannot_be_repeated_is_an_error(company: Company) -> None:
    def second(other: Any) -> None:
        company.sends(False)
        if len(company.launcher.workers) > 1:
            raise ValueError("only once")
        other["blocks"].append(1)

    def third(other: Any) -> None:
        if len(company.launcher.workers) == 1:
            company.launcher.kill()

    fails = pytest.raises(rioserrors.WorkerExceptionError, match="only once")
    with fails as caught, company.executor:
        company.run([lambda _: None, second, third])
    assert "otherArgs" in str(caught.value.__notes__)


def test_a_state_that_was_asked_for_is_the_last_one_known(company: Company) -> None:
    def say(number: int, sends: bool) -> Callable[[Any], None]:
        def change(other: Any) -> None:
            company.sends(sends)
            other["last"] = number

        return change

    with company.executor:
        company.run([say(0, True), say(1, False)])
        assert company.executor.bring_other_args()["last"] == 1
        company.run([say(0, True)])
    assert company.executor.bring_other_args()["last"] == 0
