"""What it costs to open and close many small files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from pytest_benchmark.fixture import BenchmarkFixture
from rasterio.transform import Affine

from benchmarks.measure import Board, compare
from benchmarks.scenes import bench_directory
from rios_flows import engine
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.controls import ApplierControls

SIDE = 64


def make_files(count: int) -> list[Path]:
    folder = bench_directory() / "many"
    folder.mkdir(exist_ok=True)
    files = [folder / f"{number}.tif" for number in range(count)]
    for number, path in enumerate(files):
        if not path.exists():
            with rasterio.open(
                path, "w", driver="GTiff", width=SIDE, height=SIDE, count=1, dtype="uint16",
                crs="EPSG:32756", transform=Affine(10, 0, 3e5, 0, -10, 7e6),
            ) as dataset:  # fmt: skip
                dataset.write(np.full((1, SIDE, SIDE), number, np.uint16))
    return files


def by_engine(files: list[Path], result: Path) -> None:
    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    infiles.dates, outfiles.result = files, result
    controls = ApplierControls()
    controls.setOutputDriverName("GTiff")
    controls.setConcurrencyStyle(ConcurrencyStyle(numReadWorkers=2, readBufferPopTimeout=None))
    engine.apply(mean_block, infiles, outfiles, controls=controls)


def mean_block(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = np.mean(inputs.dates, axis=0, dtype=np.float32)


def by_hand(files: list[Path]) -> None:
    arrays = []
    for path in files:
        with rasterio.open(path) as dataset:
            arrays.append(dataset.read())
    np.mean(arrays, axis=0, dtype=np.float32)


def test_many_files(
    benchmark: BenchmarkFixture, board: Board, measuring: bool, output: Path
) -> None:
    files = make_files(2000 if measuring else 40)
    result = output / "mean.tif"
    times = compare(benchmark, lambda: by_engine(files, result), lambda: by_hand(files), rounds=3)
    with rasterio.open(result) as dataset:
        assert (dataset.read() == np.mean(range(len(files)), dtype=np.float32)).all()
    if times is not None:
        extra = times.difference / len(files) * 1e3
        board.add("2,000 small files, engine - loop", extra, "ms/file", None, str(times))
