"""What holds for all tests."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from rios_flows.jobs import preparing
from rios_flows.jobs.plan import Plan, build_plan
from tests.support.handout import in_shares

if TYPE_CHECKING:
    from tests.orchestration.served import Server
    from tests.support.aws import Aws
    from tests.support.dask import Cluster

# importing distributed has all errors of a process pickled in a way that some of rasterio's do not
# survive; no test is to depend on whether another one has imported it
with suppress(ImportError):
    from tblib import pickling_support

    pickling_support.install = lambda *_: None

# examples are drawn from files and arrays too, which a busy machine may make slow
settings.register_profile("default", deadline=None, max_examples=60)
# the same examples in every run: what fails there fails again here
settings.register_profile("ci", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI", "").lower() in ("true", "1") else "default")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    """Hand out what takes long first, where several processes run tests."""
    shares = getattr(config, "workerinput", {}).get("workercount", 1)
    if shares > 1:
        items[:] = in_shares(items, shares)


@contextmanager
def one_at_a_time(factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep out other processes of the same run of the tests; return a directory of all of them."""
    own = factory.getbasetemp()
    folder = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.fixture(scope="session", autouse=True)
def plans_travel() -> Iterator[None]:
    """Have every job of every test run by a plan that has been pickled, as if it came from afar."""

    def travelled(*arguments: Any) -> Plan:
        plan = build_plan(*arguments)
        if plan.for_reading_elsewhere() is not plan:
            return plan  # with pixels in the memory of this process
        there: Plan = pickle.loads(pickle.dumps(plan))
        return there

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparing, "build_plan", travelled)
        yield


@pytest.fixture(scope="session")
def dask_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run a Dask cluster, with TLS, for all tests."""
    # here, since most tests need no Dask
    from tests.support.dask import Cluster

    cluster = Cluster(tmp_path_factory.mktemp("dask"))
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def services() -> Iterator[None]:
    """Have the descriptions of AWS's services, which are large, not be read by each session."""
    # here, since most tests need none
    from botocore.loaders import create_loader

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", cache(create_loader))
        yield


@pytest.fixture(scope="session")
def aws_cloud(services: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """Run a pretended AWS for all tests, in which tasks of ECS and jobs of Batch really run."""
    # here, since most tests need none
    from tests.support.aws import Aws

    aws = Aws(tmp_path_factory.mktemp("aws"))
    try:
        yield aws
    finally:
        aws.stop()


@pytest.fixture(scope="session")
def shared_client() -> Callable[..., Any]:
    """Return what makes a client of boto3, or takes one that an earlier test has made."""
    # here, since most tests need none
    from boto3.session import Session

    from tests.support.aws import shared_clients

    return shared_clients(Session.client)


@pytest.fixture
def aws(
    aws_cloud: Aws, shared_client: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Aws]:
    """Give the test a pretended AWS by its environment, and see that nothing is left running."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in aws_cloud.environment.items():
        monkeypatch.setenv(name, value)
    # not for longer: other tests make clients that break
    monkeypatch.setattr("boto3.session.Session.client", shared_client)
    yield aws_cloud
    aws_cloud.clean()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run one Prefect server for all tests: a process keeps its connection to the first."""
    # here, since most tests need no Prefect
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    from rios_flows.orchestration.farewells import FAREWELLS
    from tests.orchestration.served import Server

    with one_at_a_time(tmp_path_factory) as folder:
        # to make a database takes almost as long as to start a server with one
        database = folder / "prefect.db"
        server = Server(tmp_path_factory.mktemp("prefect"), database if database.exists() else None)
        if not database.exists():
            shutil.copyfile(server.new_database, database)
    try:
        yield server
    finally:
        FAREWELLS.forget()
        # both hold connections to it, and would complain
        EventsWorker.drain_all(timeout=10)
        APILogWorker.drain_all(timeout=10)
        server.stop()


@pytest.fixture(scope="session")
def at_server(server: Server) -> Iterator[Callable[[], AbstractContextManager[object]]]:
    """Return what lets Prefect talk to the server for a while; to make that takes Prefect long."""
    import ssl

    from prefect.context import SettingsContext, get_settings_context
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    with temporary_settings({PREFECT_API_URL: server.url, PREFECT_HOME: server.home}):
        known = get_settings_context()
    # each client would read the certificates, of which a server on loopback shows none
    once = {**vars(ssl), "create_default_context": cache(ssl.create_default_context)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("prefect.client.orchestration.ssl", SimpleNamespace(**once))
        yield lambda: SettingsContext(profile=known.profile, settings=known.settings)
