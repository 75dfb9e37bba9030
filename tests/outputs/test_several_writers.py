"""Formats of which several processes may write one file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from rios_flows.formats.known import FORMATS
from tests.support.copies import Copy
from tests.support.forkserver import FORKS
from tests.support.rasters import read_raster

SIDE, CHUNK = 512, 64


def write_every_other(path: str, first: int, start: object) -> None:
    start.wait(60)  # type: ignore[attr-defined]
    with rasterio.open(path, "r+") as dataset:
        for number in range(first, (SIDE // CHUNK) ** 2, 2):
            row, column = divmod(number, SIDE // CHUNK)
            window = Window(column * CHUNK, row * CHUNK, CHUNK, CHUNK)
            dataset.write(np.full((CHUNK, CHUNK), number + 1, "int16"), 1, window=window)


@pytest.mark.parametrize(
    "driver", [name for name, known in FORMATS.items() if known.several_writers]
)
def test_processes_that_write_blocks_of_their_own(tmp_path: Path, driver: str) -> None:
    job = Copy(tmp_path, np.zeros((1, SIDE, SIDE), "int16"), "out")
    job.controls.setOutputDriverName(driver)
    job.controls.setWindowSize(CHUNK, CHUNK)
    job.run()
    start = FORKS.Barrier(2)
    writers = [
        FORKS.Process(target=write_every_other, args=(str(job.path), first, start))
        for first in (0, 1)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0]
    numbers = np.arange(1, (SIDE // CHUNK) ** 2 + 1).reshape(SIDE // CHUNK, -1)
    np.testing.assert_array_equal(
        read_raster(job.path)[0], np.kron(numbers, np.ones((CHUNK, CHUNK), int))
    )
