"""Places where the work on blocks can be done, and user functions that can be sent there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import rasterio.env
import shapely

from rios_flows.controls.concurrency import ON_DASK, ON_POOL
from rios_flows.runs.blockwork import BlockResult, BlockWork, Executor
from rios_flows.runs.run import in_own_thread
from rios_flows.structures import (
    CW_AWSBATCH,
    CW_ECS,
    CW_PBS,
    CW_SLURM,
    CW_SUBPROC,
    ApplierBlockDefn,
    BlockAssociations,
    ConcurrencyStyle,
)
from tests.support.forkserver import FORKS
from tests.support.jobs import COLS, ROWS, SmallJob
from tests.support.rasters import ORIGIN, RES, coordinates, write_raster
from tests.support.vectors import write_vector


class Spawned(Executor):
    """Has blocks worked on by a new process, which knows nothing but what is sent to it."""

    def __init__(self, work: BlockWork) -> None:
        self.other_args = work.other_args
        self._pipe, its_own = FORKS.Pipe()
        self._process = FORKS.Process(target=_serve, args=(its_own, work), name="spawned")

    def run(self, block: ApplierBlockDefn, inputs: BlockAssociations | None = None) -> BlockResult:
        self._pipe.send((block, inputs))
        result, self.other_args = self._pipe.recv()
        assert isinstance(result, BlockResult)
        return result

    def __enter__(self) -> Spawned:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.send(None)
        self._process.join(30)
        self._process.close()


def _serve(pipe: Connection, work: BlockWork) -> None:
    with work:
        while (asked := pipe.recv()) is not None:
            pipe.send((work.run(*asked), work.other_args))


#: Where blocks are worked on: what finds an executor, or a kind of worker.
EXECUTORS: dict[str, Callable[[BlockWork], Executor] | str] = {
    "own thread": in_own_thread,
    "spawned process": Spawned,
    "local workers": CW_SUBPROC,
    "Slurm": CW_SLURM,
    "PBS": CW_PBS,
    "Dask": ON_DASK,
}

#: Places that take so long to start that few tests use them.
SLOW_PLACES = {"work pool": ON_POOL, "ECS": CW_ECS, "AWS Batch": CW_AWSBATCH}

#: Of each kind of worker, what it needs beside; a fixture may have to fill it in.
EXTRA: dict[str, dict[str, Any]] = {}


def of_kind(style: ConcurrencyStyle, kind: str) -> ConcurrencyStyle:
    """Return a style as close as can be that has workers of a kind; where nobody reads, they do."""
    return dataclasses.replace(
        style,
        computeWorkerKind=CW_SUBPROC if kind in (ON_DASK, ON_POOL) else kind,
        computeWorkerExtraParams=EXTRA.get(kind),
        numComputeWorkers=max(1, style.numComputeWorkers),
        computeWorkersRead=not style.numReadWorkers,
    )


def add_all_kinds_of_inputs(job: SmallJob) -> None:
    """Add a list, a raster on another grid, and a vector that is burnt in either way."""
    folder = job.folder
    job.infiles.dates = [
        write_raster(folder / f"{name}.tif", coordinates(1, ROWS, COLS, kind))
        for name, kind in (("may", "uint8"), ("june", "int16"))
    ]
    coarse = coordinates(1, 60, 60, "int32")
    job.infiles.warped = write_raster(folder / "coarse.tif", coarse, res=2.5 * RES, nodata=7)
    shapes = [shapely.Point(ORIGIN[0] + 40 * RES, ORIGIN[1] - 40 * RES).buffer(30 * RES)]
    job.infiles.inside = job.infiles.touched = write_vector(folder / "round.gpkg", shapes)
    job.outfiles.parts = [folder / "inside.tif", folder / "touched.tif"]
    job.controls.setReferenceImage("image")
    job.controls.setAlltouched(True, "touched")
    job.controls.setOverlap(3)


#: Blocks that have failed in this process.
_failed: set[tuple[int, int]] = set()


def combine(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    """Use everything that a user function may use."""
    other["blocks"].append(info.getBlockCount())
    other["options"].add(rasterio.env.getenv().get("COLOUR_OF_THE_DAY"))
    outputs.result = inputs.image + 2 * inputs.dates[0] + 3 * inputs.dates[1] + inputs.warped
    outputs.parts = [inputs.inside * info.getNoDataValueFor(inputs.warped), inputs.touched]


def fail_deep_inside(info: Any, inputs: Any, outputs: Any) -> None:
    """Do well, but for the block in row 1, column 2."""

    def deepest() -> None:
        raise KeyError("no such colour")

    outputs.result = inputs.image
    if info.getBlockCount() == (2, 1):
        deepest()


def leave(info: Any, inputs: Any, outputs: Any) -> None:
    raise SystemExit(3)


def fail_at_first(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    """Spoil what there is, and fail, at the first attempt at every block."""
    inputs.image *= 2
    other["blocks"].append(info.getBlockCount())
    if info.getBlockCount() not in _failed:
        _failed.add(info.getBlockCount())
        raise ValueError("not yet")
    outputs.result = inputs.image
