"""Where a worker hands in jobs, asks after them, and has them cancelled: one desk for a queue."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import UUID

from prefect.settings import get_current_settings

from rios_flows.orchestration.queueworkers.folders import JobFolder
from rios_flows.orchestration.queueworkers.variables import QueueConfiguration, ScriptConfiguration
from rios_flows.rioserrors import JobMgrError, ParameterError
from rios_flows.workers.launchers.batch import BatchLauncher
from rios_flows.workers.launchers.book import Seen
from rios_flows.workers.launchers.extra import KINDS
from rios_flows.workers.launchers.launcher import Order, WorkerJob, tail

C = TypeVar("C", bound=QueueConfiguration, contravariant=True)

#: A flow run has one job, and this is its number.
_ONLY = 0

#: So many ids fit on one command line.
_AT_ONCE = 1000

_LINES = 50


class Desk(Protocol[C]):
    """A queue; its methods wait for it, so they are called in threads."""

    def submit(self, flow_run: UUID, configuration: C) -> WorkerJob:
        """Have a job run a flow run; raise JobMgrError in the queue's words if it is refused."""

    def find(self, flow_run: UUID, configuration: C, job: str) -> WorkerJob | None:
        """Return the job that was submitted for a flow run earlier; its id, if that is known."""

    def look(self, jobs: Sequence[WorkerJob]) -> dict[str, Seen]:
        """Ask for jobs; those that the queue does not know are left out. Raises JobMgrError."""

    def cancel(self, job: str) -> None:
        """Have a job cancelled, without waiting for its end. Raises JobMgrError."""

    def kill(self, job: str) -> None:
        """Have a job killed that was cancelled and goes on. Raises JobMgrError."""

    def log_end(self, job: WorkerJob) -> str:
        """Return the last lines of what a job has printed."""

    def forget(self, flow_run: UUID, job: WorkerJob, keep_log: bool) -> None:
        """Remove what there is of a job that has ended, or will never be."""


class ScriptDesk:
    """A queue with commands of its own, whose jobs are scripts.

    Parameters
    ----------
    launcher : type
        What submits its jobs, asks for them, and cancels them.
    """

    def __init__(self, launcher: type[BatchLauncher]) -> None:
        self._launcher = launcher
        self._options = KINDS[launcher.kind].options
        nobody = Order("", (), {}, Path(), {self._options: [], "initCmds": []})
        self._asking = launcher(nobody, JobFolder(Path(), UUID(int=0)))

    def submit(self, flow_run: UUID, configuration: ScriptConfiguration) -> WorkerJob:
        """Have a job run a flow run; raise JobMgrError in the queue's words if it is refused."""
        folder = self._folder(flow_run, configuration)
        launcher = self._launching(folder, configuration)
        try:
            folder.make(configuration.env)
            launcher.start([_ONLY])
        except BaseException:
            # whatever the queue makes of it
            folder.refuse()
            raise
        # not as the queue sees it: it may not know yet what it has just taken
        [job] = launcher.started
        return job

    def find(
        self, flow_run: UUID, configuration: ScriptConfiguration, job: str
    ) -> WorkerJob | None:
        """Return the job that was submitted for a flow run earlier; its id, if that is known."""
        folder = self._folder(flow_run, configuration)
        # the server has that of an earlier attempt until the new one is told
        job = folder.job() or job
        if not job:
            return None
        launcher = self._launching(folder, configuration)
        log = launcher.log_of(job, _ONLY)
        return WorkerJob(_ONLY, job, launcher.order.name, "pending", log=log)

    def look(self, jobs: Sequence[WorkerJob]) -> dict[str, Seen]:
        """Ask for jobs; those that the queue does not know are left out. Raises JobMgrError."""
        ids = [job.id for job in jobs]
        seen: dict[str, Seen] = {}
        for first in range(0, len(ids), _AT_ONCE):
            seen |= self._asking.look(ids[first : first + _AT_ONCE])
        return seen

    def cancel(self, job: str) -> None:
        """Have a job cancelled, without waiting for its end. Raises JobMgrError."""
        self._end(self._launcher.cancel, job)

    def kill(self, job: str) -> None:
        """Have a job killed that was cancelled and goes on. Raises JobMgrError."""
        self._end(*self._launcher.kill, job)

    def log_end(self, job: WorkerJob) -> str:
        """Return the last lines of what a job has printed."""
        return tail(job.log, _LINES)

    def forget(self, flow_run: UUID, job: WorkerJob, keep_log: bool) -> None:
        """Remove what there is of a job that has ended, or will never be."""
        if job.log is None:
            return
        folder = JobFolder(job.log.parent.parent, flow_run)
        folder.refuse()
        if not keep_log and folder.path.is_dir():
            folder.remove()

    def _end(self, *command: str) -> None:
        answer = self._asking.ask(*command)
        if answer.code:
            raise answer.failure(f"{self._launcher.queue} does not end a job", "trying again")

    def _folder(self, flow_run: UUID, configuration: ScriptConfiguration) -> JobFolder:
        home = get_current_settings().home / "queue-jobs"
        return JobFolder(configuration.job_folder or home, flow_run)

    def _launching(self, folder: JobFolder, configuration: ScriptConfiguration) -> BatchLauncher:
        """Return what submits the job of one flow run."""
        try:
            return self._launcher(self._order(folder, configuration), folder)
        except ParameterError as error:
            # in the words of a work pool
            text = str(error).replace("computeWorkerExtraParams", "job variables")
            raise JobMgrError(text.replace(self._options, "options")) from error

    def _order(self, folder: JobFolder, configuration: ScriptConfiguration) -> Order:
        place = '"$HOME"'
        if configuration.working_dir is not None:
            place = shlex.quote(str(configuration.working_dir))
        begin = [*folder.commands(), f"cd {place} || exit 1", *configuration.init_commands]
        return Order(
            name=configuration.name or "flow-run",
            command=tuple(shlex.split(configuration.command or "")),
            environment={},
            folder=folder.path,
            extra={
                self._options: configuration.directives(),
                "initCmds": begin,
                "cmdPrefix": configuration.command_prefix,
                "cmdSuffix": configuration.command_suffix,
            },
            numbered=False,
            what="the job of a flow run",
            advice="see the variables of the work pool, of the deployment and of the flow run",
        )
