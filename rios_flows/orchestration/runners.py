"""From a ConcurrencyStyle to what Prefect needs: the lanes' names, and room to run them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from prefect.task_runners import ThreadPoolTaskRunner

from rios_flows.concurrency import CW_NONE, CW_THREADS, ConcurrencyStyle
from rios_flows.rioserrors import UnavailableError


class Backend(NamedTuple):
    """How one kind of compute worker is run.

    Attributes
    ----------
    lanes : callable
        Gives the names of the lanes of a style; each becomes a task run.
    """

    lanes: Callable[[ConcurrencyStyle], tuple[str, ...]]


def _one_loop(style: ConcurrencyStyle) -> tuple[str, ...]:
    if not style.numReadWorkers:
        return ("apply",)
    return (*_readers(style), "compute-write")


def _threads(style: ConcurrencyStyle) -> tuple[str, ...]:
    return (*_readers(style), *_numbered("compute", style.numComputeWorkers), "write")


def _readers(style: ConcurrencyStyle) -> tuple[str, ...]:
    return _numbered("read", style.numReadWorkers)


def _numbered(stage: str, count: int) -> tuple[str, ...]:
    return tuple(f"{stage}-{number}" for number in range(count))


#: The kinds of compute worker that can be run.
BACKENDS: dict[str, Backend] = {CW_NONE: Backend(_one_loop), CW_THREADS: Backend(_threads)}


def lane_names(style: ConcurrencyStyle) -> tuple[str, ...]:
    """Return the names of a style's lanes.

    Raises
    ------
    UnavailableError
        If this kind of compute worker cannot be run.
    """
    kind = style.computeWorkerKind
    if kind not in BACKENDS:
        raise UnavailableError(
            f"computeWorkerKind={kind!r} is not available; choose one of {', '.join(BACKENDS)}"
        )
    return BACKENDS[kind].lanes(style)


def task_runner(style: ConcurrencyStyle) -> ThreadPoolTaskRunner[Any]:
    """Return a task runner with a thread for every lane: with fewer, a run would wait for ever."""
    return ThreadPoolTaskRunner(max_workers=len(lane_names(style)))
