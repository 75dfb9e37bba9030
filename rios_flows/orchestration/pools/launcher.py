"""Workers as flow runs on a Prefect work pool, for runs that are flow runs themselves."""

from __future__ import annotations

import logging
import re
import secrets
import shlex
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from prefect import Task
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import FlowRun, State, StateType, WorkPool
from prefect.client.schemas.sorting import LogSort
from prefect.states import Cancelling, Pending, Scheduled

from rios_flows.basics.errortext import summary_of
from rios_flows.basics.naming import ADDRESS_VARIABLE
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.extraparams import JOB_VARIABLES, PYTHON
from rios_flows.orchestration.guard import Guard
from rios_flows.orchestration.impatient import impatient_client
from rios_flows.orchestration.pools import leftovers, tickets
from rios_flows.orchestration.pools.looking import NEAR, usable, why_waiting
from rios_flows.orchestration.pools.worker import rios_compute_worker
from rios_flows.rioserrors import JobMgrError, RiosError
from rios_flows.workers.launchers.launcher import Order, WorkerJob
from rios_flows.workers.launchers.offered import Launching
from rios_flows.workers.launchers.script import job_name
from rios_flows.workers.launchers.undertaker import Undertaker

logger = logging.getLogger(__name__)

#: What a job of the pool runs, after the name of a Python.
_PROGRAM = ("-m", "rios_flows.orchestration.pools")

#: How long a server may be silent before that is worth a warning (s).
_SILENCE = 60.0

#: Longest wait for the last flow runs to end, and for how long between looks (s).
_LEAVING, _PAUSE = 15.0, 0.5

#: So often the server is told at the end what is to end.
_TRIES = 3

#: So many flow runs are asked for at a time, and so many lines of a log.
_AT_ONCE, _LINES = 200, 50

#: In what Prefect says of a process that has ended by itself.
_EXIT = re.compile(r"status code:? (\d+)")


def found(runs: Sequence[FlowRun], style: ConcurrencyStyle) -> Launching:
    """Return what makes the launcher of a run; raises what is wrong with its work pool."""
    flow_run = runs[0].id if runs else None
    try:
        with impatient_client() as client:
            return partial(PoolLauncher, flow_run, usable(client, style, runs))
    except RiosError:
        raise
    except (httpx.HTTPError, RuntimeError) as error:
        raise JobMgrError(
            f"The Prefect server does not tell of its work pools: {summary_of(error)}; see whether "
            "it runs, and whether PREFECT_API_URL is its address"
        ) from error


class PoolLauncher:
    """Starts, watches and stops workers on a work pool; it is a :class:`Launcher`.

    Parameters
    ----------
    flow_run : UUID or None
        That of the run: workers are shown as its subflow runs.
    pool : WorkPool
        One that takes them.
    order : Order
        What the workers have in common.
    undertaker : Undertaker
        Not needed: a guard that knows Prefect does what it would do.
    """

    def __init__(
        self, flow_run: UUID | None, pool: WorkPool, order: Order, undertaker: Undertaker
    ) -> None:
        self.order = order
        self._flow_run, self._pool = flow_run, pool
        self._token = secrets.token_hex(8)
        self._jobs: dict[int, WorkerJob] = {}
        self._stopped: set[int] = set()
        self._to_cancel: set[int] = set()
        self._heard, self._warned = time.monotonic(), False
        self._open = ExitStack()
        self._client = self._open.enter_context(impatient_client())
        self._open.callback(Guard([self._token], "rios_flows.orchestration.pools.leftovers").close)

    def start(self, numbers: Sequence[int]) -> None:
        """Have a flow run on the pool for each worker.

        Raises
        ------
        JobMgrError
            If the server does not take one; those that it took before stay.
        """
        try:
            for number in numbers:
                self._start(number)
        except JobMgrError:
            raise
        except Exception as error:
            raise JobMgrError(
                f"The Prefect server does not take the flow run of a worker for the work pool "
                f"{self._pool.name!r}: {_refusal(error)}"
            ) from error

    def _start(self, number: int) -> None:
        name = job_name(self.order.name, number)
        parameters: dict[str, Any] = {"number": number}
        address = self.order.environment.get(ADDRESS_VARIABLE)
        if address is None:
            # hiring has put it on the command line
            parameters["address_file"] = self.order.command[-1]
        else:
            ticket = f"{leftovers.tag_of(self._token)}-{number}-{secrets.token_hex(8)}"
            tickets.issue(self._client, ticket, address)
            parameters["ticket"] = ticket
        run = self._client.create_flow_run(
            rios_compute_worker,
            name=name,
            parameters=parameters,
            tags=[leftovers.tag_of(self._token)],
            parent_task_run_id=self._place_in_run(name),
            state=Scheduled(),
            work_pool_name=self._pool.name,
            job_variables=self._variables(),
        )
        self._jobs[number] = WorkerJob(number, str(run.id), name, "pending")

    def _place_in_run(self, name: str) -> UUID | None:
        """Return a task run of the run, in whose place its page shows the worker's flow run."""
        if self._flow_run is None:
            return None
        task: Task[[], None] = Task(lambda: None, name="compute worker")
        made = self._client.create_task_run(
            task, self._flow_run, f"{name}-{self._token}", name=name, state=Pending()
        )
        return made.id

    def _variables(self) -> dict[str, Any]:
        near = self._pool.type in NEAR
        python = self.order.extra.get(PYTHON) or (self.order.command[0] if near else "python")
        given = dict(self.order.extra.get(JOB_VARIABLES) or {})
        known = self._pool.base_job_template.get("variables", {}).get("properties", {})
        if "match_latest_revision_in_family" in known:
            # or ECS would get a new definition of its task for each worker
            given.setdefault("match_latest_revision_in_family", True)
        return {**given, "command": shlex.join((python, *_PROGRAM))}

    def jobs(self) -> list[WorkerJob]:
        """Return all flow runs that were started, as the server sees them now."""
        try:
            self._look()
        except Exception as error:
            self._not_heard(error)
        else:
            self._heard, self._warned = time.monotonic(), False
        self._cancel()
        return list(self._jobs.values())

    def stop(self, numbers: Iterable[int]) -> None:
        """Have some workers cancelled, without waiting for that."""
        new = (self._jobs.keys() & set(numbers)) - self._stopped
        self._stopped |= new
        self._to_cancel |= new
        self._cancel()

    def close(self) -> None:
        """Cancel all workers that are left, and wait up to 15 s for that."""
        end = time.monotonic() + _LEAVING
        try:
            # those that run have been sent home, and are to tell of a good end
            self.stop([job.number for job in self._left() if job.state != "running"])
            self._wait(end - _LEAVING / 2)
            self.stop([*self._jobs])
            self._wait(end)
            self._finish()
        finally:
            self._open.close()

    def _finish(self) -> None:
        """Have the server end what is left, also what this process does not know of."""
        for left in reversed(range(_TRIES)):
            try:
                leftovers.end(self._client, self._token, "The run has ended")
                return
            except Exception as error:
                logger.debug("The Prefect server ends no flow runs: %s", error)
                told = summary_of(error)
            if left:
                time.sleep(_PAUSE)
        jobs = self._left()
        logger.warning(
            "The Prefect server was not told that the workers of this run on the work pool %r are "
            "to end (%s); they end by themselves within a minute. Those that wait yet end when "
            "they begin; cancel them if they are still there (prefect flow-run cancel ID): %s",
            *(self._pool.name, told, ", ".join(job.title for job in jobs[:20]) or "none known"),
        )

    def _cancel(self) -> None:
        """Cancel workers that somebody has stopped; after a refusal try again with the next look.

        One that nobody has taken is cancelled at once; else Prefect's worker, or the flow run
        itself, sees to it.
        """
        for job in self._left():
            if job.number not in self._to_cancel:
                continue
            try:
                self._client.set_flow_run_state(UUID(job.id), Cancelling())
            except httpx.TransportError as error:
                # each further question would be another wait
                logger.debug("%s is not cancelled: %s", job.title, error)
                return
            except Exception as error:
                logger.debug("%s is not cancelled: %s", job.title, error)
            else:
                self._to_cancel.discard(job.number)

    def _wait(self, end: float) -> None:
        while self.jobs() and self._left() and time.monotonic() < end:
            time.sleep(_PAUSE)

    def _left(self) -> list[WorkerJob]:
        return [job for job in self._jobs.values() if job.state != "ended"]

    def _look(self) -> None:
        left = self._left()
        waits = ""
        for first in range(0, len(left), _AT_ONCE):
            some = left[first : first + _AT_ONCE]
            seen = self._flow_runs({job.id for job in some})
            for job in some:
                run = seen.get(job.id)
                if run is not None and _waits(run) and not waits:
                    waits = why_waiting(self._client, self._pool.name)
                self._jobs[job.number] = self._seen(job, run, waits)

    def _flow_runs(self, ids: set[str]) -> dict[str, FlowRun]:
        """Return flow runs by their ids; a server may tell of fewer than are asked for."""
        found: dict[str, FlowRun] = {}
        while missing := ids - found.keys():
            wanted = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(each) for each in missing]))
            runs = self._client.read_flow_runs(flow_run_filter=wanted)
            if not runs:
                break
            found |= {str(run.id): run for run in runs}
        return found

    def _seen(self, job: WorkerJob, run: FlowRun | None, waits: str) -> WorkerJob:
        if run is None or run.state is None:
            return replace(job, state="ended", reason="its flow run was deleted")
        state = run.state
        if _waits(run):
            return replace(job, state="pending", reason=waits)
        if state.type == StateType.SCHEDULED:
            return replace(job, state="ended", reason="cannot start: its work pool was deleted")
        if state.type in (StateType.PENDING, StateType.PAUSED):
            return replace(job, state="pending", reason=_words(state))
        if state.type == StateType.RUNNING:
            return replace(job, state="running", reason="")
        if state.type == StateType.CANCELLING and job.number in self._stopped:
            return job
        return self._ended(job, state)

    def _ended(self, job: WorkerJob, state: State[Any]) -> WorkerJob:
        if state.type == StateType.COMPLETED:
            return replace(job, state="ended", reason="exit code 0")
        reason = _words(state)
        code = _EXIT.search(reason)
        if state.type == StateType.FAILED and state.message:
            # the worker's flow says how its process has ended
            reason = state.message
        elif job.number in self._stopped:
            reason = f"cancelled by this run ({reason})"
        elif code is not None and 0 < int(code[1]) < 128:
            reason = f"exit code {code[1]} ({reason})"
        return replace(job, state="ended", reason=reason, log=self._log(job))

    def _log(self, job: WorkerJob) -> Path | None:
        """Keep the last lines of the log of a worker's flow run."""
        wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[UUID(job.id)]))
        try:
            lines = self._client.read_logs(wanted, limit=_LINES, sort=LogSort.TIMESTAMP_DESC)
            path = self.order.folder / f"{job.name}.log"
            path.write_text("\n".join(line.message for line in reversed(lines)), "utf-8", "replace")
        except Exception as error:
            logger.debug("No log of %s: %s", job.title, error)
            return None
        return path if lines else None

    def _not_heard(self, error: Exception) -> None:
        logger.debug("The Prefect server does not tell how workers are: %s", error)
        if not self._warned and time.monotonic() - self._heard >= _SILENCE:
            self._warned = True
            logger.warning(
                "The Prefect server has not answered for %g s: %s", _SILENCE, summary_of(error)
            )


def _refusal(error: Exception) -> str:
    """Say why the server does not take a flow run."""
    if isinstance(error, httpx.HTTPStatusError) and error.response.status_code == 404:
        return "the work pool was deleted"
    return summary_of(error)


def _waits(run: FlowRun) -> bool:
    """Return whether a Prefect worker can take a flow run yet."""
    # a pool that was deleted leaves its flow runs without one, also if another gets its name
    scheduled = run.state is not None and run.state.type == StateType.SCHEDULED
    return scheduled and run.work_pool_name is not None


def _words(state: State[Any]) -> str:
    return f"{state.name}: {state.message}" if state.message else str(state.name)
