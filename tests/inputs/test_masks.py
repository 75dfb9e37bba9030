"""Masks of inputs: put into pixels as they are read, and written for GDAL where it warps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window

from rios_flows.controls.options import InputOptions
from rios_flows.inputs.masks import fill_masked, flat_text
from rios_flows.inputs.sources import RasterSource, open_source
from tests.support.rasters import Array, coordinates, write_raster


def masked(folder: Path, nodata: float = 7) -> tuple[RasterSource, Array, Array]:
    """Write two bands with a mask that leaves out a rectangle; return what is to come of them."""
    pixels = coordinates(2, 20, 30, "int16")
    path = write_raster(folder / "a.tif", pixels, nodata=None)
    mask = np.full((20, 30), 255, np.uint8)
    mask[3:9, 5:12] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(mask)
    options = InputOptions(mask=True, nodata=nodata, layers=(2, 1))
    source = open_source(("a", None), str(path), options)
    expected = np.where(mask == 0, np.int16(nodata), pixels[::-1])
    return source, pixels[::-1].copy(), expected


def test_what_is_masked_becomes_nodata(tmp_path: Path) -> None:
    source, pixels, expected = masked(tmp_path)
    window = Window(4, 2, 10, 6)
    part = pixels[:, 2:8, 4:14].copy()
    with rasterio.open(source.path) as dataset:
        fill_masked(dataset, source, window, part)
    np.testing.assert_array_equal(part, expected[:, 2:8, 4:14])
    assert (part == 7).any()


def test_a_band_without_a_mask_stays(tmp_path: Path) -> None:
    pixels = coordinates(1, 20, 30, "int16")
    path = write_raster(tmp_path / "a.tif", pixels, nodata=5)
    source = open_source(("a", None), str(path), InputOptions(mask=True))
    assert source.masks == (False,)
    part = pixels.copy()
    with rasterio.open(path) as dataset:
        fill_masked(dataset, source, Window(0, 0, 30, 20), part)
    np.testing.assert_array_equal(part, pixels)


def test_gdal_reads_the_same_from_the_text(tmp_path: Path) -> None:
    source, _, expected = masked(tmp_path)
    text = flat_text(source, source.path, source.grid, None)
    (tmp_path / "a.vrt").write_text(
        text.replace("<VRTRasterBand", "<GeoTransform>9, 1, 0, 9, 0, -1</GeoTransform>"
                     "<VRTRasterBand", 1)
    )  # fmt: skip
    with rasterio.open(tmp_path / "a.vrt") as dataset:
        np.testing.assert_array_equal(dataset.read(), expected)
        assert dataset.nodatavals == (7, 7)


def test_all_digits_of_a_long_nodata_value(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a&b.tif", coordinates(1, 8, 8, "int64"))
    options = InputOptions(nodata=2**53 + 1)
    source = open_source(("a", None), str(path), options)
    text = flat_text(source, str(path), source.grid, 2)
    assert "<NoDataValue>9007199254740993</NoDataValue>" in text
    assert "a&amp;b.tif" in text
    assert '<OOI key="OVERVIEW_LEVEL">2</OOI>' in text
    assert "UseMaskBand" not in text
