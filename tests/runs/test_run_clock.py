"""The clock by which waits are measured: it stands still while waiting says nothing."""

from __future__ import annotations

import time

import pytest

from rios_flows import rioserrors
from rios_flows.runs.clock import RunClock
from tests.support.buffered import (
    A,
    B,
    C,
    Elsewhere,
    buffer,
    reserve,
)

pytestmark = pytest.mark.alone


def test_the_clock_stands_until_all_have_come() -> None:
    clock = RunClock(holds=2)
    time.sleep(0.03)
    assert clock.now() == 0
    clock.release()
    time.sleep(0.03)
    assert clock.now() == 0
    clock.release()
    time.sleep(0.03)
    assert 0.03 <= clock.now() < 1


def test_the_clock_rests_while_it_is_held() -> None:
    clock = RunClock()
    time.sleep(0.02)
    with clock.held():
        before = clock.now()
        assert before >= 0.02
        with clock.held():
            time.sleep(0.02)
        time.sleep(0.02)
        assert clock.now() == before
    time.sleep(0.02)
    assert before + 0.02 <= clock.now() < before + 1


def test_the_clock_goes_on_after_an_error() -> None:
    clock = RunClock()
    with pytest.raises(ZeroDivisionError), clock.held():
        raise ZeroDivisionError
    before = clock.now()
    time.sleep(0.01)
    assert clock.now() > before


@pytest.mark.parametrize("kind", ["insert", "pop"])
def test_a_wait_is_measured_by_the_clock(kind: str) -> None:
    clock = RunClock(holds=1)
    buffered = buffer(insert=0.1, pop=0.1, clock=clock)
    if kind == "insert":
        reserve(buffered, A)
        reserve(buffered, B)
        job = Elsewhere(lambda: reserve(buffered, C))
    else:
        job = Elsewhere(buffered.popNextBlock)
    time.sleep(0.3)
    assert job.waits()
    clock.release()
    assert isinstance(job.outcome(), rioserrors.TimeoutError)
    assert 0.4 <= job.took < 3
