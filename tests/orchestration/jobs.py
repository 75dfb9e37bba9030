"""Small jobs for the tests of this directory, and the functions they apply."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from rios_flows.applier import ApplierControls, FilenameAssociations
from rios_flows.structures import ConcurrencyStyle
from tests.support.rasters import coordinates, read_raster, write_raster

ROWS, COLS, WINDOW = 80, 100, 32
BLOCKS = 3 * 4


def double(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.image * 2


twice = double


def count(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    other.blocks = getattr(other, "blocks", 0) + 1
    double(info, inputs, outputs)


def take_a_second(info: Any, inputs: Any, outputs: Any) -> None:
    time.sleep(1)
    double(info, inputs, outputs)


def go_on_until_told(info: Any, inputs: Any, outputs: Any) -> None:
    """Compute half of the blocks, and the others once :func:`allow` was called, or in vain."""
    allowed = Path(info.getFilenameFor(inputs.image)).with_name("allowed")
    if info.getBlockCount()[1] >= 2:
        for _ in range(1800):
            if allowed.exists():
                break
            time.sleep(0.1)
    double(info, inputs, outputs)


def allow(job: Job) -> None:
    """Let the second half of a job's blocks be computed."""
    job.output.with_name("allowed").touch()


def dawdle(info: Any, inputs: Any, outputs: Any) -> None:
    """Take a second, until there is a file named hurry."""
    if not Path(info.getFilenameFor(inputs.image)).with_name("hurry").exists():
        time.sleep(1)
    double(info, inputs, outputs)


def take_long(info: Any, inputs: Any, outputs: Any) -> None:
    """Leave a file with the number of this process, and take longer than anybody waits."""
    Path(info.getFilenameFor(inputs.image)).with_name(f"pid-{os.getpid()}").touch()
    time.sleep(120)
    double(info, inputs, outputs)


def fail_in_the_middle(info: Any, inputs: Any, outputs: Any) -> None:
    if info.getBlockCount() == (2, 1):
        raise ValueError("no such luck")
    time.sleep(0.02)
    double(info, inputs, outputs)


class Job:
    """Doubles a raster; ``name`` is that of the flow run."""

    def __init__(self, folder: Path, name: str, style: ConcurrencyStyle | None = None) -> None:
        self.pixels = coordinates(1, ROWS, COLS, "int32")
        self.output = folder / f"{name}.tif"
        self.infiles, self.outfiles = FilenameAssociations(), FilenameAssociations()
        self.infiles.image = str(write_raster(folder / f"{name}-in.tif", self.pixels))
        self.outfiles.result = str(self.output)
        self.controls = ApplierControls()
        self.controls.setJobName(name)
        self.controls.setWindowSize(WINDOW, WINDOW)
        self.controls.setBlockRetries(delay=0)
        if style is not None:
            self.controls.setConcurrencyStyle(style)

    def is_done(self) -> bool:
        return bool(np.array_equal(read_raster(self.output), self.pixels * 2))
