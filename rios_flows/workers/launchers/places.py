"""Which launcher a style has its workers started by."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
    return _on_pool(style) if style.launcher == ON_POOL else _LAUNCHERS[style.launcher]()


def _on_pool(style: ConcurrencyStyle) -> Launching:
    find = finder_of_pools()
    if find is None:
        raise UnavailableError(
            f"computeWorkerExtraParams: {POOL} needs applier.apply, which runs as a Prefect flow; "
            "engine.apply knows no Prefect: choose workers that it can start, such as those of "
            f"{CW_SUBPROC} without {POOL}"
        )
    return find(style)


def _slurm() -> Launching:
    from rios_flows.workers.launchers.slurm import SlurmLauncher

    return SlurmLauncher


def _pbs() -> Launching:
    from rios_flows.workers.launchers.pbs import PbsLauncher

    return PbsLauncher


def _dask() -> Launching:
    from rios_flows.workers.launchers.daskcluster import DaskLauncher

    return DaskLauncher


def _ecs() -> Launching:
    from rios_flows.workers.launchers.ecs import EcsLauncher

    return EcsLauncher


def _aws_batch() -> Launching:
    from rios_flows.workers.launchers.awsbatch import AwsBatchLauncher

    return AwsBatchLauncher


#: What imports the launcher of each place that has a queue.
_LAUNCHERS: Mapping[str, Callable[[], Launching]] = {
    CW_SLURM: _slurm,
    CW_PBS: _pbs,
    CW_ECS: _ecs,
    CW_AWSBATCH: _aws_batch,
    ON_DASK: _dask,
}
