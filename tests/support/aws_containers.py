"""What the pretended AWS runs in place of containers: processes of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.aws_forks import Forked, is_plain

#: A container inherits nothing of these.
_NOT_INHERITED = ("PREFECT_", "DASK_", "ECS_", "AWS_", "RIOS_", "SLURM_", "PBS_")

#: Images that are told apart: one that nobody can pull, and one that takes for ever.
NO_IMAGE, SLOW_IMAGE = "nowhere/none:1", "nowhere/slow:1"


class CannotStart(Exception):
    """A container does not start, in AWS's words."""


class Container:
    """One process with a group of its own, and what it prints."""

    def __init__(self, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._process: subprocess.Popen[bytes] | Forked
        if is_plain(command, environment):
            self._process = Forked(command, environment, log)
            return
        with log.open("ab") as out:
            try:
                self._process = subprocess.Popen(
                    command,
                    env=dict(environment),
                    # a container begins elsewhere than its caller
                    cwd=log.parent,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )
            except OSError as error:
                raise CannotStart(f"CannotStartContainerError: {error}") from error

    @property
    def code(self) -> int | None:
        """The exit code as Docker reports it: 128 + signal; None while it runs."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self, grace: float = 2.0) -> None:
        """Ask it to end, and then make it."""
        for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 10)):
            self._signal(number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                break
        # what it has started ends with it
        self._signal(signal.SIGKILL)

    def lines(self) -> list[str]:
        """Return what it has printed."""
        return [line for line in self.log.read_text(errors="replace").splitlines() if line]

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def merged(
    definition: Mapping[str, Any], override: Mapping[str, Any] | None
) -> tuple[list[str], dict[str, str]]:
    """Return command and environment of a definition with a task's or job's own."""
    override = override or {}
    command = override.get("command") or definition.get("command") or []
    pairs = [*(definition.get("environment") or ()), *(override.get("environment") or ())]
    # entry points cannot be overridden
    words = [*(definition.get("entryPoint") or ()), *command]
    return words, {pair["name"]: pair["value"] for pair in pairs}


def environment(own: Mapping[str, str], endpoint: str, region: str) -> dict[str, str]:
    """Return the environment of a container: this machine's paths, and a role of its own."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', '')}"
    role = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "role",
        "AWS_SECRET_ACCESS_KEY": "role",
    }
    return {**inherited, "PATH": path, "PYTHONUNBUFFERED": "1", **role, **own}


def tell_cloudwatch(logs: Any, group: str, stream: str, lines: Iterable[str]) -> None:
    """Put lines into a stream of moto's CloudWatch, which is made if it is new."""
    logs.ensure_log_group(group)
    logs.ensure_log_stream(group, stream)
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line} for line in lines]
    if events:
        logs.put_log_events(group, stream, events)
