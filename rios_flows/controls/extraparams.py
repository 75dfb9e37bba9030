"""What ``computeWorkerExtraParams`` may hold that concerns more than one queue, and its checks."""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from typing import Any

#: More workers than this are a slip of the keyboard, and would eat the machine's memory.
MOST_WORKERS = 10_000

#: Jobs of one block each that are in the queue at the same time, where nothing is said.
JOBS_AT_ONCE = 20

#: Says how many jobs of one block each there are at a time.
MAX_JOBS = "maxJobs"

#: Say how many workers there are at first, and how many at most.
MINIMUM, MAXIMUM = "minimum", "maximum"

#: Say which Dask cluster has the workers: its address, with its security; or that of the flow.
ADDRESS, SECURITY, TASK_RUNNER = "address", "security", "daskTaskRunner"

#: Say which Prefect work pool has the workers, with which job variables, and by which Python.
POOL, JOB_VARIABLES, PYTHON = "workPool", "jobVariables", "python"

Extra = dict[str, Any]
Complaints = Iterator[tuple[bool, str]]


def is_count(value: object) -> bool:
    """Return whether a value is a whole number from 0."""
    if isinstance(value, bool):
        return False
    return isinstance(value, numbers.Integral) and int(value) >= 0


def name_dask(extra: Extra | None) -> bool:
    """Return whether workers are to run on a Dask cluster that is there already."""
    given = extra or {}
    return ADDRESS in given or bool(given.get(TASK_RUNNER))


def name_pool(extra: Extra | None) -> bool:
    """Return whether workers are to be flow runs on a Prefect work pool."""
    return POOL in (extra or {})


def jobs_at_once(extra: Extra | None) -> int:
    """Return how many jobs of one block each there are at a time."""
    return int((extra or {}).get(MAX_JOBS, JOBS_AT_ONCE))


def most_workers(extra: Extra | None) -> int:
    """Return how many workers there may be at most; 0 if their number is fixed."""
    return int((extra or {}).get(MAXIMUM, 0))


def least_workers(extra: Extra | None) -> int:
    """Return how many workers there are at first, where their number is not fixed."""
    return int((extra or {}).get(MINIMUM, 1))


def bad_values(extra: Extra | None) -> Complaints:
    """Complain about values that are none, whatever the kind of worker."""
    given = extra or {}
    for name in (MAX_JOBS, MINIMUM, MAXIMUM):
        if name in given:
            yield _is_no_number(name, given[name])
    address = given.get(ADDRESS, "tcp://")
    yield (
        not isinstance(address, str) or not address,
        f"computeWorkerExtraParams: {ADDRESS}={address!r} must be a string, such as "
        "'tcp://node1:8786'",
    )
    security = given.get(SECURITY)
    yield (
        not (security is None or isinstance(security, dict) or _is_security(security)),
        f"computeWorkerExtraParams: {SECURITY} must be a distributed.Security, or a dict with its "
        f"tls_ca_file, tls_client_cert and tls_client_key, not a {type(security).__name__}",
    )
    runner = given.get(TASK_RUNNER, False)
    yield (
        not isinstance(runner, bool),
        f"computeWorkerExtraParams: {TASK_RUNNER}={runner!r} must be True or False",
    )
    yield from _bad_values_for_a_pool(given)


def contradictions(extra: Extra | None, kind: str, on_dask: str) -> Complaints:
    """Complain about what does not go together; one kind can have its workers on Dask."""
    given = extra or {}
    names = [name for name in (ADDRESS, SECURITY, TASK_RUNNER) if given.get(name)]
    yield (
        bool(names) and kind != on_dask,
        f"computeWorkerExtraParams: {', '.join(names)} must not be given with {kind}: set "
        f"computeWorkerKind={on_dask}, whose processes then run on that Dask cluster",
    )
    yield (
        SECURITY in names and ADDRESS not in names,
        f"computeWorkerExtraParams: {SECURITY} must not be given without {ADDRESS}"
        + (f": {TASK_RUNNER} has its own" if TASK_RUNNER in names else ""),
    )
    yield (
        ADDRESS in names and TASK_RUNNER in names,
        f"computeWorkerExtraParams: {ADDRESS} and {TASK_RUNNER} are two clusters: leave one out",
    )


def pool_contradictions(extra: Extra | None, here: bool) -> Complaints:
    """Complain about what does not go together with a Prefect work pool."""
    given = extra or {}
    yield (
        POOL in given and here,
        f"computeWorkerExtraParams: {POOL} must not be given without workers outside this "
        "process: set computeWorkerKind=CW_SUBPROC, which takes any work pool",
    )
    for name in (JOB_VARIABLES, PYTHON):
        yield (
            name in given and POOL not in given,
            f"computeWorkerExtraParams: {name} must not be given without {POOL}",
        )
    for name in (ADDRESS, TASK_RUNNER):
        yield (
            POOL in given and bool(given.get(name)),
            f"computeWorkerExtraParams: {name} and {POOL} are two places: leave one out",
        )


def counts_given_twice(extra: Extra | None, number: int, single: bool, here: bool) -> Complaints:
    """Complain about numbers of workers that do not go together."""
    given = extra or {}
    names = " and ".join(name for name in (MINIMUM, MAXIMUM) if name in given)
    least, most = given.get(MINIMUM, 1), given.get(MAXIMUM, MOST_WORKERS)
    yield (
        bool(names) and here,
        f"computeWorkerExtraParams: {names} must not be given without workers outside this "
        "process: choose another computeWorkerKind",
    )
    yield (
        bool(names) and single,
        f"computeWorkerExtraParams: {names} must not be given with singleBlockComputeWorkers=True: "
        f"set {MAX_JOBS}",
    )
    yield (
        MINIMUM in given and MAXIMUM not in given,
        f"computeWorkerExtraParams: {names} must not be given alone: give {MAXIMUM}, too",
    )
    yield (
        bool(names) and number > 0,
        f"computeWorkerExtraParams: {names} must not be given with "
        f"numComputeWorkers={number}: leave that out",
    )
    yield (
        least > most,
        f"computeWorkerExtraParams: {MINIMUM}={least} must not be larger than {MAXIMUM}={most}",
    )


def _bad_values_for_a_pool(given: Extra) -> Complaints:
    for name, example in ((POOL, "my-pool"), (PYTHON, "/opt/venv/bin/python")):
        value = given.get(name, example)
        yield (
            not isinstance(value, str) or not value,
            f"computeWorkerExtraParams: {name}={value!r} must be a string, such as {example!r}",
        )
    variables = given.get(JOB_VARIABLES)
    yield (
        variables is not None and not isinstance(variables, dict),
        f"computeWorkerExtraParams: {JOB_VARIABLES} must be a dict, such as "
        f"{{'env': {{'GDAL_CACHEMAX': '512'}}}}, not a {type(variables).__name__}",
    )


def _is_no_number(name: str, value: object) -> tuple[bool, str]:
    bad = not is_count(value) or not 0 < value <= MOST_WORKERS  # type: ignore[operator]
    return bad, (
        f"computeWorkerExtraParams: {name}={value!r} must be a whole number from 1 to "
        f"{MOST_WORKERS}"
    )


def _is_security(value: object) -> bool:
    # as distributed is imported only where it is used
    return hasattr(value, "get_connection_args")
