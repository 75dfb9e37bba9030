"""Worker types for Prefect: ``prefect worker start --type slurm``, ``pbs`` or ``aws-batch``.

Prefect imports this module with others of its plugins, so it imports little.
"""

from __future__ import annotations

import abc
import socket
import time
from collections.abc import Collection
from contextlib import suppress
from logging import Logger, LoggerAdapter
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

import anyio
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import InfrastructureNotAvailable, ObjectNotFound
from prefect.workers.base import BaseWorker, BaseWorkerResult

from rios_flows.orchestration.queueworkers.variables import (
    AwsBatchConfiguration,
    AwsBatchVariables,
    PbsConfiguration,
    PbsVariables,
    QueueConfiguration,
    SlurmConfiguration,
    SlurmVariables,
    ignored,
)

if TYPE_CHECKING:
    from rios_flows.orchestration.queueworkers.desks import Desk
    from rios_flows.orchestration.queueworkers.rounds import Rounds
    from rios_flows.workers.launchers.launcher import WorkerJob

#: Time between two searches for jobs that nobody looks after (s).
_SEARCH = 30.0


class QueueResult(BaseWorkerResult):
    """What became of a job; the server knows already what became of its flow run."""


class QueueWorker(BaseWorker[Any, Any, QueueResult], abc.ABC):
    """Runs flow runs as jobs of a queue, which outlive it.

    Its name is that of the machine unless it is given one, so that it finds its jobs again.
    """

    _queue: ClassVar[str]

    def __init__(self, work_pool_name: str, *args: Any, **options: Any) -> None:
        if not args and not options.get("name"):
            options["name"] = f"{self.type} worker on {socket.gethostname()}"
        super().__init__(work_pool_name, *args, **options)
        self._desk: Desk[Any] | None = None
        self._rounds: Rounds | None = None
        self._next_search = 0.0

    @abc.abstractmethod
    def open_desk(self) -> Desk[Any]:
        """Return the queue; raise UnavailableError where there is none."""

    async def setup(self) -> None:
        """Prepare the worker, where there is such a queue."""
        from rios_flows.orchestration.queueworkers.rounds import Rounds

        self._desk = self.open_desk()
        self._rounds = Rounds(self._desk, _Server(self))
        await super().setup()

    async def run(
        self,
        flow_run: FlowRun,
        configuration: QueueConfiguration,
        task_status: anyio.abc.TaskStatus[Any] | None = None,
    ) -> QueueResult:
        """Submit a job for a flow run, and return when it has ended."""
        await self._tell_ignored(flow_run)
        job = await anyio.to_thread.run_sync(self.desk.submit, flow_run.id, configuration)
        if task_status is not None:
            task_status.started(self._pid(job))
        return await self._follow(flow_run, job)

    async def kill_infrastructure(
        self, infrastructure_pid: str, configuration: QueueConfiguration, grace_seconds: int = 30
    ) -> None:
        """Cancel a job; the queue says how long it has to end by itself."""
        from rios_flows.rioserrors import JobMgrError

        queue, _, job = infrastructure_pid.partition(":")
        if queue != self.type:
            raise InfrastructureNotAvailable(f"{infrastructure_pid} is no job of {self._queue}")
        try:
            await anyio.to_thread.run_sync(self.desk.cancel, job)
        except JobMgrError as error:
            raise InfrastructureNotAvailable(str(error)) from error

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Look after jobs that nobody looks after, then take new flow runs."""
        if self._has_successfully_synced and time.monotonic() >= self._next_search:
            await self._find_former()
            self._next_search = time.monotonic() + _SEARCH
        return await super().get_and_submit_flow_runs()

    @property
    def desk(self) -> Desk[Any]:
        """The queue, once the worker is set up."""
        assert self._desk is not None
        return self._desk

    async def _tell_ignored(self, run: FlowRun) -> None:
        """Have the log of a flow run say which of its job variables are ignored."""
        given = list(run.job_variables or {})
        with suppress(Exception):
            # it may have been deleted meanwhile
            if run.deployment_id is not None:
                deployment = await self.client.read_deployment(run.deployment_id)
                given += deployment.job_variables or {}
        if names := ignored(self.work_pool.base_job_template, given):
            text = "The work pool '%s' has no job variable %s, and ignores it"
            self.get_flow_run_logger(run).warning(text, self._work_pool_name, ", ".join(names))

    def _pid(self, job: WorkerJob) -> str:
        return f"{self.type}:{job.id}"

    async def _follow(self, run: FlowRun, job: WorkerJob) -> QueueResult:
        assert self._rounds is not None
        assert self._runs_task_group is not None
        if not self._rounds.going:
            self._rounds.going = True
            self._runs_task_group.start_soon(self._rounds.go)
        job = await self._rounds.follow(run, job)
        return QueueResult(identifier=self._pid(job), status_code=0)

    async def _find_former(self) -> None:
        from rios_flows.orchestration.queueworkers.former import former_runs

        assert self._rounds is not None
        known = self._rounds
        async for run in former_runs(self.client, self._work_pool_name, self.name, known):
            if run.id in self._submitting_flow_run_ids:
                continue
            try:
                await self._adopt(run)
            except Exception as error:
                # it must not keep the worker from all others
                self._logger.warning("Unable to look after flow run '%s': %s", run.name, error)

    async def _adopt(self, run: FlowRun) -> None:
        from rios_flows.orchestration.queueworkers.former import was_lost

        assert self._runs_task_group is not None
        job = await self._former_job(run)
        if job is not None:
            log = self.get_flow_run_logger(run)
            log.info("Worker '%s' goes on with job %s", self.name, job.id)
            self._take_slot(run)
            self._runs_task_group.start_soon(self._go_on, run, job)
            # so that it is known before the next search
            await anyio.sleep(0)
        elif was_lost(run):
            text = "No job was submitted for this flow run: its worker ended meanwhile."
            await self._propose_crashed_state(run, text)

    async def _former_job(self, run: FlowRun) -> WorkerJob | None:
        queue, _, job = (run.infrastructure_pid or "").partition(":")
        if queue and queue != self.type:
            return None
        try:
            configuration = await self.job_configuration.resolve_for_flow_run(
                run,
                client=self.client,
                work_pool=self.work_pool,
                worker_name=self.name,
                worker_id=self.backend_id,
            )
        except ObjectNotFound:
            # its deployment was deleted meanwhile
            configuration = self.job_configuration()
        return await anyio.to_thread.run_sync(self.desk.find, run.id, configuration, job)

    def _take_slot(self, run: FlowRun) -> None:
        if self._limiter is None:
            return
        try:
            self._limiter.acquire_on_behalf_of_nowait(run.id)
        except anyio.WouldBlock:
            # somebody has lowered the limit: it holds for new ones
            self._logger.debug("More jobs than the limit allows")

    async def _go_on(self, run: FlowRun, job: WorkerJob) -> None:
        try:
            if not run.infrastructure_pid:
                await self.client.update_flow_run(run.id, infrastructure_pid=self._pid(job))
            await self._follow(run, job)
        finally:
            self._release_limit_slot(run.id)


class _Server:
    """Prefect's server, as a worker sees it."""

    def __init__(self, worker: QueueWorker) -> None:
        self._worker = worker

    async def states(self, runs: Collection[UUID]) -> dict[UUID, State[Any]]:
        """Return the states of flow runs; those that the server does not know are left out."""
        ids = list(runs)
        states: dict[UUID, State[Any]] = {}
        for first in range(0, len(ids), 200):
            missing = set(ids[first : first + 200])
            # a server may tell of fewer at a time than are asked for
            while missing and (found := await self._told(missing)):
                missing -= {run.id for run in found}
                states |= {run.id: run.state for run in found if run.state is not None}
        return states

    async def _told(self, ids: Collection[UUID]) -> list[FlowRun]:
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=list(ids)))
        return await self._worker.client.read_flow_runs(flow_run_filter=wanted)

    async def set_crashed(self, run: FlowRun, message: str) -> None:
        """Say of a flow run that its job has ended without a word."""
        await self._worker._propose_crashed_state(run, message)

    async def set_cancelled(self, run: FlowRun, message: str) -> None:
        """Say of a flow run that it was cancelled."""
        await self._worker._mark_flow_run_as_cancelled(run, {"message": message})

    def log(self, run: FlowRun | None) -> Logger | LoggerAdapter[Any]:
        """Return the log of a flow run, which the worker's has too; or of the worker alone."""
        if run is None:
            return self._worker._logger
        return self._worker.get_flow_run_logger(run)


class SlurmWorker(QueueWorker):
    """Runs flow runs as jobs of Slurm."""

    type = "slurm"
    job_configuration = SlurmConfiguration
    job_configuration_variables = SlurmVariables
    _queue = "Slurm"
    _display_name = "Slurm"
    _description = "Execute flow runs as jobs of Slurm, by sbatch, squeue and scancel."

    def open_desk(self) -> Desk[SlurmConfiguration]:
        """Return Slurm; raise UnavailableError where it is not."""
        from rios_flows.orchestration.queueworkers.desks import ScriptDesk
        from rios_flows.workers.launchers.slurm import SlurmLauncher

        return ScriptDesk(SlurmLauncher)


class PbsWorker(QueueWorker):
    """Runs flow runs as jobs of PBS."""

    type = "pbs"
    job_configuration = PbsConfiguration
    job_configuration_variables = PbsVariables
    _queue = "PBS"
    _display_name = "PBS"
    _description = "Execute flow runs as jobs of PBS (OpenPBS, PBS Pro), by qsub, qstat and qdel."

    def open_desk(self) -> Desk[PbsConfiguration]:
        """Return PBS; raise UnavailableError where it is not."""
        from rios_flows.orchestration.queueworkers.desks import ScriptDesk
        from rios_flows.workers.launchers.pbs import PbsLauncher

        return ScriptDesk(PbsLauncher)


class AwsBatchWorker(QueueWorker):
    """Runs flow runs as jobs of AWS Batch."""

    type = "aws-batch"
    job_configuration = AwsBatchConfiguration
    job_configuration_variables = AwsBatchVariables
    _queue = "AWS Batch"
    _display_name = "AWS Batch"
    _description = "Execute flow runs as jobs of AWS Batch."

    def open_desk(self) -> Desk[AwsBatchConfiguration]:
        """Return Batch in the region that is configured."""
        from rios_flows.orchestration.queueworkers.awsdesk import AwsBatchDesk

        return AwsBatchDesk()
