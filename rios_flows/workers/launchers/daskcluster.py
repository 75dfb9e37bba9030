"""Workers as long tasks of an existing Dask cluster."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rios_flows.basics.errortext import text_of
from rios_flows.basics.naming import JOB_VARIABLE
from rios_flows.rioserrors import JobMgrError, ParameterError, UnavailableError
from rios_flows.workers.launchers import ondask
from rios_flows.workers.launchers.launcher import Order, WorkerJob
from rios_flows.workers.launchers.ondask import TaskSeen
from rios_flows.workers.launchers.script import job_name
from rios_flows.workers.launchers.undertaker import Undertaker

if TYPE_CHECKING:
    from distributed import Client, Future, Security

logger = logging.getLogger(__name__)

#: Longest wait for the scheduler to answer when the run begins (s).
_PATIENCE = 10.0

#: Longest wait for the last tasks to end, and for how long between looks (s).
_LEAVING, _PAUSE = 15.0, 0.1

#: In place of a reason, where a task was refused before its worker could begin.
_LOST = "the connection to the Dask scheduler ended"


class DaskLauncher:
    """Starts, watches and stops workers on a Dask cluster; it is a :class:`Launcher`.

    Each is a process that a task waits for, and so takes one of the cluster's threads as long as
    the run lasts.

    Parameters
    ----------
    order : Order
        What the workers have in common.
    undertaker : Undertaker
        Not needed: tasks end with their client.
    """

    def __init__(self, order: Order, undertaker: Undertaker) -> None:
        self.order = order
        self._address = str(order.extra["address"])
        self._client = connected(self._address, order.extra.get("security"))
        # keys of tasks must be those of no other run
        self._token = secrets.token_hex(4)
        self._futures: dict[int, Future[Any]] = {}
        self._jobs: dict[int, WorkerJob] = {}
        #: addresses of the Dask workers that have the tasks
        self._places: dict[int, str] = {}
        self._stopped: set[int] = set()

    def start(self, numbers: Sequence[int]) -> None:
        """Submit a task for each worker."""
        if self._client.status != "running":
            raise JobMgrError(
                f"The Dask cluster at {self._address} takes no worker: its scheduler is gone"
            )
        for number in numbers:
            name = job_name(self.order.name, number)
            key = f"{name}-{self._token}"
            command = (*self.order.command[1:], "--number", str(number))
            environment = {**self.order.environment, JOB_VARIABLE: key}
            self._futures[number] = self._client.submit(
                ondask.work, command, environment, key, key=key, pure=False
            )
            self._jobs[number] = WorkerJob(number, key, name, "pending")

    def jobs(self) -> list[WorkerJob]:
        """Return all tasks that were started, as the scheduler sees them now."""
        if left := self._left():
            self._look(left)
            self._cancel()
        return list(self._jobs.values())

    def stop(self, numbers: Iterable[int]) -> None:
        """End some workers, without waiting for that."""
        self._stopped |= self._jobs.keys() & set(numbers)
        if self._left():
            self._cancel()

    def close(self) -> None:
        """End all workers that are left, wait up to 15 s for that, and leave the cluster."""
        end = time.monotonic() + _LEAVING
        self.stop(self._jobs)
        while self.jobs() and self._left() and time.monotonic() < end:
            time.sleep(_PAUSE)
        if left := self._left():
            logger.warning(
                "%d workers are still on the Dask cluster %g s after their cancelling; they end by "
                "themselves within a minute",
                *(len(left), _LEAVING),
            )
        with suppress(Exception):
            # the scheduler may be gone
            self._client.close(_PATIENCE)

    def _left(self) -> list[WorkerJob]:
        return [job for job in self._jobs.values() if job.state != "ended"]

    def _look(self, left: list[WorkerJob]) -> None:
        try:
            seen, workers, threads = self._ask([job.id for job in left])
        except Exception as error:
            # a scheduler that is gone has cancelled the tasks
            logger.debug("The Dask scheduler does not tell how tasks are: %s", error)
            seen, workers, threads = {}, 0, 0
        full = f"waits for a free thread: the cluster has {workers} workers with {threads}"
        reason = full if workers else "the cluster has no workers"
        for job in left:
            self._jobs[job.number] = self._seen(job, seen.get(job.id), reason)

    def _ask(self, keys: list[str]) -> tuple[dict[str, TaskSeen], int, int]:
        if self._client.status != "running":
            return {}, 0, 0
        answer: tuple[dict[str, TaskSeen], int, int]
        answer = self._client.run_on_scheduler(ondask.look, keys)
        return answer

    def _seen(self, job: WorkerJob, task: TaskSeen | None, reason: str) -> WorkerJob:
        future = self._futures[job.number]
        if future.status != "pending":
            return self._ended(job, future)
        if task is None:
            return job
        if task.lost:
            # Dask begins again elsewhere, while the run has another worker started
            self._places[job.number] = task.worker
            self._stopped.add(job.number)
            return replace(job, state="ended", reason="its Dask worker was lost")
        self._places[job.number] = task.worker
        if task.runs:
            return replace(job, state="running", reason="", host=task.host)
        return replace(job, state="pending", reason=reason)

    def _ended(self, job: WorkerJob, future: Future[Any]) -> WorkerJob:
        """Return a task as ended, and keep what its worker has printed last."""
        if future.status == "finished":
            end, said = future.result()
            if job.number in self._stopped:
                end = f"cancelled by this run ({end})"
            return replace(job, state="ended", reason=end, log=self._log(job, said))
        if future.status == "error":
            error = future.exception()
            end = f"no start: {type(error).__name__}: {text_of(error)}" if error else "no start"
        elif self._client.status != "running":
            end = _LOST
        else:
            end = f"cancelled by {'this run' if job.number in self._stopped else 'the cluster'}"
        return replace(job, state="ended", reason=end)

    def _log(self, job: WorkerJob, said: str) -> Path | None:
        if not said:
            return None
        path = self.order.folder / f"{job.name}.log"
        with suppress(OSError):
            path.write_text(said, "utf-8", "replace")
        return path

    def _cancel(self) -> None:
        """End workers that are wanted no more, and have no other begin in their place."""
        if not self._stopped or self._client.status != "running":
            return
        unwanted = [self._jobs[n] for n in self._stopped if self._futures[n].status == "pending"]
        places = {place for job in unwanted if (place := self._places.get(job.number))}
        keys = [job.id for job in unwanted]
        try:
            if places:
                self._client.run(ondask.kill, keys, workers=list(places), on_error="ignore")
            waiting = [job for job in unwanted if job.state != "running"]
            self._client.cancel([self._futures[job.number] for job in waiting], force=True)
        except Exception as error:
            logger.debug("Not cancelled yet: %s", error)


def connected(address: str, security: Security | Mapping[str, Any] | None) -> Client:
    """Connect to the scheduler of a Dask cluster.

    Raises
    ------
    ParameterError
        If the address or the security makes no sense.
    JobMgrError
        If no scheduler answers there.
    UnavailableError
        If distributed is not installed.
    """
    try:
        from distributed import Client, Security
    except ImportError as error:
        raise UnavailableError(
            f"Workers on a Dask cluster need distributed ({error}): pip install 'rios_flows[dask]'"
        ) from error
    try:
        if security is None or isinstance(security, Mapping):
            security = Security(**(security or {}))
        arguments = security.get_connection_args("client")
    except (TypeError, ValueError, OSError, AttributeError) as error:
        raise ParameterError(
            f"computeWorkerExtraParams: security cannot be used: {text_of(error)}. Give a "
            "distributed.Security, or a dict with the names of three files: tls_ca_file, "
            "tls_client_cert and tls_client_key"
        ) from error
    try:
        _probe(address, security, arguments)
    except JobMgrError:
        raise
    except (TypeError, ValueError, RuntimeError) as error:
        raise ParameterError(
            f"computeWorkerExtraParams: address={address!r} cannot be used: {text_of(error)}. Give "
            "it as the scheduler shows it, and with tls:// the security, too"
        ) from error
    except OSError as error:
        why = text_of(error.__cause__ or error) or "no answer"
        raise JobMgrError(
            f"No Dask scheduler answers at {address} within {_PATIENCE:g} s: {why}; see whether it "
            "runs (dask scheduler), and whether address and security of computeWorkerExtraParams "
            "are its own"
        ) from error
    return Client(address, security=security, set_as_default=False, timeout=_PATIENCE)


def _probe(address: str, security: Security, arguments: dict[str, Any]) -> None:
    """Shake hands with a scheduler: a Client could wait for ever, and leave much behind."""
    from distributed.comm.core import connect
    from distributed.core import send_recv

    async def shake() -> None:
        comm = await connect(address, timeout=_PATIENCE, **arguments)
        try:
            told = await send_recv(comm, op="versions", reply=True)
        finally:
            await comm.close()
        there, here = told["packages"]["distributed"], version("distributed")
        if there != here:
            await _try_client(address, security, there, here)

    # in a thread of its own, as this one may be busy with the caller's event loop
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, asyncio.wait_for(shake(), _PATIENCE + 1)).result()


async def _try_client(address: str, security: Security, there: str, here: str) -> None:
    """See whether a scheduler of another version understands a client of this one."""
    from distributed import Client

    client = Client(
        address, security=security, asynchronous=True, set_as_default=False, timeout=_PATIENCE
    )
    try:
        await client
    except Exception as error:
        raise JobMgrError(
            f"The Dask scheduler at {address} has distributed {there}, which does not understand "
            f"{here} of this process ({type(error).__name__}: "
            f"{text_of(error)}); install the same dask and distributed in both places"
        ) from error
    finally:
        await client.close()
