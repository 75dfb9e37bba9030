"""Settings of Prefect that are other ones for a while."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.settings import get_current_settings, temporary_settings

from rios_flows.orchestration.changed_settings import changed_settings


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [("client", "max_retries", 0), ("flows", "heartbeat_frequency", None)],
)
def test_it_is_what_prefect_makes_of_it(group: str, name: str, value: Any) -> None:
    with temporary_settings({"api.url": "http://127.0.0.1:1/api"}):
        before = get_current_settings()
        with temporary_settings({f"{group}.{name}": value}) as wanted:
            pass
        with changed_settings(group, **{name: value}):
            found = get_current_settings()
        assert get_current_settings() is before
    assert getattr(getattr(before, group), name) != value
    assert found == wanted
    # children get it, too
    told = [each.to_environment_variables(exclude_unset=True) for each in (found, wanted)]
    assert told[0] == told[1]


def test_what_was_changed_around_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    with changed_settings("client", max_retries=1), changed_settings("flows", default_retries=7):
        # nothing is read again
        monkeypatch.setenv("PREFECT_CLIENT_MAX_RETRIES", "9")
        with changed_settings("logging", level="ERROR"):
            now = get_current_settings()
    assert (now.client.max_retries, now.flows.default_retries, now.logging.level) == (1, 7, "ERROR")
