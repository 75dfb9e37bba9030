"""Messages between a run and its workers arrive as they were, whatever the way."""

from __future__ import annotations

import errno
import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from rios_flows import rioserrors
from rios_flows.reports.workerbook import Traffic
from rios_flows.workers.lines import Lines
from rios_flows.workers.sharedmemory import LocalConnection
from rios_flows.workers.wire import Connection, ConnectionLost, StreamConnection

WAYS: dict[str, Callable[[socket.socket], Connection]] = {
    "shared memory": LocalConnection,
    "socket": StreamConnection,
}


@pytest.fixture(params=WAYS, scope="module")
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[Connection, Connection]]:
    one, other = map(WAYS[request.param], socket.socketpair())
    yield one, other
    one.close()
    other.close()


def sent(ends: tuple[Connection, Connection], message: object) -> Any:
    one, other = ends
    sender = threading.Thread(target=one.send, args=(message,))
    sender.start()
    received = other.receive()
    sender.join()
    return received


@given(
    pixels=st.lists(arrays(st.sampled_from(["u1", "i2", "f4", "c16"]), array_shapes(max_side=40))),
    text=st.text(),
)
def test_any_arrays(ends: tuple[Connection, Connection], pixels: list[Any], text: str) -> None:
    received, words = sent(ends, (pixels, text))
    assert words == text
    assert len(received) == len(pixels)
    for array, wanted in zip(received, pixels, strict=True):
        assert array.dtype == wanted.dtype
        assert array.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("size", [0, 1, 2047, 2048, 70_000, 3_000_000])
def test_sizes_around_all_limits(ends: tuple[Connection, Connection], size: int) -> None:
    pixels = np.random.default_rng(size).integers(0, 256, size, np.uint8)
    np.testing.assert_array_equal(sent(ends, pixels), pixels)


def test_what_is_received_may_be_changed_and_is_nobody_elses(
    ends: tuple[Connection, Connection],
) -> None:
    pixels = np.zeros((3, 200, 200))
    first = sent(ends, pixels)
    first += 1
    second = sent(ends, pixels)
    assert not second.any()
    assert not pixels.any()
    assert first.all()


def test_views_and_masks(ends: tuple[Connection, Connection]) -> None:
    whole = np.arange(40_000).reshape(2, 100, 200)
    masked = np.ma.masked_equal(whole, 7)
    view, again = sent(ends, (whole[:, 5:-5, ::3], masked))
    np.testing.assert_array_equal(view, whole[:, 5:-5, ::3])
    np.testing.assert_array_equal(again.mask, masked.mask)


def test_several_may_be_under_way_in_both_directions(ends: tuple[Connection, Connection]) -> None:
    one, other = ends
    messages = [np.full(size, number) for number, size in enumerate((9, 90_000, 900_000) * 4)]

    def answer() -> None:
        for _ in messages:
            other.send(other.receive() + 100)

    answering = threading.Thread(target=answer)

    def ask() -> None:
        for message in messages:
            one.send(message)

    sending = threading.Thread(target=ask)
    answering.start()
    sending.start()
    for message in messages:
        np.testing.assert_array_equal(one.receive(), message + 100)
    sending.join()
    answering.join()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("end", ["interrupt", "close"])
def test_whoever_waits_is_woken(way: str, end: str) -> None:
    one, other = map(WAYS[way], socket.socketpair())
    caught: list[BaseException] = []

    def wait(connection: Connection) -> None:
        try:
            connection.receive()
        except ConnectionLost as error:
            caught.append(error)

    waiting = [threading.Thread(target=wait, args=(connection,)) for connection in (one, other)]
    for thread in waiting:
        thread.start()
    getattr(one, end)()
    for thread in waiting:
        thread.join(10)
    assert len(caught) == 2
    with pytest.raises(ConnectionLost):
        other.send(np.zeros(1_000_000))
    one.close()
    other.close()


@pytest.mark.parametrize("size", [10, 500_000])
def test_traffic_is_counted_on_both_ends(size: int) -> None:
    one, other = map(StreamConnection, socket.socketpair())
    sent((one, other), np.zeros(size, np.uint8))
    assert one.traffic.sent == other.traffic.received
    assert one.traffic.received == other.traffic.sent == 0
    # every byte that has gone through the socket, as the system sees them
    plain, raw = socket.socketpair()
    sender = StreamConnection(plain)
    thread = threading.Thread(target=sender.send, args=(np.zeros(size, np.uint8),))
    thread.start()
    seen = 0
    while seen < one.traffic.sent:
        seen += len(raw.recv(1 << 16))
    thread.join()
    raw.setblocking(False)
    with pytest.raises(BlockingIOError):
        raw.recv(1)
    assert seen == sender.traffic.sent
    for each in (one, other, sender, raw):
        each.close()


@pytest.mark.parametrize("size", [10, 500_000])
def test_traffic_in_shared_memory_counts_too(size: int) -> None:
    one, other = map(LocalConnection, socket.socketpair())
    sent((one, other), np.zeros(size, np.uint8))
    assert size < one.traffic.sent == other.traffic.received < size + 500
    one.close()
    other.close()


def test_no_memory_to_share() -> None:
    """Without a descriptor for shared memory, pixels go through the socket."""
    one, other = map(LocalConnection, socket.socketpair())
    pixels = np.arange(100_000)

    def full(*_: Any) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    for place in ("memfd_create", "dup"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, place, full)
            opened = len(os.listdir("/proc/self/fd"))
            np.testing.assert_array_equal(sent((one, other), pixels), pixels)
            assert len(os.listdir("/proc/self/fd")) == opened
    np.testing.assert_array_equal(sent((one, other), pixels), pixels)
    one.close()
    other.close()


def test_no_descriptor_to_receive_shared_memory_with() -> None:
    one, other = map(LocalConnection, socket.socketpair())
    one.send(np.arange(100_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with pytest.raises(rioserrors.JobMgrError, match="no file descriptor is left"):
            other.receive()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    one.close()
    other.close()


def shared_memories() -> int:
    """Count the shared memories that this process has open."""
    found = 0
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found += "memfd:rios_flows" in os.readlink(f"/proc/self/fd/{descriptor}")
    return found


def test_descriptors_of_messages_that_do_not_arrive_are_closed() -> None:
    one, other = map(LocalConnection, socket.socketpair())
    other.close()
    before = shared_memories()
    with pytest.raises(ConnectionLost):
        one.send(np.arange(100_000))
    one.close()
    # it has the memory mapped
    del one
    assert shared_memories() <= before


class Full(socket.socket):
    """A socket for which the system has no memory."""

    def send(self, *_: Any) -> int:
        raise OSError(errno.ENOBUFS, "No buffer space available")

    def sendall(self, *_: Any) -> None:
        self.send()


@pytest.mark.parametrize("way", WAYS)
def test_a_message_that_cannot_be_sent_ends_the_conversation(way: str) -> None:
    own, its = socket.socketpair()
    one, other = WAYS[way](Full(fileno=own.detach())), WAYS[way](its)
    ends: list[BaseException] = []

    def wait(connection: Connection) -> None:
        try:
            connection.receive()
        except ConnectionLost as error:
            ends.append(error)

    # a run waits for the answer, and a worker for the message
    waiting = [threading.Thread(target=wait, args=(each,), daemon=True) for each in (one, other)]
    for thread in waiting:
        thread.start()
    with pytest.raises(ConnectionLost, match="No buffer space"):
        one.send("hello")
    for thread in waiting:
        thread.join(10)
    assert len(ends) == 2
    one.close()
    other.close()


class Alarmed(socket.socket):
    """A socket in the midst of whose first message a handler of signals raises an error."""

    def send(self, data: Any, *_: Any) -> int:
        if not hasattr(self, "sent"):
            self.sent = super().send(memoryview(data)[:5])
            raise RuntimeError("time is up")
        return super().send(data)

    def sendall(self, data: Any, *_: Any) -> None:
        self.send(data)


@pytest.mark.parametrize("way", WAYS)
def test_what_follows_half_a_message_is_not_its_rest(way: str) -> None:
    own, its = socket.socketpair()
    one, other = WAYS[way](Alarmed(fileno=own.detach())), WAYS[way](its)
    with pytest.raises(RuntimeError, match="time is up"):
        one.send("block 7")
    with pytest.raises(ConnectionLost):
        one.send("block 8, which may be long enough for both")
    with pytest.raises(ConnectionLost):
        other.receive()
    one.close()
    other.close()


class Noisy(Traffic):
    """Says something in the midst of a message, as the garbage collector may have objects do."""

    def __init__(self, say: Callable[[], None]) -> None:
        self._say, self._number = [say], 0

    @property
    def sent(self) -> int:
        while self._say:
            self._say.pop()()
        return self._number

    @sent.setter
    def sent(self, number: int) -> None:
        self._number = number


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [10, 500_000])
def test_what_is_sent_in_the_midst_of_a_message_comes_after_it(way: str, size: int) -> None:
    one, other = map(WAYS[way], socket.socketpair())
    one.traffic = Noisy(lambda: one.send("gone"))
    sending = threading.Thread(target=one.send, args=(np.zeros(size, np.uint8),), daemon=True)
    sending.start()
    assert len(other.receive()) == size
    assert other.receive() == "gone"
    sending.join(10)
    assert not sending.is_alive()
    one.close()
    other.close()


COLLECTED = """
import faulthandler, gc, os, socket, sys
from rios_flows.workers.relay import Relay
from rios_flows.workers.wire import StreamConnection

faulthandler.dump_traceback_later(20, exit=True)
one, other = map(StreamConnection, socket.socketpair())
# a process of its own, as the run is: no object prints there
if os.fork() == 0:
    said = list(iter(other.receive, "end"))
    lines = [sum(text == line for _, _, text in said) for line in ("line", "gone")]
    print(*lines, flush=True)
    os._exit(0)
relay = Relay(one)

class Talks:
    def __init__(self):
        self.me = self

    def __del__(self):
        print("gone")

relay.install()
# wherever in writing it may be
for threshold in range(1, 8):
    gc.set_threshold(threshold)
    for number in range(100):
        Talks()
        print("line")
gc.set_threshold(0)
gc.collect()
relay.uninstall()
one.send("end")
os.wait()
"""


def test_objects_that_print_when_they_are_collected() -> None:
    command = [sys.executable, "-c", COLLECTED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == "700 700\n", done.stderr


def test_what_is_printed_while_the_rest_of_a_line_is_sent() -> None:
    said: list[str] = []

    def say(kind: str, stream: str, text: str) -> None:
        if not said:
            print("gone", end="", file=lines)
        said.append(text)

    lines = Lines("stdout", say)
    print("begun", end="", file=lines)
    lines.send_rest()
    lines.send_rest()
    assert said == ["begun", "gone"]
