"""The signal that ends a flow's process is noted while lanes run."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from prefect.exceptions import TerminationSignal
from prefect.utilities.engine import can_ack_control_intent, capture_sigterm

from rios_flows.orchestration import sigterm
from rios_flows.orchestration.sigterm import noting_sigterm


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_it_is_noted_and_a_worker_may_still_send_it() -> None:
    noted: list[int] = []
    with capture_sigterm():
        with noting_sigterm(lambda number, _: noted.append(number)):
            assert can_ack_control_intent()
            interrupt()
        assert noted == [signal.SIGTERM]
        assert can_ack_control_intent()
        with pytest.raises(TerminationSignal):
            interrupt()


def test_a_handler_of_the_users_stays() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with noting_sigterm(lambda *_: None):
            interrupt()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


def test_in_another_thread_nothing_is_done() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def look() -> None:
        with noting_sigterm(lambda *_: None):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_prefect_without_these_names(monkeypatch: pytest.MonkeyPatch) -> None:
    with capture_sigterm():
        before = signal.getsignal(signal.SIGTERM)
        monkeypatch.setattr(sigterm, "_NAMES", ("no_such_name",))
        with noting_sigterm(lambda *_: None):
            assert signal.getsignal(signal.SIGTERM) is before
