"""Which pixels are valid: nodata, masks, and what lies beyond an image, read or warped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from rios_flows import engine, rioserrors
from rios_flows.controls.controls import ApplierControls
from rios_flows.inputs.reading import DatasetPool
from rios_flows.inputs.validity import valid_pixels
from rios_flows.structures import ConcurrencyStyle, FilenameAssociations
from tests.inputs.test_inputs_masks import GRID, MASKS, mask, masked
from tests.support.rasters import Array, coordinates, read_raster, write_raster
from tests.support.scene import Scene

STYLES = {
    "none": ConcurrencyStyle(),
    "threads": ConcurrencyStyle(1, 2, "CW_THREADS"),
    "processes": ConcurrencyStyle(1, 1, "CW_SUBPROC"),
}


def tell(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.valid = info.getValidMask(inputs.image).astype("uint8")


def valid(folder: Path, image: Path, style: str = "none", **asked: Any) -> Array:
    """Return the mask of an image, as a run sees it."""
    infiles, outfiles, controls = FilenameAssociations(), FilenameAssociations(), ApplierControls()
    infiles.image, outfiles.valid = image, folder / "valid.tif"
    if "grid" in asked:
        infiles.grid = asked.pop("grid")
        controls.setReferenceImage("grid")
    controls.setWindowSize(50, 50)
    controls.setOverlap(2)
    controls.setStatsIgnore(None)
    controls.setConcurrencyStyle(STYLES[style])
    for setter, value in asked.items():
        getattr(controls, setter)(value)
    engine.apply(tell, infiles, outfiles, controls=controls)
    return read_raster(folder / "valid.tif")


@pytest.mark.parametrize(
    ("kind", "style"),
    [*((kind, "none") for kind in MASKS), ("msk", "threads"), ("msk", "processes")],
)
def test_masks_of_a_file(tmp_path: Path, kind: str, style: str) -> None:
    image = masked(tmp_path / "image.tif", kind)
    found = valid(tmp_path, image, style, selectInputImageLayers=[1])
    np.testing.assert_array_equal(found[0], mask() != 0)


@pytest.mark.parametrize("kind", MASKS)
def test_masks_of_a_warped_file(tmp_path: Path, kind: str) -> None:
    image = masked(tmp_path / "image.tif", kind)
    # twice as large, and beginning 10 pixels to the left of the image
    small = coordinates(1, 60, 70, "int16")
    grid = write_raster(tmp_path / "grid.tif", small, res=GRID.res * 2)
    with rasterio.open(grid, "r+") as file:
        file.transform = from_origin(GRID.xmin - 600, GRID.ymax, 60.0, 60.0)
        file.crs = GRID.crs
    found = valid(tmp_path, image, grid=grid, setFootprintType=2, selectInputImageLayers=[1])
    # the centre of a large pixel is a corner of small ones: GDAL takes the one below to the right
    expected = np.zeros((60, 70), bool)
    expected[:, 10:] = (mask() != 0)[1::2, 1::2][:60, :60]
    np.testing.assert_array_equal(found[0], expected)


@pytest.mark.parametrize("nodata", [-7.0, float("nan")])
def test_nodata_of_each_band(tmp_path: Path, nodata: float) -> None:
    pixels = coordinates(2, 60, 70, "float32")
    pixels[0, 3, 4] = pixels[1, 50:, 60] = nodata
    image = write_raster(tmp_path / "image.tif", pixels, nodata=nodata)
    expected = ~np.isnan(pixels) if nodata != nodata else pixels != nodata
    np.testing.assert_array_equal(valid(tmp_path, image), expected)


def test_large_integers_count_exactly(tmp_path: Path) -> None:
    pixels = np.array([[[2**53, 2**53 + 1]]], "int64")
    image = write_raster(tmp_path / "image.tif", pixels)
    found = valid(tmp_path, image, setInputNoDataValue=2**53)
    np.testing.assert_array_equal(found, [[[0, 1]]])


@pytest.mark.parametrize("fill", ["nodata", "nearest"])
@pytest.mark.parametrize("nodata", [None, -1])
def test_beyond_the_image(tmp_path: Path, nodata: float | None, fill: str) -> None:
    pixels = coordinates(1, 20, 20, "int16")
    image = write_raster(tmp_path / "image.tif", pixels, nodata=nodata)
    seen: list[Array] = []

    def look(info: Any, inputs: Any, outputs: Any) -> None:
        seen.append(info.getValidMask(inputs.image)[0])

    infiles, controls = FilenameAssociations(), ApplierControls()
    infiles.image = image
    controls.setOverlap(3)
    controls.setOverlapFill(fill)
    engine.apply(look, infiles, FilenameAssociations(), controls=controls)
    expected = np.pad(np.ones((20, 20), bool), 3, constant_values=fill == "nearest")
    np.testing.assert_array_equal(seen[0], expected)


def test_a_part_of_an_array_is_refused(tmp_path: Path) -> None:
    image = write_raster(tmp_path / "image.tif", coordinates(2, 20, 20, "int16"))

    def ask(info: Any, inputs: Any, outputs: Any) -> None:
        info.getValidMask(inputs.image[0])

    infiles = FilenameAssociations()
    infiles.image = image
    with pytest.raises(rioserrors.KeysMismatch, match="is a part of input 'image'"):
        engine.apply(ask, infiles, FilenameAssociations())


def test_without_a_run(tmp_path: Path) -> None:
    pixels = coordinates(1, 20, 20, "int16")
    pixels[0, 5, 5] = -1
    image = write_raster(tmp_path / "image.tif", pixels, nodata=-1)

    def setup(infiles: FilenameAssociations, controls: ApplierControls) -> None:
        infiles.image = image

    info, inputs = Scene(tmp_path, setup, overlap=0).at(0, 0)
    np.testing.assert_array_equal(info.getValidMask(inputs.image), inputs.image != -1)
    blocks, item = info._plan.blocks, info._plan.inputs[0]
    assert valid_pixels(DatasetPool(1), blocks, item, blocks[0], inputs.image * 0) is None
