"""What tests with a Prefect server share; they talk to it only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.workers.process import ProcessWorker

from tests.orchestration.served import ROOT, Api, Server, prefect, running_worker


@pytest.fixture
def api(server: Server, at_server: Callable[[], AbstractContextManager[object]]) -> Iterator[Api]:
    """Let Prefect talk to the server; asks it, too."""
    # not the client that flows share: theirs is closed at their end
    with at_server(), get_client({"timeout": 30.0}, sync_client=True) as client:
        yield Api(client)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a fresh directory, which is the current one too."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def deployed(server: Server) -> None:
    template = ProcessWorker.get_default_base_job_template()
    pool = WorkPoolCreate(name="rios-process", type="process", base_job_template=template)
    with temporary_settings({PREFECT_API_URL: server.url}), get_client(sync_client=True) as client:
        client.create_work_pool(pool, overwrite=True)
    done = prefect(server, ROOT, "deploy", "--all")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def worker(
    server: Server, deployed: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Run one worker for all tests."""
    folder = tmp_path_factory.mktemp("worker")
    settings = {**server.environment(), "RIOS_FLOWS_HOME": str(ROOT)}
    with running_worker("rios-process", settings, folder):
        yield
