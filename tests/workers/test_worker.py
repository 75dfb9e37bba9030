"""A worker's conversation, with no process around it."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows.reports.records import Attempt
from rios_flows.runs.blockwork import BlockResult, BlockWork
from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle
from rios_flows.workers import __main__ as command_line
from rios_flows.workers import hiring
from rios_flows.workers.hello import Hello, this_machine
from rios_flows.workers.hiring import hired
from rios_flows.workers.local import LocalProcesses
from rios_flows.workers.readahead import ReadAhead
from rios_flows.workers.relay import Relay, show
from rios_flows.workers.remote import RemoteExecutor
from rios_flows.workers.sharedmemory import LocalConnection
from rios_flows.workers.travel.luggage import pack, pack_state, unpack_state
from rios_flows.workers.wire import Connection, ConnectionLost
from rios_flows.workers.worker import UNCHANGED, serve
from tests.support.jobs import SmallJob


def count(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    outputs.result = inputs.image + 1
    other.append(info.getBlockCount())


def work_of(job: SmallJob, function: Any = count, other: Any = None) -> BlockWork:
    prepared = job.prepare(function, other)
    return BlockWork(prepared.plan, function, other, {})


class Conversation:
    def __init__(self) -> None:
        one, other = socket.socketpair()
        self.run: Connection = LocalConnection(one)
        self.lost = threading.Event()
        self._worker = LocalConnection(other)
        self._thread = threading.Thread(target=serve, args=(self._worker, 3, self.lost.set))
        self._thread.start()

    def end(self) -> None:
        self.run.close()
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._worker.close()


@pytest.fixture
def talk() -> Iterator[Conversation]:
    conversation = Conversation()
    yield conversation
    conversation.end()


def test_a_whole_conversation(talk: Conversation, tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    kind, hello = talk.run.receive()
    assert kind == "worker"
    assert isinstance(hello, Hello)
    assert (hello.number, hello.name.endswith(f":{os.getpid()}")) == (3, True)
    assert hello.machine == this_machine()
    work = work_of(job, other=[])
    talk.run.send(("work", pack(work), pack_state(["before"])))
    assert talk.run.receive()[0] == "ready"
    blocks = list(work.plan.blocks)[:3]
    talk.run.send(("block", blocks[0], None))
    talk.run.send(("block", blocks[1], work.read(blocks[1], [])))
    for block in blocks[:2]:
        kind, result, _ = talk.run.receive()
        assert kind == "result"
        rows, cols = (
            slice(block.top, block.top + block.nrows),
            slice(block.left, block.left + block.ncols),
        )
        np.testing.assert_array_equal(result.outputs.result, job.pixels[:, rows, cols] + 1)
    talk.run.send(("state",))
    assert unpack_state(talk.run.receive()[1]) == ["before", (0, 0), (1, 0)]
    talk.run.send(("leave",))
    assert talk.run.receive() == ("left",)
    # for another lane, with its own
    talk.run.send(("work", pack(work), None))
    assert talk.run.receive()[0] == "ready"
    talk.run.send(("state",))
    assert unpack_state(talk.run.receive()[1]) == []
    talk.run.send(("end",))
    work.__exit__()


def test_nothing_is_sent_of_what_has_not_changed(talk: Conversation, tmp_path: Path) -> None:
    def look(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        outputs.result = inputs.image

    work = work_of(SmallJob(tmp_path), look, {"table": [1, 2]})
    talk.run.receive()
    talk.run.send(("work", pack(work), None))
    talk.run.receive()
    states = []
    for block in work.plan.blocks:
        talk.run.send(("block", block, None))
        states.append(talk.run.receive()[2])
    assert unpack_state(states[0]) == {"table": [1, 2]}
    assert set(states[1:]) <= {None, UNCHANGED}


def test_work_that_cannot_begin(talk: Conversation) -> None:
    talk.run.receive()
    talk.run.send(("work", b"no pickle", None))
    kind, record = talk.run.receive()
    assert kind == "failed"
    assert "cannot be unpacked" in str(record.exc) or record.exc is not None


def test_a_run_that_is_gone(talk: Conversation) -> None:
    talk.run.receive()
    talk.run.close()
    assert talk.lost.wait(10)


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_reading_ahead(threads: int, tmp_path: Path) -> None:
    style = ConcurrencyStyle(threads, 1, CW_SUBPROC, computeWorkersRead=True)
    job = SmallJob(tmp_path, style)
    work = work_of(job, other=[])
    blocks = list(work.plan.blocks)
    with work, ReadAhead(work) as ahead:
        assert not ahead
        for block in blocks[:4]:
            ahead.put(block, None)
        assert len(ahead) == 4
        results = [ahead.run_next() for _ in blocks[:4]]
        # a file that is cut off meanwhile is an error of the block
        os.truncate(tmp_path / "in.tif", 1000)
        ahead.put(blocks[-1], None)
        failed = ahead.run_next()
    stages = [[attempt[0].stage for attempt in result.attempts] for result in results]
    assert stages == [["read", "compute"]] * 4
    assert failed.error is not None
    assert "in.tif" in str(failed.error)
    attempts: list[Attempt] = failed.attempts
    assert {attempt[0].stage for attempt in attempts} == {"read"}
    assert isinstance(failed, BlockResult)


def test_what_a_worker_says_is_told_with_its_name(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = map(LocalConnection, socket.socketpair())
    relay = Relay(one)
    logger = logging.getLogger("forest.trees")
    logger.addHandler(relay)
    logger.warning("%d trees", 7)
    logger.removeHandler(relay)
    caplog.clear()
    caplog.set_level(logging.INFO)
    show("worker 5", other.receive())
    (record,) = caplog.records
    assert (record.name, record.getMessage()) == ("forest.trees", "worker 5: 7 trees")
    show("worker 5", ("print", "stdout", "100 % done"))
    assert caplog.records[-1].getMessage() == "worker 5: 100 % done"
    assert capsys.readouterr().out == ""
    # where nobody listens to the log
    caplog.set_level(logging.WARNING)
    show("worker 5", ("print", "stdout", "so far"))
    assert capsys.readouterr().out == "worker 5: so far\n"
    # or only the log of a flow run, which is not seen here
    caplog.set_level(logging.INFO, "rios_flows")
    show("worker 5", ("print", "stderr", "and on"))
    assert capsys.readouterr().err == "worker 5: and on\n"
    assert caplog.records[-1].getMessage() == "worker 5: and on"
    one.close()
    other.close()
    with pytest.raises(ConnectionLost):
        one.send("more")
    relay.say("nobody hears this")


def test_the_command_line_explains_itself() -> None:
    program = [sys.executable, "-m", command_line.__name__.removesuffix(".__main__")]
    done = subprocess.run([*program, "--help"], capture_output=True, text=True, check=True)
    assert "--address-file" in done.stdout
    assert "--fd" not in done.stdout


def test_local_processes_come_and_go() -> None:
    came: list[tuple[Connection, Hello]] = []
    arrived = threading.Semaphore(0)

    def arrive(connection: Connection, hello: Hello) -> None:
        came.append((connection, hello))
        arrived.release()

    launcher = LocalProcesses(arrive)
    launcher.start([4, 5])
    for _ in range(2):
        assert arrived.acquire(timeout=60)
    assert sorted(hello.number for _, hello in came) == [4, 5]
    assert {job.state for job in launcher.jobs()} == {"running"}
    launcher.stop([5])
    by_number = {hello.number: connection for connection, hello in came}
    by_number[4].send(("end",))
    launcher.close()
    ends = {job.number: (job.state, job.reason) for job in launcher.jobs()}
    assert ends == {4: ("ended", "exit code 0"), 5: ("ended", "killed by SIGKILL")}
    for connection, _ in came:
        connection.close()


def test_workers_are_hired_for_a_job(tmp_path: Path) -> None:
    job = SmallJob(tmp_path, ConcurrencyStyle(0, 1, CW_SUBPROC, computeWorkersRead=True))
    prepared = job.prepare(count, [])
    with hired(prepared) as place:
        executor = place.find_executor(BlockWork(prepared.plan, count, [], {}))
        assert isinstance(executor, RemoteExecutor)
        with executor:
            first = next(iter(prepared.plan.blocks))
            result = executor.run(first)
            assert result.outputs is not None
            assert not result.worker.endswith(f":{os.getpid()}")
        assert executor.bring_other_args() == [(0, 0)]


@pytest.mark.parametrize("resume", [False, True])
def test_a_job_is_packed_once(
    tmp_path: Path, resume: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = SmallJob(tmp_path, ConcurrencyStyle(0, 2, CW_SUBPROC, computeWorkersRead=True))
    job.controls.setResume(resume)
    works: list[BlockWork] = []

    def noted(work: BlockWork) -> bytes:
        works.append(work)
        return pack(work)

    monkeypatch.setattr(hiring, "pack", noted)
    result = job.run(count, ["before"])
    # what an earlier run has left of otherArgs may differ from lane to lane
    assert len(works) == (3 if resume else 1)
    first, second = result.otherArgsList
    assert first[0] == second[0] == "before"
    assert len(first) + len(second) == 2 + 12
