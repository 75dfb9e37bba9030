"""Whole runs whose workers are on a Dask cluster, and what may befall them there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from rios_flows import rioserrors
from rios_flows.structures import CW_SUBPROC, ApplierReturn, ConcurrencyStyle
from rios_flows.workers.launchers import daskcluster
from tests.support.dask import FILES, ROOT, Cluster, environment_on, wait_for_file
from tests.support.deaths import die_always
from tests.support.jobs import SmallJob
from tests.support.queue_runs import (
    check,
    check_nothing_is_left,
    meanwhile,
    nothing_counted,
    slow,
    untouched,
    wait_for_workers,
)
from tests.support.queues import wait_until


@pytest.fixture
def cluster(dask_cluster: Cluster) -> Iterator[Cluster]:
    """Give the test the cluster, and see that no worker of a run is left there."""
    yield dask_cluster
    wait_until(lambda: not dask_cluster.helpers(), 40)


def job_on(cluster: Cluster, folder: Path, **changes: Any) -> SmallJob:
    """Return a job with two workers on a cluster; what it needs lies in a folder ``temp``."""
    (folder / "temp").mkdir()
    extra = {**cluster.extra, **changes.pop("extra", {})}
    values = {"numComputeWorkers": 2, "computeBufferPopTimeout": 60} | changes
    style = ConcurrencyStyle(computeWorkerKind=CW_SUBPROC, computeWorkerExtraParams=extra, **values)
    job = SmallJob(folder, style)
    job.controls.setTempdir(str(folder / "temp"))
    job.controls.setBlockRetries(userFunction=0, io=0)
    return job


def host_of(worker: int) -> psutil.Process:
    """Return the process of the Dask worker that has started one of ours."""
    found = psutil.Process(worker).parent()
    assert found is not None
    return found


def kill_worker(cluster: Cluster, worker: int) -> None:
    os.kill(worker, signal.SIGKILL)


def kill_its_dask_worker(cluster: Cluster, worker: int) -> None:
    host_of(worker).kill()


@pytest.mark.parametrize(
    ("kill", "reason"),
    [(kill_worker, "killed by SIGKILL"), (kill_its_dask_worker, "its Dask worker was lost")],
)
def test_one_of_two_is_killed(
    kill: Callable[[Cluster, int], None],
    reason: str,
    cluster: Cluster,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    job = job_on(cluster, tmp_path)
    hosts: list[psutil.Process] = []

    def kill_one() -> None:
        (worker, _), (other, _) = wait_for_workers(tmp_path)
        hosts.extend((host_of(worker), host_of(other)))
        kill(cluster, worker)
        wait_until(lambda: "Lost" in caplog.text, 30)

    with meanwhile(tmp_path, kill_one):
        rtn = job.run(slow, nothing_counted(tmp_path))
    check(job, rtn)
    lost = [record.getMessage() for record in caplog.records if "Lost" in record.msg]
    # Dask may have put both there
    assert len(lost) == 1 or hosts[0] == hosts[1]
    for text in ("block row ", "job slow-", os.uname().nodename, reason, "Starting another"):
        assert text in lost[0], lost
    assert hosts[0].is_running() == (kill is kill_worker)


def test_a_block_that_always_kills_its_worker(cluster: Cluster, tmp_path: Path) -> None:
    job = job_on(cluster, tmp_path, numComputeWorkers=1)
    other = {"death": "SIGSEGV", "blocks": [], "sum": 0, "ballast": np.zeros(12)}
    with pytest.raises(rioserrors.WorkerLostError) as caught:
        job.run(die_always, other)
    for text in ("3 workers", "block row 1, column 2", "job die_always-", "SIGSEGV", "in die_alw"):
        assert text in str(caught.value), caught.value
    assert untouched(job)
    check_nothing_is_left(job)


def test_a_worker_for_each_block_that_sees_no_common_directory(
    cluster: Cluster, tmp_path: Path
) -> None:
    changes = {"numComputeWorkers": 0, "singleBlockComputeWorkers": True, "haveSharedTemp": False}
    job = job_on(cluster, tmp_path, extra={"maxJobs": 2}, **changes)
    job.controls.setWindowSize(50, 80)
    rtn = job.run(slow, nothing_counted(tmp_path))
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    workers = [process for other in rtn.otherArgsList for process in other["workers"]]
    assert len(set(workers)) == len(workers) == 2
    check_nothing_is_left(job)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the numbers of workers that have been asked for."""
    numbers: list[int] = []
    start = daskcluster.DaskLauncher.start

    def noted(self: daskcluster.DaskLauncher, more: Sequence[int]) -> None:
        numbers.extend(more)
        start(self, more)

    monkeypatch.setattr(daskcluster.DaskLauncher, "start", noted)
    return numbers


def test_a_number_of_workers_that_grows(
    cluster: Cluster, tmp_path: Path, started: list[int]
) -> None:
    job = job_on(cluster, tmp_path, numComputeWorkers=0, extra={"minimum": 1, "maximum": 3})
    job.controls.setWindowSize(16, 16)
    rtn = job.run(slow, nothing_counted(tmp_path, pause=0.2))
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    assert len(rtn.otherArgsList) == 3
    blocks = [block for other in rtn.otherArgsList for block in other["blocks"]]
    assert len(set(blocks)) == len(blocks) == 35
    assert 2 <= len(set.union(*(other["workers"] for other in rtn.otherArgsList))) <= 3
    assert started == list(range(len(started)))
    assert 2 <= len(started) <= 3
    check_nothing_is_left(job)


def test_no_more_workers_than_blocks(cluster: Cluster, tmp_path: Path, started: list[int]) -> None:
    job = job_on(cluster, tmp_path, numComputeWorkers=9)
    job.controls.setWindowSize(50, 80)
    rtn = job.run(slow, nothing_counted(tmp_path))
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    assert started == [0, 1]
    assert len(rtn.otherArgsList) == 9
    assert sum(other["sum"] for other in rtn.otherArgsList) == job.pixels.sum(dtype=np.int64)


@contextmanager
def refused(
    job: SmallJob, error: type[Exception], *texts: str, seconds: float = 30
) -> Iterator[None]:
    """Expect an error with some words, soon, after which nothing is left."""
    start = time.monotonic()
    with pytest.raises(error) as caught:
        yield
    for text in texts:
        assert text in str(caught.value), caught.value
    assert time.monotonic() - start < seconds
    assert untouched(job)
    check_nothing_is_left(job)


def run(job: SmallJob) -> ApplierReturn:
    return job.run(slow, nothing_counted(job.folder))


@pytest.mark.parametrize(
    ("extra", "error", "said"),
    [
        ({"address": "tls://127.0.0.1:9"}, rioserrors.JobMgrError, "No Dask scheduler"),
        ({"security": None}, rioserrors.ParameterError, "TLS expects"),
        ({"security": dict.fromkeys(FILES, "none")}, rioserrors.ParameterError, "No such file"),
        ({"security": {"tls_cafile": "ca"}}, rioserrors.ParameterError, "tls_cafile"),
        ({"address": "tls://node1"}, rioserrors.ParameterError, "missing port number"),
        ({"maxjobs": 3}, rioserrors.ParameterError, "It takes address, security"),
    ],
)
def test_clusters_that_are_none(
    extra: dict[str, Any],
    error: type[Exception],
    said: str,
    cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(daskcluster, "_PATIENCE", 1.0)
    job = job_on(cluster, tmp_path, extra=extra)
    with refused(job, error, said, "computeWorkerExtraParams"):
        run(job)


def test_more_workers_than_free_threads(cluster: Cluster, tmp_path: Path) -> None:
    over = tmp_path / "over"
    client = daskcluster.connected(cluster.address, cluster.extra["security"])
    others = [client.submit(wait_for_file, str(over), key=f"other-{n}") for n in range(3)]
    wait_until(lambda: all(each.key in sum(client.processing().values(), ()) for each in others))
    job = job_on(cluster, tmp_path, computeBarrierTimeout=6)
    said = "is pending: waits for a free thread: the cluster has 2 workers with 4"
    try:
        with refused(job, rioserrors.TimeoutError, "of 2 compute workers", said):
            run(job)
    finally:
        over.touch()
        client.gather(others)
        client.close()


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("PYTHONHOME", ("ended before its worker came: exit code 1\n", "No module named")),
        ("PYTHONPATH", ("pixels or pickles could differ", "numpy", "1.9.3", np.__version__)),
    ],
)
def test_workers_with_another_environment(
    variable: str, said: tuple[str, ...], cluster: Cluster, tmp_path: Path
) -> None:
    fake = tmp_path / "fake"
    fake.mkdir()
    (fake / "sitecustomize.py").write_text("import numpy\nnumpy.__version__ = '1.9.3'\n")
    job = job_on(cluster, tmp_path)
    before = os.environ.get(variable)
    environment_on(cluster, **{variable: str(fake)})
    try:
        with refused(job, rioserrors.JobMgrError, *said):
            run(job)
    finally:
        environment_on(cluster, **{variable: before})


def test_a_cluster_without_workers(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    cluster = Cluster(tmp_path / "cluster", 0, 1, tls=False)
    job = job_on(cluster, tmp_path, computeBarrierTimeout=2)
    said = ("0 of 2 compute workers", "is pending: the cluster has no workers")
    try:
        with refused(job, rioserrors.TimeoutError, *said):
            run(job)
    finally:
        cluster.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_stays_after_a_signal(number: int, cluster: Cluster, tmp_path: Path) -> None:
    job = job_on(cluster, tmp_path)
    (tmp_path / "extra.json").write_text(json.dumps(cluster.extra))
    (tmp_path / "wait").touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.queue_main", "engine", CW_SUBPROC, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_workers(tmp_path)
        process.send_signal(number)
        start = time.monotonic()
        wait_until(lambda: not cluster.helpers(), 15 if number == signal.SIGINT else 60)
        assert process.wait(max(1, 15 - (time.monotonic() - start))) != 0
    finally:
        process.kill()
        process.wait()
    wait_until(lambda: not list((tmp_path / "temp").iterdir()), 10)
    assert untouched(job)


def test_a_cluster_that_is_closed_in_the_midst(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    cluster = Cluster(tmp_path / "cluster", 1, 2, tls=False)
    job = job_on(cluster, tmp_path)

    def close() -> None:
        wait_for_workers(tmp_path)
        cluster.stop()

    said = ("No compute worker is left", "its scheduler is gone")
    with refused(job, rioserrors.WorkerLostError, *said), meanwhile(tmp_path, close):
        run(job)
