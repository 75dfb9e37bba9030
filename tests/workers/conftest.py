"""Batch queues, brought up once for all tests that want one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from rios_flows.workers.launchers.pbs import PbsLauncher
from rios_flows.workers.launchers.slurm import SlurmLauncher
from tests.support import slurm
from tests.support.pbs import EmulatedPbs
from tests.support.queues import Queue


@pytest.fixture(scope="session")
def slurm_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[slurm.Cluster]:
    """Run a real Slurm."""
    if lacking := slurm.missing():
        # in CI this fails the test (see the root's conftest.py)
        pytest.skip(lacking)
    cluster = slurm.Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def emulated_pbs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedPbs]:
    """Run an emulator of PBS."""
    pbs = EmulatedPbs(tmp_path_factory.mktemp("pbs"))
    try:
        yield pbs
    finally:
        pbs.stop()


@pytest.fixture
def slurm_queue(slurm_cluster: slurm.Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """Give the test a real Slurm, and see that it leaves no job there."""
    words = {
        "options": "sbatchOptions",
        "too many": "--ntasks=64",
        "bad queue": "--partition=nowhere",
        "bad option": "--no-such-option",
        "submit": "sbatch",
        "state": "squeue",
    }
    listed = ("squeue", "--noheader", "--array", "--format=%i")
    queue = Queue("slurm", slurm_cluster, SlurmLauncher, words, listed)
    yield from _used(queue, monkeypatch)


@pytest.fixture
def pbs_queue(emulated_pbs: EmulatedPbs, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """Give the test an emulated PBS, and see that it leaves no job there."""
    words = {
        "options": "qsubOptions",
        "too many": "-l select=1:ncpus=64",
        "bad queue": "-q nowhere",
        "bad option": "-Z nope",
        "submit": "qsub",
        "state": "qstat",
    }
    queue = Queue("pbs", emulated_pbs, PbsLauncher, words, ("qstat", "-t"))
    yield from _used(queue, monkeypatch)


@pytest.fixture(params=["slurm", "pbs"])
def queue(request: pytest.FixtureRequest) -> Queue:
    """Give the test each queue in turn."""
    found: Queue = request.getfixturevalue(f"{request.param}_queue")
    return found


def _used(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    for name, value in {"PATH": os.environ["PATH"], **queue.lab.environment}.items():
        monkeypatch.setenv(name, value)
    path = os.environ["PATH"]
    yield queue
    # a test may have put something before the queue's commands
    os.environ["PATH"] = path
    left = queue.ids()
    for job in left:
        queue.lab.run(queue.launcher_class.cancel, job)
    assert not left
