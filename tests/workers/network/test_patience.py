"""Long waits are given up when they are to be, and end as they would have."""

from __future__ import annotations

import queue
import threading
import time

import pytest

from rios_flows.workers.network import patience


class GivenUp(Exception):
    pass


def go_on() -> None:
    pass


def after(moment: float) -> None:
    if time.monotonic() > moment:
        raise GivenUp


def call(target: object, method: str, *args: object, **kwargs: object) -> object:
    return patience.call(target, method, args, kwargs, go_on)


def test_other_methods_are_just_called() -> None:
    assert call([1, 2, 1], "count", 1) == 2


@pytest.mark.parametrize("timeout", [0.0, 0.05, 0.25])
def test_a_timeout_is_kept(timeout: float) -> None:
    start = time.monotonic()
    with pytest.raises(queue.Empty):
        call(queue.Queue(), "get", timeout=timeout)
    assert not call(threading.Event(), "wait", timeout)
    assert time.monotonic() - start >= 2 * timeout


def test_without_waiting() -> None:
    full: queue.Queue[int] = queue.Queue(1)
    call(full, "put", 7)
    with pytest.raises(queue.Full):
        call(full, "put", 8, block=False)
    assert call(full, "get", False) == 7


def test_what_comes_during_a_wait() -> None:
    items: queue.Queue[int] = queue.Queue()
    timer = threading.Timer(1.5 * patience.SLICE, items.put, (7,))
    timer.start()
    assert call(items, "get") == 7
    timer.join()


def test_a_wait_is_given_up() -> None:
    until = time.monotonic() + 0.05
    with pytest.raises(GivenUp):
        patience.call(threading.Event(), "wait", (), {}, lambda: after(until))
    assert time.monotonic() - until < 5


def test_a_barrier_is_not_broken_by_slices() -> None:
    barrier = threading.Barrier(2)
    late = threading.Timer(2 * patience.SLICE, barrier.wait)
    late.start()
    call(barrier, "wait", 10)
    late.join()
    assert not barrier.broken
