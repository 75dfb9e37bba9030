"""How a flow run ends, for Prefect and for who has called it; no server is asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from rios_flows import rioserrors
from rios_flows.orchestration.endings import raise_error, raise_if_unreachable, state_of


def call(**parts: Any) -> Any:
    usual = {"outcome": None, "error": None, "job": None, "cancelled_around": None}
    return SimpleNamespace(**usual | parts)


def test_the_message_of_a_failed_run() -> None:
    run: Any = None
    # all of it where the run has not begun, and one line where a summary tells the rest
    error = rioserrors.ParameterError("first line\nsecond line")
    before = state_of(call(error=error), run)
    assert before.is_failed()
    assert before.message == "ParameterError: first line\nsecond line"
    amid = state_of(call(error=error, job=object()), run)
    assert amid.message is not None
    assert "\n" not in amid.message
    assert "first line" in amid.message


def test_errors_come_without_the_way_through_prefect() -> None:
    def fail() -> None:
        raise rioserrors.ImageReadError("torn")

    with pytest.raises(rioserrors.ImageReadError) as caught:
        fail()
    assert caught.value.__traceback__ is not None
    with pytest.raises(rioserrors.ImageReadError, match="torn") as raised:
        raise_error(call(error=caught.value))
    assert [entry.name for entry in raised.traceback][-1] == "raise_error"
    with pytest.raises(KeyboardInterrupt):
        raise_error(call(error=KeyboardInterrupt()))
    raise_error(call())


def test_a_server_that_does_not_answer() -> None:
    with pytest.raises(rioserrors.UnavailableError, match=r"PREFECT_API_URL; .*refused"):
        raise_if_unreachable(httpx.ConnectError("refused"))
    raise_if_unreachable(ValueError("another matter"))
