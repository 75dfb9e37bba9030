"""How one lane's failure ends the others."""

from __future__ import annotations

import pytest

from rios_flows.stop import LaneStopped, Stop, text_of


def test_the_first_error_counts_and_everybody_is_woken() -> None:
    stop, woken = Stop(), []
    stop.on_failure(lambda: woken.append(1))
    stop.check()
    assert stop.fail(ValueError("first"))
    assert not stop.fail(ValueError("second"))
    assert str(stop.error) == "first"
    assert woken
    with pytest.raises(LaneStopped, match="ValueError: first"):
        stop.check()


def test_an_interruption_while_waking_does_not_leave_the_others_asleep() -> None:
    stop, woken = Stop(), []
    interrupted = iter([True, False])

    def interrupt() -> None:
        if next(interrupted):
            raise KeyboardInterrupt

    stop.on_failure(interrupt)
    stop.on_failure(lambda: woken.append(1))
    with pytest.raises(KeyboardInterrupt):
        stop.fail(ValueError("first"))
    assert not woken
    assert not stop.fail(KeyboardInterrupt())
    assert woken
    assert str(stop.error) == "first"


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_error_that_cannot_be_told_is_told() -> None:
    assert "RuntimeError" in text_of(Mute())
