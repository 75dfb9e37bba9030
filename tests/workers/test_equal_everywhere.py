"""Random jobs: what local workers make is what no worker makes, bit for bit."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import HealthCheck, example, given, settings

from rios_flows import engine
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle, FilenameAssociations
from tests.support.rasters import ORIGIN, RES, coordinates, write_raster
from tests.support.vectors import write_vector

ROWS, COLS = 60, 75

#: Drivers, and their creation options beside the defaults.
DRIVERS = {"GTiff": ".tif", "COG": ".tif", "HFA": ".img", "Zarr": ".zarr"}


@st.composite
def styles(draw: st.DrawFn) -> ConcurrencyStyle:
    readers, reads = draw(st.sampled_from([(0, True), (1, None), (3, False), (1, True), (3, True)]))
    return ConcurrencyStyle(readers, draw(st.integers(1, 2)), CW_SUBPROC, computeWorkersRead=reads)


JOBS = {
    "style": styles(),
    "window": st.tuples(st.integers(16, 80), st.integers(16, 80)),
    "overlap": st.integers(0, 3),
    "driver": st.sampled_from(sorted(DRIVERS)),
    "dtype": st.sampled_from(["uint8", "int16", "float32"]),
    "inputs": st.sets(st.sampled_from(["list", "warped", "vector"])),
}


def combine(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    total = inputs.image.astype("float64")
    for name, weight in (("list", 3), ("warped", 5), ("vector", 7)):
        arrays = getattr(inputs, name, [])
        for array in arrays if isinstance(arrays, list) else [arrays]:
            total = total + weight * array.astype("float64")
    if info.getOverlapSize():
        total = total + np.roll(total, 1, axis=2)
    outputs.result = (total % 251).astype(inputs.image.dtype)
    other["pixels"] += total[0].size
    other["blocks"].append(info.getBlockCount())


def job(folder: Path, window: Any, overlap: int, driver: str, dtype: str, inputs: set[str]) -> Any:
    infiles, outfiles, controls = FilenameAssociations(), FilenameAssociations(), ApplierControls()
    infiles.image = write_raster(folder / "in.tif", coordinates(2, ROWS, COLS, dtype))
    if "list" in inputs:
        pixels = coordinates(1, ROWS, COLS, "int16")
        infiles.list = [write_raster(folder / f"{n}.tif", pixels // (n + 1)) for n in range(2)]
    if "warped" in inputs:
        coarse = coordinates(1, 40, 40, "float32")
        infiles.warped = write_raster(folder / "coarse.tif", coarse, res=2.5 * RES, nodata=7)
        controls.setResampleMethod("bilinear", "warped")
    if "vector" in inputs:
        round_ = shapely.Point(ORIGIN[0] + 30 * RES, ORIGIN[1] - 30 * RES).buffer(20 * RES)
        infiles.vector = write_vector(folder / "round.gpkg", [round_])
    controls.setReferenceImage("image")
    controls.setWindowSize(*window)
    controls.setOverlap(overlap)
    controls.setOutputDriverName(driver)
    controls.setOverviewLevels([2, 4])
    controls.setOverviewMinDim(10)
    controls.setStatsIgnore(3)
    controls.setBlockRetries(delay=0)
    return infiles, outfiles, controls


def everything_in(path: Path) -> tuple[Any, ...]:
    with rasterio.open(path) as dataset:
        bands = [(dataset.tags(band), dataset.overviews(band)) for band in dataset.indexes]
        pixels = [dataset.read()]
        for level in range(len(dataset.overviews(1))):
            with rasterio.open(path, OVERVIEW_LEVEL=level) as overview:
                pixels.append(overview.read())
        assert dataset.dtypes
        return [each.tobytes() for each in pixels], bands, dataset.profile, dataset.tags()


def check(style: ConcurrencyStyle, driver: str, **parts: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        infiles, outfiles, controls = job(folder, driver=driver, **parts)
        found: list[Any] = []
        for each in (ConcurrencyStyle(), style):
            controls.setConcurrencyStyle(each)
            outfiles.result = folder / f"out-{len(found)}{DRIVERS[driver]}"
            other: dict[str, Any] = {"pixels": 0, "blocks": []}
            rtn = engine.apply(combine, infiles, outfiles, other, controls)
            counted = rtn.otherArgsList
            blocks = sorted(block for copy in counted for block in copy["blocks"])
            assert len(counted) == max(1, each.numComputeWorkers)
            found.append(
                (everything_in(outfiles.result), blocks, sum(copy["pixels"] for copy in counted))
            )
        assert found[0] == found[1]


def everything(**chosen: Any) -> dict[str, Any]:
    given = {"window": (32, 20), "overlap": 2, "driver": "GTiff", "dtype": "int16"}
    style = ConcurrencyStyle(1, 2, CW_SUBPROC)
    return {**given, "style": style, "inputs": {"list", "warped", "vector"}, **chosen}


@given(**JOBS)
@example(**everything())
@example(**everything(style=ConcurrencyStyle(3, 2, CW_SUBPROC, computeWorkersRead=True)))
@settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_few_jobs(**parts: Any) -> None:
    check(**parts)


@pytest.mark.slow
@given(**JOBS)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_jobs(**parts: Any) -> None:
    check(**parts)


@pytest.mark.slow
@pytest.mark.parametrize("driver", DRIVERS)
def test_drivers(driver: str) -> None:
    check(**everything(driver=driver))
