"""What workers print past Python, as C code does, told by the main process as it comes."""

from __future__ import annotations

import os
from pathlib import Path

from rios_flows.workers.launchers.launcher import WorkerJob
from rios_flows.workers.relay import show

#: How much of a log is read at a time; longer lines are told in pieces (bytes).
_MOST = 1 << 16

#: What stays of a log in memory, for the message about a bad end, and what is worth giving back
#: beside (bytes).
_KEPT, _PIECE = 1 << 16, 1 << 20

#: How jobs end that have nothing to explain: of all others an error or a warning tells the log.
_GOOD_END = "exit code 0"


class JobLogs:
    """Tells the lines of the logs of jobs, each once, with the worker they are from."""

    def __init__(self) -> None:
        #: how much of each log is told (bytes)
        self._told: dict[int, int] = {}
        #: how much of a log in memory has been given back (bytes)
        self._returned: dict[int, int] = {}

    def tell(self, job: WorkerJob) -> None:
        """Tell what has come since the last time: whole lines, or all after the end."""
        over = job.state == "ended"
        if job.log is None or (over and job.reason != _GOOD_END):
            return
        try:
            with job.log.open("rb") as file:
                # no further than now: a worker may print without end
                end = file.seek(0, os.SEEK_END)
                told = file.seek(self._told.get(job.number, 0))
                while told < end and (data := _lines(file.read(_MOST), over)):
                    _show(job, data)
                    told = self._told[job.number] = file.seek(told + len(data))
            if told - self._returned.get(job.number, 0) > _PIECE and job.log.parts[1] == "proc":
                self._returned[job.number] = told
                _give_back(job.log, told - _KEPT)
        except OSError:
            # the queue has not made it yet, or this machine does not see it
            return


def _give_back(log: Path, size: int) -> None:
    """Give back the memory of the first bytes of a log that is a file in memory."""
    # few workers print as much
    import ctypes

    keep_size, punch_hole = 1, 2
    with log.open("r+b") as file:
        start, length = ctypes.c_int64(0), ctypes.c_int64(size)
        ctypes.CDLL(None).fallocate(file.fileno(), keep_size | punch_hole, start, length)


def _lines(data: bytes, over: bool) -> bytes:
    """Return what can be told now: whole lines, all after the end, or part of an endless line."""
    full = len(data) == _MOST
    whole = data[: data.rfind(b"\n") + 1]
    return data if (over and not full) or (full and not whole) else whole


def _show(job: WorkerJob, data: bytes) -> None:
    for line in data.decode(errors="replace").splitlines():
        if line.strip():
            show(f"worker {job.number} (job {job.id})", ("print", "stderr", line))
