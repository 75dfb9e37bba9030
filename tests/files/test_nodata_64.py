"""Nodata values of 64-bit integers: to the last digit, which no float has."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import engine, rioserrors
from rios_flows.applier import UNION
from rios_flows.controls.controls import ApplierControls
from rios_flows.files import statistics as calcstats
from rios_flows.files.info import ImageInfo
from rios_flows.structures import FilenameAssociations
from tests.support.copies import Copy
from tests.support.rasters import CRS, ORIGIN, Array, read_raster, write_raster

VALUES = [
    ("uint64", 2**64 - 1),
    ("uint64", 2**60 + 1),
    ("uint64", 2**53 + 1),
    ("int64", 2**63 - 1),
    ("int64", -(2**63)),
    ("int64", -(2**63) + 1),
    ("int64", -(2**53) - 1),
]
GDAL_TYPES = {"uint64": "UInt64", "int64": "Int64"}


def near(nodata: int) -> int:
    """Return a number that is the same as a float."""
    other = nodata - 1 if nodata > 0 else nodata + 1
    return other if float(other) == float(nodata) else nodata + (2 if nodata > 0 else -2)


def scene(dtype: str, nodata: int, bands: int = 1) -> Array:
    pixels = np.full((bands, 90, 100), 5, dtype)
    pixels[:, 10:20, 30:50] = nodata
    pixels[:, 60:70, 80:90] = near(nodata)
    return pixels


def write_vrt(folder: Path, pixels: Array, nodata: int) -> Path:
    """Write a virtual raster, whose nodata value is its text."""
    write_raster(folder / "a.tif", pixels)
    bands, rows, cols = pixels.shape
    dtype = GDAL_TYPES[pixels.dtype.name]
    source = "<SimpleSource><SourceFilename relativeToVRT='1'>a.tif</SourceFilename>"
    each = "".join(
        f"<VRTRasterBand dataType='{dtype}' band='{band}'><NoDataValue>{nodata}</NoDataValue>"
        f"{source}<SourceBand>{band}</SourceBand></SimpleSource></VRTRasterBand>"
        for band in range(1, bands + 1)
    )
    path = folder / "a.vrt"
    path.write_text(
        f"<VRTDataset rasterXSize='{cols}' rasterYSize='{rows}'><SRS>{CRS}</SRS>"
        f"<GeoTransform>{ORIGIN[0]},30,0,{ORIGIN[1]},0,-30</GeoTransform>{each}</VRTDataset>"
    )
    return path


def read_beside(path: Path, offset: float, **asked: Any) -> tuple[Array, list[int | None]]:
    """Read an input on a larger grid; return its pixels there, and what is told of its nodata."""
    folder = path.parent
    infiles, outfiles, controls = FilenameAssociations(), FilenameAssociations(), ApplierControls()
    infiles.a = path
    infiles.b = folder / "grid.tif"
    with rasterio.open(
        infiles.b, "w", driver="GTiff", width=150, height=130, count=1, dtype="uint8", crs=CRS,
        transform=rasterio.Affine(30, 0, ORIGIN[0] + offset, 0, -30, ORIGIN[1] + offset),
    ):  # fmt: skip
        pass
    outfiles.o = folder / "o.tif"
    controls.setReferenceImage(infiles.b)
    controls.setFootprintType(UNION)
    controls.setStatsIgnore(None)
    for name, value in asked.items():
        getattr(controls, name)(value, "a")
    told: list[int | None] = []

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        value = info.getNoDataValueFor(inputs.a)
        told.append(None if value is None else int(value))
        outputs.o = inputs.a

    engine.apply(function, infiles, outfiles, controls=controls)
    return read_raster(Path(outfiles.o)), told


@pytest.mark.parametrize(("dtype", "nodata"), VALUES)
def test_an_input(tmp_path: Path, dtype: str, nodata: int) -> None:
    pixels = scene(dtype, nodata)
    path = write_vrt(tmp_path, pixels, nodata)
    found, told = read_beside(path, 0)
    assert set(told) == {nodata}
    wanted = np.full((1, 130, 150), nodata, dtype)
    wanted[:, :90, :100] = pixels
    np.testing.assert_array_equal(found, wanted)
    assert ImageInfo(str(path)).nodataval == [nodata]


@pytest.mark.parametrize(("dtype", "nodata"), VALUES)
def test_a_nodata_value_that_is_given(tmp_path: Path, dtype: str, nodata: int) -> None:
    path = write_raster(tmp_path / "a.tif", scene(dtype, nodata))
    found, told = read_beside(path, 0, setInputNoDataValue=nodata)
    assert set(told) == {nodata}
    assert int(found[0, 120, 140]) == nodata


def test_one_of_numpys_own(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", scene("uint64", 2**64 - 1))
    _, told = read_beside(path, 0, setInputNoDataValue=np.uint64(2**64 - 1))
    assert set(told) == {2**64 - 1}


@pytest.mark.parametrize("method", ["near", "cubic", "average"])
@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [value for value in VALUES if value[1] not in (2**64 - 1, 2**63 - 1)],
)
def test_a_warped_input(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, dtype: str, nodata: int, method: str
) -> None:
    pixels = scene(dtype, nodata)
    path = write_vrt(tmp_path, pixels, nodata)
    with caplog.at_level(logging.WARNING):
        found, told = read_beside(path, 10, setResampleMethod=method)
    assert set(told) == {nodata}
    # what is no nodata as a float has not changed either
    assert {int(value) for value in np.unique(found)} == {5, nodata}
    assert int(found[0, 120, 140]) == nodata
    assert int(found[0, 15, 40]) == nodata
    assert int(found[0, 40, 40]) == 5
    assert f"its nodata value {nodata} but for the last digits" in caplog.text


@pytest.mark.parametrize(("dtype", "nodata"), [("uint64", 2**64 - 1), ("int64", 2**63 - 1)])
def test_what_cannot_be_warped(tmp_path: Path, dtype: str, nodata: int) -> None:
    path = write_vrt(tmp_path, scene(dtype, nodata), nodata)
    with pytest.raises(rioserrors.GdalWarpError, match=rf"a\.vrt.*\(input 'a'\).*{nodata}"):
        read_beside(path, 10)


@pytest.mark.parametrize("driver", ["GTiff", "COG", "ENVI", "Zarr"])
@pytest.mark.parametrize(("dtype", "nodata"), VALUES)
def test_an_output(tmp_path: Path, driver: str, dtype: str, nodata: int) -> None:
    name = {"ENVI": "o.bil", "Zarr": "o.zarr"}.get(driver, "o.tif")
    job = Copy(tmp_path, scene(dtype, nodata, 2), name)
    job.controls.setOutputDriverName(driver)
    job.controls.setStatsIgnore(nodata)
    job.controls.setOverviewLevels([2, 4])
    job.controls.setOverviewMinDim(10)
    if driver == "Zarr" and nodata >= 2**63:
        with pytest.raises(rioserrors.ParameterError, match=f"uint64 in Zarr.*{nodata}"):
            job.run()
        return
    job.run()
    np.testing.assert_array_equal(read_raster(job.path), job.pixels)
    if driver == "Zarr":
        assert json.loads((job.path / "o" / ".zarray").read_text())["fill_value"] == nodata
    else:
        text = job.path if driver != "ENVI" else tmp_path / "o.bil.aux.xml"
        assert str(nodata).encode() in text.read_bytes()
    assert ImageInfo(str(job.path)).nodataval == [nodata, nodata]
    valid = job.pixels[0][job.pixels[0] != nodata]
    tags = job.tags(2)
    assert tags["STATISTICS_EXCLUDEDVALUES"] == str(nodata)
    assert int(tags["STATISTICS_MINIMUM"]) == valid.min()
    assert int(tags["STATISTICS_MAXIMUM"]) == valid.max()
    if driver != "Zarr":
        assert [item.shape[1:] for item in job.overviews()] == [(45, 50), (23, 25)]


@pytest.mark.parametrize("driver", ["GTiff", "COG"])
def test_overviews_that_gdal_makes(tmp_path: Path, driver: str) -> None:
    nodata = 2**63 - 1
    pixels = np.full((1, 120, 160), 1000, "int64")
    pixels[:, :, 80:] = nodata
    job = Copy(tmp_path, pixels)
    job.controls.setOutputDriverName(driver)
    job.controls.setStatsIgnore(nodata)
    job.controls.setOverviewLevels([2, 4])
    job.controls.setOverviewMinDim(10)
    job.controls.setOverviewAggregationType("BILINEAR")
    job.run()
    assert [item.shape[1:] for item in job.overviews()] == [(60, 80), (30, 40)]
    for overview in job.overviews():
        assert (overview[:, :, : overview.shape[2] // 2 - 2] == 1000).all()


def test_masked_pixels(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene("uint64", 2**64 - 1))
    job.controls.setStatsIgnore(2**64 - 1)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = np.ma.masked_array(inputs.grid.astype("uint64") + 7, inputs.grid == 0)

    job.run(function=function)
    assert set(np.unique(read_raster(job.path))) == {np.uint64(2**64 - 1)}


def test_what_the_callback_is_told(tmp_path: Path) -> None:
    job = Copy(tmp_path, scene("int64", 2**63 - 1))
    job.controls.setStatsIgnore(2**63 - 1)
    told: list[Any] = []
    job.controls.setCallBeforeClose(
        lambda dataset: told.append(dataset.GetRasterBand(1).GetNoDataValue())
    )
    job.run()
    assert told == [2**63 - 1]


@pytest.mark.parametrize(("dtype", "nodata"), VALUES)
def test_a_file_that_exists(tmp_path: Path, dtype: str, nodata: int) -> None:
    pixels = scene(dtype, nodata)
    path = write_raster(tmp_path / "a.tif", pixels)
    calcstats.calcStats(str(path), ignore=nodata, levels=[2, 4], minoverviewdim=10)
    assert str(nodata).encode() in path.read_bytes()
    with rasterio.open(path) as dataset:
        tags, levels = dataset.tags(1), dataset.overviews(1)
    valid = pixels[pixels != nodata]
    assert int(tags["STATISTICS_MINIMUM"]) == valid.min()
    assert int(tags["STATISTICS_MAXIMUM"]) == valid.max()
    assert tags["STATISTICS_EXCLUDEDVALUES"] == str(nodata)
    assert levels == [2, 4]


def test_an_open_file(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", scene("int64", 7))
    with (
        rasterio.open(path, "r+") as dataset,
        pytest.raises(rioserrors.ImageWriteError, match=r"a\.tif.*give it by its name"),
    ):
        calcstats.setNullValue(dataset, 2**63 - 1)
