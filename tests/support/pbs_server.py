"""The server of the emulated PBS: it runs the jobs, as processes of this machine."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.pbs_store import QUEUES, SERVER, Job, Store

PROCESSORS = 4

#: Seconds from qdel's SIGTERM to SIGKILL (10 on the real one), and how long a job is seen after it.
KILL_DELAY, LINGER = 2.0, 1.2


@dataclass
class Running:
    """A job's process, and when what happens to it."""

    job: Job
    process: subprocess.Popen[bytes]
    started: float
    terminated: float | None = None
    status: int | None = None


class Server:
    """Runs jobs in the order of their ids, as far as there are processors."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.running: dict[str, Running] = {}
        self._seen = 0

    def serve(self) -> None:
        """Work until the standard input ends, at most for an hour."""
        end = time.monotonic() + 3600
        try:
            while time.monotonic() < end and not select.select([sys.stdin], [], [], 0.05)[0]:
                if self.running or self._is_news():
                    self.step()
        finally:
            for running in self.running.values():
                kill(running, signal.SIGKILL)
                running.process.wait()

    def _is_news(self) -> bool:
        """Return whether any job, finished ones too, may have changed since the last time."""
        changed = (self.store.folder / "jobs").stat().st_mtime_ns
        # two changes within a tick of the clock have one time
        news = changed != self._seen or time.time_ns() - changed < 200_000_000
        self._seen = changed
        return news

    def step(self) -> None:
        """Start, watch and end jobs."""
        for running in list(self.running.values()):
            self.watch(running)
        jobs = self.store.all()
        for job in jobs:
            if not job.array and job.state == "Q":
                self.consider(job)
        states = {job.id: job.state for job in jobs}
        for job in jobs:
            parts = {states.get(part, "F") for part in job.array}
            state = "F" if parts == {"F"} else "B" if parts - {"Q"} else "Q"
            if job.array and state != job.state:
                job.state = state
                self.store.put(job)

    def consider(self, job: Job) -> None:
        """Start a job if it fits, delete it, or say why it waits."""
        free = PROCESSORS - sum(running.job.ncpus for running in self.running.values())
        short = "Insufficient amount of resource: ncpus"
        if self.deleted(job):
            job.state, job.comment = "F", "Job deleted"
        elif job.ncpus > PROCESSORS:
            job.comment = f"Can Never Run: {short}"
        elif job.ncpus > free:
            job.comment = f"Not Running: {short}"
        else:
            job.state, job.host, job.comment = "R", SERVER, f"Job run at now on ({SERVER})"
            self.running[job.id] = self.run(job)
        if job != self.store.get(job.id):
            self.store.put(job)

    def run(self, job: Job) -> Running:
        """Start a job's script, with output into the spool."""
        home = str(self.store.folder / "home")
        environment = {
            **{"HOME": home, "PATH": "/usr/local/bin:/usr/bin:/bin", "LOGNAME": "root"},
            **{"PBS_JOBID": job.id, "PBS_JOBNAME": job.name, "PBS_ENVIRONMENT": "PBS_BATCH"},
            **{"PBS_QUEUE": QUEUES[0], "PBS_JOBDIR": home, "PBS_NODENUM": "0", "PBS_TASKNUM": "1"},
            **{"PBS_NODEFILE": f"{home}/nodes"},
            **job.variables,
        }
        script = self.store.folder / "spool" / f"{job.id}.SC"
        script.write_text(job.script)
        out, err = self.spools(job)
        with out.open("ab") as output, err.open("ab") as errors:
            process = subprocess.Popen(
                ["/bin/sh", str(script)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env=environment,
                cwd=home,
                start_new_session=True,
            )
        return Running(job, process, time.monotonic())

    def spools(self, job: Job) -> tuple[Path, Path]:
        """Return where output and errors are while a job runs."""
        spool = self.store.folder / "spool"
        joined = job.out == job.err
        return spool / f"{job.id}.OU", spool / f"{job.id}{'.OU' if joined else '.ER'}"

    def watch(self, running: Running) -> None:
        """Kill a job whose time is over or that is deleted; note its end."""
        job, now = running.job, time.monotonic()
        over = job.walltime is not None and now - running.started > job.walltime
        if running.terminated is None and (over or self.deleted(job)):
            running.terminated = now
            if over:
                running.status = -29
                with self.spools(job)[1].open("a") as log:
                    log.write(f"=>> PBS: job killed: walltime exceeded limit {job.walltime:g}\n")
            kill(running, signal.SIGTERM)
        if running.terminated is not None and now - running.terminated > KILL_DELAY:
            kill(running, signal.SIGKILL)
        if (self.store.folder / "jobs" / f"{job.id}.kill").exists():
            kill(running, signal.SIGKILL)
        code = running.process.poll()
        lingers = running.terminated is not None and now - running.terminated < LINGER
        if code is not None and not lingers:
            self.end(running, code)

    def end(self, running: Running, code: int) -> None:
        """Bring a job's output to its place, and note its exit status."""
        # what it left behind in its session
        kill(running, signal.SIGKILL)
        job = running.job
        for spool, path in set(zip(self.spools(job), (job.out, job.err), strict=True)):
            with suppress(OSError):
                Path(path).write_bytes(spool.read_bytes())
        signalled = 256 - code if code < 0 else code
        job.exit_status = signalled if running.status is None else running.status
        job.state = "F"
        self.store.put(job)
        del self.running[job.id]

    def deleted(self, job: Job) -> bool:
        """Return whether somebody has deleted a job."""
        return (self.store.folder / "jobs" / f"{job.id}.delete").exists()


def kill(running: Running, number: int) -> None:
    """Send a signal to a job's session."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(running.process.pid, number)
