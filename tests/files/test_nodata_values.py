"""Nodata values of files: exact ones, and what a file can have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from rios_flows import rioserrors
from rios_flows.files.nodatavalues import nodata_values, set_nodata, set_null_value
from tests.support.rasters import coordinates, write_raster

#: The next one that a float has is one less.
LONG = 2**53 + 1


def written(folder: Path, dtype: str, bands: int = 1, nodata: float | None = None) -> Path:
    return write_raster(folder / "a.tif", coordinates(bands, 64, 64, dtype), nodata=nodata)


def values(path: Path) -> tuple[float | None, ...]:
    with rasterio.open(path) as dataset:
        return nodata_values(dataset)


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("int64", LONG), ("int64", -LONG), ("uint64", 2**64 - 1), ("uint64", 0), ("int64", 7)],
)
def test_all_digits_of_long_integers(tmp_path: Path, dtype: str, nodata: int) -> None:
    path = written(tmp_path, dtype, bands=2)
    assert values(path) == (None, None)
    set_nodata(str(path), dtype, nodata)
    assert values(path) == (nodata, nodata)


def test_overviews_get_it_too(tmp_path: Path) -> None:
    path = written(tmp_path, "int64")
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2])
    set_nodata(str(path), "int64", LONG)
    with rasterio.open(path, OVERVIEW_LEVEL=0) as dataset:
        assert dataset.width == 32
        assert dataset.nodata == float(LONG)


@pytest.mark.parametrize(
    ("dtype", "nodata"), [("uint8", 255), ("int16", -5), ("float32", np.nan), ("uint64", LONG)]
)
def test_a_nodata_value_is_set(tmp_path: Path, dtype: str, nodata: float) -> None:
    path = written(tmp_path, dtype)
    set_null_value(path, nodata)
    [kept] = values(path)
    np.testing.assert_equal(kept, nodata)


def test_a_value_that_no_pixel_can_have_changes_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "uint8", nodata=3)
    with pytest.raises(
        rioserrors.ParameterError, match=r"is uint8, which cannot have .* value 256"
    ):
        set_null_value(path, 256)
    assert values(path) == (3,)


def test_an_open_file_cannot_get_a_long_one(tmp_path: Path) -> None:
    path = written(tmp_path, "int64")
    with (
        rasterio.open(path, "r+") as dataset,
        pytest.raises(rioserrors.ImageWriteError, match="close the file, and give it by its name"),
    ):
        set_null_value(dataset, LONG)
    assert values(path) == (None,)


def test_a_format_that_does_not_keep_it_is_told_of(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.grd", coordinates(1, 8, 8, "float32"), driver="GSBG")
    with pytest.raises(rioserrors.ImageWriteError, match=r"\(GSBG\) does not keep .* value 3"):
        set_null_value(path, 3)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"GDAL cannot open '.*a.tif'"):
        set_nodata(str(tmp_path / "a.tif"), "int64", LONG)
