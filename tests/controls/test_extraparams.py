"""What computeWorkerExtraParams may hold for more than one kind of worker."""

from __future__ import annotations

from typing import Any

import pytest
from distributed import Security

from rios_flows.controls import extraparams
from rios_flows.controls.concurrency import CW_SUBPROC, ON_DASK, ConcurrencyStyle
from rios_flows.rioserrors import ParameterError

ADDRESS = {"address": "tcp://node1:8786"}


def style(extra: dict[str, Any], kind: str = CW_SUBPROC, **more: Any) -> ConcurrencyStyle:
    values = {"numReadWorkers": 1, "numComputeWorkers": 1, **more}
    return ConcurrencyStyle(computeWorkerKind=kind, computeWorkerExtraParams=extra, **values)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"address": 8786}, "address=8786 must be a string, such as 'tcp://"),
        ({"address": ""}, "address='' must be a string"),
        ({**ADDRESS, "security": "ca.pem"}, "security must be a distributed.Security, or a dict"),
        ({"security": {}, "maxJobs": -1}, "maxJobs=-1 must be a whole number from 1 to 10000"),
        ({"daskTaskRunner": "yes"}, "daskTaskRunner='yes' must be True or False"),
        ({**ADDRESS, "daskTaskRunner": True}, "address and daskTaskRunner are two clusters"),
        ({"security": {"tls_ca_file": "a"}}, "security must not be given without address"),
        (
            {"security": {"tls_ca_file": "a"}, "daskTaskRunner": True},
            "without address: daskTaskRunner has its own",
        ),
    ],
)
def test_refusals(extra: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        style(extra)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("extra", "more", "message"),
    [
        ({"minimum": 0, "maximum": 2}, {}, "minimum=0 must be a whole number from 1"),
        ({"minimum": 1, "maximum": "2"}, {}, "maximum='2' must be a whole number from 1"),
        ({"minimum": 3, "maximum": 2}, {}, "minimum=3 must not be larger than maximum=2"),
        ({"minimum": 3}, {}, "minimum must not be given alone: give maximum, too"),
        ({"minimum": 1, "maximum": 2}, {"numComputeWorkers": 1}, "with numComputeWorkers=1: leave"),
        (
            {"maximum": 2},
            {"singleBlockComputeWorkers": True, "numReadWorkers": 0, "computeWorkersRead": True},
            "must not be given with singleBlockComputeWorkers=True: set maxJobs",
        ),
        ({"maximum": 2}, {"kind": "CW_NONE"}, "without workers outside this process: choose"),
        ({"maximum": 2}, {"kind": "CW_THREADS"}, "without workers outside this process"),
    ],
)
def test_numbers_that_make_no_sense(
    extra: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        style(extra, **{"numComputeWorkers": 0, **more})
    assert message in str(caught.value)


@pytest.mark.parametrize("kind", ["CW_SUBPROC", "CW_SLURM", "CW_PBS", "CW_ECS"])
def test_a_number_that_grows(kind: str) -> None:
    growing = style({"minimum": 2, "maximum": 64}, kind, numComputeWorkers=0)
    assert (growing.grows, growing.workers_at_first, growing.workers_at_once) == (True, 2, 64)
    growing = style({"maximum": 3}, kind, numComputeWorkers=0)
    assert (growing.workers_at_first, growing.workers_at_once) == (1, 3)
    fixed = style({}, kind, numComputeWorkers=5)
    assert (fixed.grows, fixed.workers_at_first, fixed.workers_at_once) == (False, 5, 5)


@pytest.mark.parametrize("kind", ["CW_THREADS", "CW_SLURM", "CW_PBS", "CW_ECS", "CW_AWSBATCH"])
@pytest.mark.parametrize("extra", [ADDRESS, {"daskTaskRunner": True}])
def test_one_kind_can_be_on_dask(kind: str, extra: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="set computeWorkerKind=CW_SUBPROC, whose processes"):
        style(extra, kind)
    with pytest.raises(ParameterError, match="must not be given with CW_NONE"):
        ConcurrencyStyle(computeWorkerExtraParams=extra)


@pytest.mark.parametrize(
    "extra",
    [
        ADDRESS,
        {**ADDRESS, "security": {"tls_ca_file": "a"}},
        {**ADDRESS, "security": Security()},
        {"daskTaskRunner": True},
    ],
)
def test_workers_on_dask_read_by_default(extra: dict[str, Any]) -> None:
    there = style(extra)
    assert there.launcher == ON_DASK
    assert there.workers_read
    assert not style(extra, computeWorkersRead=False).workers_read
    # so nobody else has to
    assert style(extra, numReadWorkers=0).workers_read
    style(extra, numComputeWorkers=0, numReadWorkers=0, singleBlockComputeWorkers=True)


@pytest.mark.parametrize("extra", [None, {}, {"daskTaskRunner": False}])
def test_local_workers_without(extra: dict[str, Any] | None) -> None:
    assert not extraparams.name_dask(extra)
    assert style(extra or {}).launcher == CW_SUBPROC
    assert not style(extra or {}).workers_read
