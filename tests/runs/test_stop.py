"""How one lane's failure ends the others."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from rios_flows.basics.errortext import summary_of, text_of, traceback_of
from rios_flows.runs.stop import LaneStopped, Stop


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


@pytest.mark.parametrize("error", [KeyboardInterrupt(), KeyboardInterrupt("by hand")])
def test_an_interruption_is_no_failure(error: BaseException) -> None:
    stop = Stop()
    stop.fail(error)
    with pytest.raises(LaneStopped, match=r"^stopped, since the run was interrupted$"):
        stop.check()


def test_a_function_that_exits_has_failed() -> None:
    stop = Stop()
    stop.fail(SystemExit(3))
    with pytest.raises(LaneStopped, match="since the run failed: SystemExit: 3"):
        stop.check()


@pytest.mark.parametrize(
    ("error", "said"), [(ValueError("one\ntwo"), "ValueError: one"), (ValueError(), "ValueError")]
)
def test_an_error_in_a_line(error: Exception, said: str) -> None:
    assert summary_of(error) == said


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Untouchable(Mute):
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_an_error_that_cannot_be_told_is_told() -> None:
    assert "RuntimeError" in text_of(Mute())
    assert summary_of(Mute()).startswith("Mute: (its text is not known")
    assert "Mute" in traceback_of(Mute())
    assert traceback_of(Untouchable()) == "(its traceback is not known: RuntimeError)"


def test_a_rest_that_begins_while_the_run_fails_keeps_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stop = Stop()

    class Late(threading.Event):
        """All of that happens just before somebody waits."""

        def wait(self, timeout: float | None = None) -> bool:
            stop.fail(ValueError("meanwhile"))
            stop.go_on()
            stop.rest()
            assert super().wait(5), "nobody would wake it"
            return True

    monkeypatch.setattr(stop, "_going", Late())
    stop.rest()
    with pytest.raises(LaneStopped, match="meanwhile"):
        stop.wait_while_resting()
