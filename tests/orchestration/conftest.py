"""What tests with a Prefect server share; they talk to it only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from tests.orchestration.served import Api, Server


@pytest.fixture
def api(server: Server) -> Iterator[Api]:
    """Let Prefect talk to the server; asks it, too."""
    here = {PREFECT_API_URL: server.url, PREFECT_HOME: server.home}
    # not the client that flows share: theirs is closed at their end
    with temporary_settings(here), get_client({"timeout": 30.0}, sync_client=True) as client:
        yield Api(client)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a fresh directory, which is the current one too."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
