"""What workers print past Python, as C code does, told by the main process as it comes."""

from __future__ import annotations

from rios_flows.workers.launchers.launcher import WorkerJob
from rios_flows.workers.relay import show

#: How much of a log is told at a time, at most (bytes).
_MOST = 1 << 16

#: How jobs end that have nothing to explain: of all others an error or a warning tells the log.
_GOOD_END = "exit code 0"


class JobLogs:
    """Tells the lines of the logs of jobs, each once, with the worker they are from."""

    def __init__(self) -> None:
        #: how much of each log is told (bytes)
        self._told: dict[int, int] = {}

    def tell(self, job: WorkerJob) -> None:
        """Tell what has come since the last time: whole lines, or all after the end."""
        over = job.state == "ended"
        if job.log is None or (over and job.reason != _GOOD_END):
            return
        told = self._told.get(job.number, 0)
        try:
            with job.log.open("rb") as file:
                file.seek(told)
                data = file.read(_MOST)
        except OSError:
            # the queue has not made it yet, or this machine does not see it
            return
        end = len(data) if over or len(data) == _MOST else data.rfind(b"\n") + 1
        self._told[job.number] = told + end
        for line in data[:end].decode(errors="replace").splitlines():
            if line.strip():
                show(f"worker {job.number} (job {job.id})", ("print", "stderr", line))
