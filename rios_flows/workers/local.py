"""Workers as processes on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import rios_flows
from rios_flows.basics import threads
from rios_flows.rioserrors import JobMgrError, UnavailableError
from rios_flows.workers.launchers.launcher import WorkerJob
from rios_flows.workers.launchers.processes import has_ended, kill_group, killing, told
from rios_flows.workers.launchers.undertaker import Undertaker
from rios_flows.workers.sharedmemory import LocalConnection
from rios_flows.workers.wire import Connection, ConnectionLost

#: Found where this process found it, after all that Python looks for by itself.
_PROGRAM = "import sys; sys.path.append({!r}); from rios_flows.workers.__main__ import main; main()"

_CANNOT_START = "A compute worker cannot be started on this machine"

#: How long workers that were sent home may take to go, and the time between two looks at them (s).
_TIME_TO_GO, _PAUSE = 5.0, 0.005


class LocalProcesses:
    """Starts workers as processes; it is a :class:`Launcher`.

    Each worker has a process group of its own, with what the user function starts. All of it is
    killed when the worker has ended, or the process that started it, whatever the end.

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
        self._undertaker: Undertaker | None = None

    def start(self, numbers: Sequence[int]) -> None:
        """Start a process for each worker."""
        try:
            if self._undertaker is None:
                self._undertaker = Undertaker()
            for number in numbers:
                self._start(number, self._undertaker)
        except UnavailableError as error:
            raise JobMgrError(f"{_CANNOT_START}: {error}") from error
        except OSError as error:
            raise JobMgrError(
                f"{_CANNOT_START}: {error}; ask for fewer of them, or see what processes and open "
                "files this user may have (ulimit -u -n)"
            ) from error

    def _start(self, number: int, undertaker: Undertaker) -> None:
        program = _PROGRAM.format(str(Path(rios_flows.__file__).parents[1]))
        output = self._logs[number] = os.memfd_create("log", os.MFD_CLOEXEC)
        own, its = socket.socketpair()
        connection = LocalConnection(own)
        greeting = threads.thread_in_context(self._greet, connection, name=f"worker-{number}")
        with its:
            command = [sys.executable, "-P", "-c", program]
            try:
                # a worker that nobody would greet is not started
                threads.start(greeting)
                self._greeting.append(greeting)
                process = subprocess.Popen(
                    [*command, "--fd", str(its.fileno()), "--number", str(number)],
                    pass_fds=[its.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    process_group=0,
                )
            except BaseException:
                connection.close()
                raise
        self._processes[number] = process
        undertaker.due(*killing(process.pid))

    def jobs(self) -> list[WorkerJob]:
        """Return all workers that were started."""
        return [self._job(*each) for each in self._processes.items()]

    def stop(self, numbers: Iterable[int]) -> None:
        """Kill some workers, and what they have started."""
        for number in self._processes.keys() & set(numbers):
            process = self._processes[number]
            if self._code(process) is None:
                kill_group(process.pid)

    def close(self) -> None:
        """Wait a moment for all to end; then kill those that are left."""
        processes, deadline = list(self._processes.values()), time.monotonic() + _TIME_TO_GO
        try:
            while None in [self._code(each) for each in processes] and time.monotonic() < deadline:
                time.sleep(_PAUSE)
        finally:
            self.stop(self._processes)
            while None in [self._code(each) for each in processes]:
                time.sleep(_PAUSE)
        for thread in self._greeting:
            thread.join()
        for number in list(self._logs):
            os.close(self._logs.pop(number))
        if self._undertaker is not None:
            self._undertaker.close()
            self._undertaker = None

    def _code(self, process: subprocess.Popen[bytes]) -> int | None:
        """Return how a process ended, None if it has not; what it has started ends with it."""
        if process.returncode is None and has_ended(process.pid):
            # before it is reaped, as no other can have its number until then
            kill_group(process.pid)
            process.wait()
            if self._undertaker is not None:
                self._undertaker.settled(*killing(process.pid))
        return process.returncode

    def _greet(self, connection: Connection) -> None:
        try:
            _, hello = connection.receive()
        except ConnectionLost:
            connection.close()
            return
        self._arrive(connection, hello)

    def _job(self, number: int, process: subprocess.Popen[bytes]) -> WorkerJob:
        code = self._code(process)
        return WorkerJob(
            number,
            str(process.pid),
            f"worker {number}",
            "running" if code is None else "ended",
            "" if code is None else told(code),
            socket.gethostname(),
            Path(f"/proc/{os.getpid()}/fd/{self._logs[number]}") if number in self._logs else None,
        )
