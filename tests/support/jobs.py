"""A small job to run, and who listens to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rios_flows import engine
from rios_flows.controls.controls import ApplierControls
from rios_flows.reports.records import BlockRecord, Listener, RunInfo
from rios_flows.runs import execution
from rios_flows.runs.run import FindExecutor
from rios_flows.structures import ApplierReturn, ConcurrencyStyle, FilenameAssociations
from tests.support.rasters import Array, coordinates, read_raster, write_raster

#: Rows and columns of the raster, and the side of its blocks: 3 rows of 4, the last ones cut.
ROWS, COLS, WINDOW = 80, 100, 32
BLOCKS = 12


def double(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.image * 2


class Heard(Listener):
    """A listener that remembers everything."""

    def __init__(self) -> None:
        self.info: RunInfo | None = None
        self.records: list[BlockRecord] = []
        self.steps: list[tuple[int, int]] = []
        self.ends: list[BaseException | None] = []

    def started(self, info: RunInfo) -> None:
        self.info = info

    def recorded(self, record: BlockRecord) -> None:
        self.records.append(record)

    def written(self, done: int, total: int) -> None:
        self.steps.append((done, total))

    def finished(self, error: BaseException | None) -> None:
        self.ends.append(error)

    def attempts(self, stage: str, top: int, left: int) -> list[tuple[int, str]]:
        """Return number and error of each attempt at one stage of the block at a row and column."""
        return [
            (record.attempt, record.error)
            for record in self.records
            if (record.stage, record.block.top, record.block.left) == (stage, top, left)
        ]


class SmallJob:
    """A job of 12 blocks on pixels that tell where they lie; its output exists already."""

    def __init__(self, folder: Path, style: ConcurrencyStyle | None = None) -> None:
        self.folder = folder
        self.pixels = coordinates(1, ROWS, COLS, "int32")
        self.infiles, self.outfiles = FilenameAssociations(), FilenameAssociations()
        self.infiles.image = write_raster(folder / "in.tif", self.pixels)
        self.outfiles.result = write_raster(folder / "out.tif", self.pixels[:, :20, :20])
        self.controls = ApplierControls()
        self.controls.setWindowSize(WINDOW, WINDOW)
        self.controls.setBlockRetries(delay=0)
        self.style = style or ConcurrencyStyle()
        self.controls.setConcurrencyStyle(self.style)
        self.heard = Heard()
        self.before = self.files()

    def run(self, function: Callable[..., Any] = double, other_args: Any = None) -> ApplierReturn:
        return self.execute(self.prepare(function, other_args))

    def prepare(self, function: Callable[..., Any] = double, other_args: Any = None) -> engine.Job:
        return engine.prepare(function, self.infiles, self.outfiles, other_args, self.controls)

    def execute(
        self,
        job: engine.Job,
        run_lanes: engine.RunLanes = engine.run_in_threads,
        find_executor: FindExecutor | None = None,
    ) -> ApplierReturn:
        if find_executor is None:
            return engine.execute(job, run_lanes, [self.heard])
        return execution.execute(job, run_lanes, [self.heard], find_executor)

    def result(self) -> Array:
        return read_raster(self.folder / "out.tif")

    def files(self) -> dict[str, bytes]:
        """Return the content of every file, under its path in the folder."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes() if path.is_file() else b""
            for path in self.folder.rglob("*")
        }


def lanes_alive() -> Sequence[str]:
    """Name the threads of any run that has not ended."""
    kinds = ("read-", "compute-", "write", "apply")
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(kinds)]
