"""One Prefect server for all tests of this directory, which talk to it only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from tests.flow.served import Api, Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("prefect"))
    try:
        yield server
    finally:
        # both hold connections to it, and would complain
        EventsWorker.drain_all(timeout=10)
        APILogWorker.drain_all(timeout=10)
        server.stop()


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
