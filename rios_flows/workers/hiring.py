"""Workers for a job, of the kind that its style asks for."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rios_flows.basics.naming import ADDRESS_VARIABLE
from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.controls.concurrency import (
    CW_AWSBATCH,
    CW_ECS,
    CW_SUBPROC,
    ON_DASK,
    ON_POOL,
    ConcurrencyStyle,
    Timeouts,
)
from rios_flows.controls.extraparams import (
    ADDRESS,
    JOB_VARIABLES,
    MAX_JOBS,
    MAXIMUM,
    MINIMUM,
    POOL,
    PYTHON,
    SECURITY,
    TASK_RUNNER,
)
from rios_flows.jobs.job import Job
from rios_flows.reports.workerbook import WorkerBook
from rios_flows.rioserrors import FileOpenError, ParameterError
from rios_flows.runs.blockwork import BlockWork
from rios_flows.runs.otherargs import of_each_worker
from rios_flows.runs.run import FindExecutor, lane_settings
from rios_flows.workers.crew import Crew
from rios_flows.workers.launchers.launcher import Order
from rios_flows.workers.launchers.places import launching_for
from rios_flows.workers.launchers.undertaker import Undertaker
from rios_flows.workers.local import LocalProcesses
from rios_flows.workers.remote import RemoteExecutor, SingleBlockExecutor
from rios_flows.workers.travel.luggage import pack

#: Finds what a worker needs for the work of a lane.
FindLuggage = Callable[[BlockWork], bytes]

#: Time between two looks at local processes, and between two questions to a queue or to a
#: scheduler of Dask, which answers within milliseconds (s).
_LOCAL_PAUSE, _QUEUE_PAUSE, _DASK_PAUSE = 0.05, 2.0, 0.5

#: Kinds whose workers see no directory of this machine, and where their temporary files are.
_FAR_AWAY = {CW_ECS: "/tmp", CW_AWSBATCH: "/tmp"}

#: Extra parameters of all queues: by which name or device jobs reach this host, and the ports to
#: choose from (first and last).
_NETWORK = ("interface", "ports")


class Place(NamedTuple):
    """Where the blocks of a run are worked on, and the book of the workers there."""

    find_executor: FindExecutor
    book: WorkerBook


@contextmanager
def hired(job: Job, crew: Crew | None = None, at_first: int | None = None) -> Iterator[Place]:
    """Have workers for the length of a ``with`` block; none is left after it.

    Local workers may be starting already, for which see :func:`starting`. There may be fewer at
    first than the style says; further ones come with the lanes that begin later.

    Raises
    ------
    ParameterError
        If the style's extra parameters make no sense.
    JobMgrError, UnavailableError
        If workers cannot be started.
    """
    style = job.plan.options.style
    launched = _local if style.launcher == CW_SUBPROC else _queued
    with launched(job, crew, at_first) as (own, find_luggage):
        executor = SingleBlockExecutor if style.singleBlockComputeWorkers else RemoteExecutor
        yield Place(partial(executor, own, find_luggage), own.book)


@contextmanager
def starting(style: ConcurrencyStyle, at_first: int | None = None) -> Iterator[Crew]:
    """Have local workers start, for a job that may yet have to be planned."""
    _refuse_extra(style)
    crew = _crew_for(style, _LOCAL_PAUSE, at_first)
    launcher = LocalProcesses(crew.arrive)
    try:
        crew.start(launcher)
        yield crew
    except BaseException:
        crew.interrupt()
        raise
    finally:
        try:
            crew.close()
        finally:
            # once more: Ctrl-C may have come while the crew was at it
            launcher.close()


def _crew_for(
    style: ConcurrencyStyle, pause: float, at_first: int | None, blocks: int | None = None
) -> Crew:
    barrier, lanes = Timeouts.of(style).barrier, style.workers_at_once
    if style.singleBlockComputeWorkers:
        # they come with the blocks
        return Crew(0, barrier, pause, kind=style.launcher)
    number = style.workers_at_first if at_first is None else min(at_first, style.workers_at_first)
    most = lanes if blocks is None else min(lanes, blocks)
    return Crew(number, barrier, pause, lanes, most, style.grows, style.launcher)


def luggage_of(job: Job, tempdir: str | None = None) -> FindLuggage:
    """Pack a job once for all lanes, or refuse it before anything is made.

    What workers put in their temporary directory goes with that, also if they are killed.
    """

    def packed(work: BlockWork) -> bytes:
        return pack(work if tempdir is None else work.with_tempdir(tempdir))

    other_args = job.other_args
    with suppress(ParameterError):
        # as each lane has them: what cannot be copied is refused later, if it can be packed
        (other_args,) = of_each_worker(other_args, 1)
    style, plan = job.plan.options.style, job.plan
    if not style.workers_read:
        plan = plan.for_reading_elsewhere()
    once = packed(BlockWork(plan, job.function, other_args, lane_settings()))
    # with the otherArgs of an earlier run, each lane has its own
    return packed if job.plan.options.resume else lambda _: once


@contextmanager
def _local(job: Job, crew: Crew | None, at_first: int | None) -> Iterator[tuple[Crew, FindLuggage]]:
    with ExitStack() as stack:
        tempfiles = stack.enter_context(TempfileManager(job.plan.options.tempdir))
        if crew is None:
            crew = stack.enter_context(starting(job.plan.options.style, at_first))
        # before the directory goes in which they work
        stack.callback(crew.close)
        has_vectors = any(item.vector is not None for item in job.plan.inputs)
        # while they start
        yield crew, luggage_of(job, tempfiles.directory if has_vectors else None)


@contextmanager
def _queued(job: Job, _: Crew | None, at_first: int | None) -> Iterator[tuple[Crew, FindLuggage]]:
    """Open a port for the workers to come to, and a directory for what their jobs need."""
    # runs with local workers need nothing of this
    from rios_flows.workers.network.channel import NetworkDataChannel

    style = job.plan.options.style
    network, extra = network_and_extra(style)
    pause = _DASK_PAUSE if style.launcher == ON_DASK else _QUEUE_PAUSE
    crew = _crew_for(style, pause, at_first, len(job.plan.blocks))
    shared = sees_tempdir(style)
    # a pool that cannot be used is told before anything is made
    launching = launching_for(style)
    with ExitStack() as stack:
        undertaker = Undertaker()
        stack.callback(undertaker.close)
        folder = Path(_made(job.plan.options.tempdir))
        undertaker.due("rm", "-rf", str(folder))
        # a queue is asked for nothing before
        tempdir = str(folder) if shared else _FAR_AWAY.get(style.computeWorkerKind)
        find_luggage = luggage_of(job, tempdir)
        channel = NetworkDataChannel(
            {"job": job.name}, hostname=network.get("interface"), portnum=network.get("ports")
        )
        stack.callback(channel.shutdown)
        channel.on_worker = crew.arrive
        command = [sys.executable, "-m", "rios_flows.workers"]
        environment: dict[str, str] = {}
        if shared:
            command += ["--address-file", str(_secret(folder, channel.addressStr()))]
        else:
            environment[ADDRESS_VARIABLE] = channel.addressStr()
        order = Order(
            name=job.name,
            command=tuple(command),
            environment=environment,
            folder=folder,
            extra=extra,
            shared=shared,
        )
        launcher = launching(order, undertaker)
        stack.callback(crew.close)
        crew.start(launcher)
        yield crew, find_luggage


def _refuse_extra(style: ConcurrencyStyle) -> None:
    """Refuse extra parameters of local workers, but for how many there are at a time."""
    known = [MAX_JOBS] if style.singleBlockComputeWorkers else [MINIMUM, MAXIMUM]
    for key in style.computeWorkerExtraParams or {}:
        if key not in known:
            raise ParameterError(
                f"computeWorkerExtraParams: CW_SUBPROC takes no {key!r}: leave it out"
                + f"; it takes {' and '.join(known)}"
            )


def sees_tempdir(style: ConcurrencyStyle) -> bool:
    """Return whether workers see the temporary directory of this process."""
    return style.haveSharedTemp and style.computeWorkerKind not in _FAR_AWAY


def network_and_extra(style: ConcurrencyStyle) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what of the extra parameters is for the network, and what for the queue.

    Raises ParameterError.
    """
    extra = dict(style.computeWorkerExtraParams or {})
    for key in (MAX_JOBS, MINIMUM, MAXIMUM):
        extra.pop(key, None)
    network = {key: extra.pop(key) for key in _NETWORK if key in extra}
    if network.get("ports") is not None:
        network["ports"] = _ports(network["ports"])
    if style.launcher == ON_POOL:
        _refuse_unknown(extra, ON_POOL, (POOL, JOB_VARIABLES, PYTHON))
    if style.launcher == ON_DASK:
        _check_dask(extra)
        from rios_flows.workers.network.addresses import own_side

        network.setdefault("interface", own_side(extra[ADDRESS]))
    return network, extra


def _check_dask(extra: dict[str, Any]) -> None:
    if extra.get(TASK_RUNNER):
        raise ParameterError(
            f"computeWorkerExtraParams: {TASK_RUNNER}=True needs applier.apply inside a flow, or a "
            f"task, of a DaskTaskRunner; engine.apply knows no flows: give it {ADDRESS}"
        )
    _refuse_unknown(extra, ON_DASK, (ADDRESS, SECURITY, TASK_RUNNER))


def _refuse_unknown(extra: dict[str, Any], place: str, known: tuple[str, ...]) -> None:
    for key in extra:
        if key not in known:
            names = ", ".join((*known, *_NETWORK, MINIMUM, MAXIMUM, MAX_JOBS))
            raise ParameterError(
                f"computeWorkerExtraParams: {place} takes no {key!r}: leave it out. It takes "
                f"{names}"
            )


def _ports(given: Any) -> range:
    ports = (given, given) if isinstance(given, int) else given
    try:
        first, last = map(int, ports)
    except (TypeError, ValueError):
        first, last = 0, 0
    if not 0 < first <= last < 65536:
        raise ParameterError(
            f"computeWorkerExtraParams: ports={given!r} must be a port, or the first and the last "
            "of those to choose from, such as (30000, 50000)"
        )
    return range(first, last + 1)


def _made(tempdir: str) -> str:
    try:
        return tempfile.mkdtemp(prefix="rios_workers_", dir=os.path.abspath(tempdir))
    except OSError as error:
        raise FileOpenError(
            f"Unable to make a directory for the workers' jobs in '{tempdir}': "
            f"{error.strerror or error}; choose another with setTempdir"
        ) from error


def _secret(folder: Path, address: str) -> Path:
    path = folder / "address"
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(address)
    except OSError as error:
        raise FileOpenError(
            f"Unable to write '{path}', from which the workers' jobs learn the address of the run: "
            f"{error.strerror or error}; make room there, or choose another directory with "
            "setTempdir"
        ) from error
    return path
