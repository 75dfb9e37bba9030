"""A Dask cluster for tests, in processes of its own.

python -m tests.support.dask FOLDER WORKERS THREADS (tls | tcp)
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dask
import psutil
from distributed import LocalCluster, Security

from rios_flows.workers.launchers import daskcluster
from tests.support.queues import wait_until

ROOT = Path(__file__).parents[2]

#: Names of files, as Security has them.
FILES = {
    "tls_ca_file": "ca.pem",
    "tls_client_cert": "cert.pem",
    "tls_client_key": "key.pem",
}
_OTHERS = {"scheduler", "worker"}


class Cluster:
    """A scheduler and its workers, on loopback."""

    def __init__(self, folder: Path, workers: int = 2, threads: int = 2, tls: bool = True) -> None:
        self.folder = folder
        if tls:
            _write_certificates(folder)
        command = [sys.executable, "-m", "tests.support.dask", str(folder), str(workers)]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [*command, str(threads), "tls" if tls else "tcp"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        place = folder / "address"
        wait_until(lambda: place.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, (folder / "log").read_text()
        self.address = place.read_text()
        #: What computeWorkerExtraParams need.
        self.extra: dict[str, Any] = {"address": self.address}
        if tls:
            self.extra["security"] = {key: str(folder / name) for key, name in FILES.items()}

    def helpers(self) -> list[psutil.Process]:
        """Return the processes of all workers of runs."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        return [each for each in below if "rios_flows.workers" in command_of(each)]

    def dask_workers(self) -> set[int]:
        """Return the processes that helpers are started by."""
        client = daskcluster.connected(self.address, self.extra.get("security"))
        found = set(client.run(os.getpid).values())
        client.close()
        return found

    def stop(self) -> None:
        assert self.process.stdin is not None
        below = psutil.Process(self.process.pid).children(recursive=True)
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for each in below:
            if each.is_running():
                each.kill()


def environment_on(cluster: Cluster, **variables: str | None) -> None:
    """Set variables in all of a cluster's workers; None removes one."""
    client = daskcluster.connected(cluster.address, cluster.extra.get("security"))
    client.run(_set, variables)
    client.close()


def _set(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


def wait_for_file(path: str) -> None:
    """Wait until a file is there: somebody else's task."""
    wait_until(Path(path).exists)


def command_of(process: psutil.Process) -> str:
    """Return the command line of a process; empty where it has gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _write_certificates(folder: Path) -> None:
    made = Security.temporary()
    for key, name in FILES.items():
        (folder / name).write_text(getattr(made, key))


def _security(folder: Path) -> Security:
    files = {key: str(folder / name) for key, name in FILES.items()}
    for role in _OTHERS:
        for kind in ("cert", "key"):
            files[f"tls_{role}_{kind}"] = files[f"tls_client_{kind}"]
    return Security(require_encryption=True, **files)


#: It waits most of the time: it need not look at itself a hundred times a second.
_IDLE = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "10s",
}


def _run(folder: Path, workers: int, threads: int, protocol: str) -> None:
    with (
        dask.config.set(_IDLE),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=threads,
            host="127.0.0.1",
            protocol=protocol,
            security=_security(folder) if protocol == "tls" else None,
            dashboard_address=None,
            local_directory=str(folder),
        ) as cluster,
    ):
        written = folder / "written"
        written.write_text(cluster.scheduler_address)
        written.rename(folder / "address")
        sys.stdin.read()


if __name__ == "__main__":
    _run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
