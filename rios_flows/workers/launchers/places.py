"""Which launcher a style has its workers started by."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name

from rios_flows.controls.concurrency import (
    CW_AWSBATCH,
    CW_ECS,
    CW_PBS,
    CW_SLURM,
    CW_SUBPROC,
    ON_DASK,
    ON_POOL,
    ConcurrencyStyle,
)
from rios_flows.controls.extraparams import POOL
from rios_flows.rioserrors import UnavailableError
from rios_flows.workers.launchers.offered import Launching, finder_of_pools


def launching_for(style: ConcurrencyStyle) -> Launching:
    """Return what makes the launcher of a style whose workers are not local.

    Raises ParameterError, JobMgrError or UnavailableError for a work pool that cannot be used.
    """
    if style.launcher == ON_POOL:
        return _on_pool(style)
    launching: Launching = resolve_name(f"{__package__}.{_LAUNCHERS[style.launcher]}")
    return launching


def _on_pool(style: ConcurrencyStyle) -> Launching:
    find = finder_of_pools()
    if find is None:
        raise UnavailableError(
            f"computeWorkerExtraParams: {POOL} needs applier.apply, which runs as a Prefect flow; "
            "engine.apply knows no Prefect: choose workers that it can start, such as those of "
            f"{CW_SUBPROC} without {POOL}"
        )
    return find(style)


#: The launcher of each place that has a queue; imported where a style has workers there.
_LAUNCHERS: Mapping[str, str] = {
    CW_SLURM: "slurm:SlurmLauncher",
    CW_PBS: "pbs:PbsLauncher",
    CW_ECS: "ecs:EcsLauncher",
    CW_AWSBATCH: "awsbatch:AwsBatchLauncher",
    ON_DASK: "daskcluster:DaskLauncher",
}
