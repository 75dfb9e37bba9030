"""Running a job: its lanes, and the outputs they leave, published at the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from contextvars import copy_context
from threading import Thread
from typing import TYPE_CHECKING

from rios_flows.basics import forks
from rios_flows.basics.streams import usable
from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.basics.threads import start as start_thread
from rios_flows.gdal.settings import bounded_cache, caller_options
from rios_flows.geometry.pixelgriddefn import PixelGridDefn
from rios_flows.jobs.job import Job
from rios_flows.outputs.outputset import OutputSet
from rios_flows.reports.progress import ProgressObject
from rios_flows.reports.records import Listener
from rios_flows.reports.results import ApplierReturn
from rios_flows.reports.workerbook import WorkerBook
from rios_flows.runs.blockcache import fit_cache
from rios_flows.runs.lanes import Lane, make_lanes
from rios_flows.runs.run import FindExecutor, Run, in_own_thread

if TYPE_CHECKING:
    from rios_flows.runs.resume.fingerprint import Fingerprint
    from rios_flows.runs.resume.journal import Journal

logger = logging.getLogger(__name__)

#: Runs all lanes at the same time, and returns when all have ended.
RunLanes = Callable[[Sequence[Lane]], None]


def run_in_threads(lanes: Sequence[Lane]) -> None:
    """Run the last lane in this thread, and each other lane in a thread of its own."""
    # each sees what the caller sees, as numpy's errstate; a context is one thread's at a time
    threads = [
        Thread(target=copy_context().run, args=(_quietly, lane), name=lane.name)
        for lane in lanes[:-1]
    ]
    try:
        for thread in threads:
            start_thread(thread)
        lanes[-1].run()
    except BaseException as error:
        # Ctrl-C may have come before the lane could tell
        lanes[-1].fail(error)
        raise
    finally:
        for thread in threads:
            _join(thread, lanes[-1].fail)


def _join(thread: Thread, fail: Callable[[BaseException], None]) -> None:
    while thread.is_alive():
        try:
            thread.join()
        except KeyboardInterrupt as error:
            # nothing may go on after the run, and a user function cannot be interrupted
            fail(error)


def _quietly(lane: Lane) -> None:
    try:
        lane.run()
    except BaseException as error:
        # the run keeps the first error, and execute() raises it
        logger.debug("%s ended: %s", lane.name, error)


def execute(
    job: Job,
    run_lanes: RunLanes = run_in_threads,
    listeners: Sequence[Listener] = (),
    find_executor: FindExecutor = in_own_thread,
    book: WorkerBook | None = None,
) -> ApplierReturn:
    """Run a job's lanes, each worker at the place that is found for it, and publish its outputs.

    What these places cost is told from the book of their workers, where there is one.
    """
    start = time.perf_counter()
    progress = job.hooks.progress
    heard = [*listeners, *([ProgressObject(progress)] if progress is not None else [])]
    with ExitStack() as stack:
        stack.enter_context(forks.working())
        stack.enter_context(usable())
        cache = stack.enter_context(bounded_cache(caller_options()))
        if cache is not None:
            fit_cache(cache, job.plan)
        # before anything is made that would be kept for a later run
        identity = _identify(job)
        outputs = OutputSet(job.plan.output_plan, job.hooks.before_close)
        stack.callback(outputs.release)
        journal = _open_journal(job, outputs, identity)
        if journal is not None:
            stack.callback(journal.close)
        tempfiles = stack.enter_context(TempfileManager(job.plan.options.tempdir))
        run = Run(job, outputs, heard, journal, find_executor, book)
        lanes = make_lanes(run, tempfiles)
        run.ledger.started(run.info)
        try:
            _run_lanes(run, lanes, run_lanes)
            outputs.publish()
        except BaseException as error:
            _finished(run, start, error)
            raise
        run.ledger.timings.record("walltime", start, time.perf_counter())
        _finished(run, start, None)
        return _result(run)


def _identify(job: Job) -> Fingerprint | None:
    if not job.plan.options.resume:
        return None
    # few runs are to be resumed, and what that needs takes a while to import
    from rios_flows.runs.resume.journal import identify

    return identify(job)


def _open_journal(job: Job, outputs: OutputSet, identity: Fingerprint | None) -> Journal | None:
    if identity is None:
        return None
    from rios_flows.runs.resume.journal import Journal

    return Journal(outputs.journal_path, identity, job.plan.options.checkpoint_interval)


def _run_lanes(run: Run, lanes: Sequence[Lane], run_lanes: RunLanes) -> None:
    try:
        run_lanes(lanes)
    except BaseException as error:
        # a lane's own error is known already; an interruption from outside is not
        run.fail(error)
    finally:
        run.wait_for_lanes()
    if run.stop.error is None and not run.ledger.complete:
        run.fail(RuntimeError("not every lane was run"))
    if run.stop.error is not None:
        _save_rest(run)
        raise run.stop.error


def _save_rest(run: Run) -> None:
    try:
        run.save_rest()
    except Exception as error:
        # that of the run counts
        logger.warning("Blocks since the last checkpoint are not kept: %s", error)


def _keep_records(run: Run, seconds: float, error: BaseException | None) -> None:
    path = run.job.plan.options.records_file
    if path is None:
        return
    from rios_flows.reports.recordfiles import write_records

    try:
        write_records(path, run.info, seconds, error)
    except OSError as failure:
        # the outputs count
        logger.warning("The records of the run are not in '%s': %s", path, failure)


def _finished(run: Run, start: float, error: BaseException | None) -> None:
    cost = run.info.cost()
    if cost is not None:
        logger.info("%s", cost)
    run.ledger.finished(error)
    _keep_records(run, time.perf_counter() - start, error)


def _result(run: Run) -> ApplierReturn:
    result = ApplierReturn()
    result.timings = run.ledger.timings
    result.otherArgsList = run.other_args
    result.workinggrid = PixelGridDefn.from_grid(run.job.plan.grid)
    result.singlePassMgr = run.outputs.single_pass()
    result.outputs = run.outputs.rasters()
    result.records = run.ledger.records
    result.info = run.info
    result.showsOtherArgs = run.job.plan.options.show_other_args
    return result
