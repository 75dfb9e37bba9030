"""Workers for a job, of the kind that its style asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from rios_flows.controls.concurrency import Timeouts
from rios_flows.jobs.job import Job
from rios_flows.runs.run import FindExecutor
from rios_flows.workers.crew import Crew
from rios_flows.workers.local import LocalProcesses
from rios_flows.workers.remote import RemoteExecutor

#: Time between two looks at local processes, and between two questions to a queue (s).
_LOCAL_PAUSE, _QUEUE_PAUSE = 0.05, 2.0


@contextmanager
def hired(job: Job) -> Iterator[FindExecutor]:
    """Have workers for the length of a ``with`` block; none is left after it."""
    style = job.plan.options.style
    crew = Crew(style.workers_at_once, Timeouts.of(style).barrier, _LOCAL_PAUSE)
    try:
        crew.start(LocalProcesses(crew.arrive))
        yield partial(RemoteExecutor, crew)
    finally:
        crew.close()
