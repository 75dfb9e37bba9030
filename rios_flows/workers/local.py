"""Workers as processes on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import rios_flows
from rios_flows.workers.launchers.launcher import WorkerJob
from rios_flows.workers.wire import Connection, ConnectionLost, LocalConnection

#: Found where this process found it, after all that Python looks for by itself.
_PROGRAM = "import sys; sys.path.append({!r}); from rios_flows.workers.__main__ import main; main()"

#: How long workers that were sent home may take to go (s).
_TIME_TO_GO = 5.0


class LocalProcesses:
    """Starts workers as processes; it is a :class:`Launcher`.

    Parameters
    ----------
    arrive : callable
        Gets the connection of each worker that has come, and its hello.
    """

    def __init__(self, arrive: Callable[[Connection, Any], None]) -> None:
        self._arrive = arrive
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._greeting: list[Thread] = []
        #: descriptors of their output, which is in memory only
        self._logs: dict[int, int] = {}

    def start(self, numbers: Sequence[int]) -> None:
        """Start a process for each worker."""
        program = _PROGRAM.format(str(Path(rios_flows.__file__).parents[1]))
        command = [sys.executable, "-P", "-c", program]
        for number in numbers:
            own, its = socket.socketpair()
            output = self._logs[number] = os.memfd_create("log", os.MFD_CLOEXEC)
            with its:
                self._processes[number] = subprocess.Popen(
                    [*command, "--fd", str(its.fileno()), "--number", str(number)],
                    pass_fds=[its.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    process_group=0,
                )
            greeting = Thread(target=self._greet, args=(LocalConnection(own),), daemon=True)
            greeting.start()
            self._greeting.append(greeting)

    def jobs(self) -> list[WorkerJob]:
        """Return all workers that were started."""
        return [self._job(*each) for each in self._processes.items()]

    def stop(self, numbers: Iterable[int]) -> None:
        """Kill some workers, and what they have started."""
        for number in self._processes.keys() & set(numbers):
            with suppress(ProcessLookupError):
                os.killpg(self._processes[number].pid, signal.SIGKILL)

    def close(self) -> None:
        """Wait a moment for all to end; then kill those that are left."""
        deadline = time.monotonic() + _TIME_TO_GO
        for process in self._processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0, deadline - time.monotonic()))
        self.stop(self._processes)
        for process in self._processes.values():
            process.wait()
        for thread in self._greeting:
            thread.join()
        for output in self._logs.values():
            os.close(output)

    def _greet(self, connection: Connection) -> None:
        try:
            _, hello = connection.receive()
        except ConnectionLost:
            connection.close()
            return
        self._arrive(connection, hello)

    def _job(self, number: int, process: subprocess.Popen[bytes]) -> WorkerJob:
        code = process.poll()
        return WorkerJob(
            number,
            str(process.pid),
            f"worker {number}",
            "running" if code is None else "ended",
            "" if code is None else _told(code),
            socket.gethostname(),
            Path(f"/proc/{os.getpid()}/fd/{self._logs[number]}"),
        )


def _told(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"
