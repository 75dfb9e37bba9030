"""Workers of rios_flows that need not import all of it: forks of a process that has done so."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.forkserver import FORKS

_WORKER = ["python", "-m", "rios_flows.workers"]


def is_plain(command: list[str], environment: Mapping[str, str]) -> bool:
    """Return whether a command starts a worker that finds what this process finds."""
    same = environment.get("PYTHONPATH") == os.environ.get("PYTHONPATH")
    return same and command[: len(_WORKER)] == _WORKER


class Forked:
    """What is needed of ``subprocess.Popen``, with a session of its own."""

    def __init__(self, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        told = command[len(_WORKER) :], dict(environment), log
        self._process = FORKS.Process(target=_work, args=told)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float) -> None:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a worker", timeout)


def _work(arguments: list[str], environment: dict[str, str], log: Path) -> None:
    """Be a worker."""
    os.setsid()
    os.chdir(log.parent)
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(out, stream)
    os.close(out)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["rios_flows.workers", *arguments]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        # a container has none of them
        del sys.modules[name]
    sys.modules.pop("rios_flows.workers.__main__", None)
    runpy.run_module("rios_flows.workers", run_name="__main__", alter_sys=True)
