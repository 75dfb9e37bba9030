"""What the floor above offers to runs is there in its block, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from rios_flows.rioserrors import UnavailableError
from rios_flows.structures import CW_SLURM, CW_SUBPROC, ConcurrencyStyle
from rios_flows.workers.launchers.offered import finder_of_pools, pools_by
from rios_flows.workers.launchers.pbs import PbsLauncher
from rios_flows.workers.launchers.places import launching_for
from rios_flows.workers.launchers.slurm import SlurmLauncher


def test_offers_end_with_their_blocks() -> None:
    def one(style: Any) -> Any: ...

    def other(style: Any) -> Any: ...

    assert finder_of_pools() is None
    with pools_by(one):
        with pools_by(other):
            assert finder_of_pools() is other
        assert finder_of_pools() is one
    assert finder_of_pools() is None


def test_who_starts_the_workers_of_a_style() -> None:
    assert launching_for(ConcurrencyStyle(0, 1, CW_SLURM)) is SlurmLauncher
    on_pool = ConcurrencyStyle(0, 1, CW_SUBPROC, {"workPool": "any"})

    def find(style: ConcurrencyStyle) -> Any:
        assert style is on_pool
        return PbsLauncher

    with pools_by(find):
        assert launching_for(on_pool) is PbsLauncher
    with pytest.raises(UnavailableError, match=r"engine\.apply knows no Prefect"):
        launching_for(on_pool)
