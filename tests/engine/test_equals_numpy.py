"""Whatever the style, window, overlap, type and number of bands: the same pixels as by numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import engine
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import BlockAssociations, FilenameAssociations
from tests.support.rasters import Array, coordinates, read_raster, write_raster
from tests.support.styles import STYLES

ROWS, COLS = 90, 130
DTYPES = ("uint8", "int16", "uint16", "int32", "float32", "float64")


def neighbourhood_maximum(pixels: Array, radius: int) -> Array:
    """Return the maximum within ``radius`` pixels, where a pixel has such a neighbourhood."""
    size = 2 * radius + 1
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (size, size), axis=(1, 2))
    maximum: Array = windows.max(axis=(3, 4))
    return maximum


def filter_block(info: Any, inputs: BlockAssociations, outputs: BlockAssociations) -> None:
    radius = info.getOverlapSize()
    result = np.zeros_like(inputs.image)
    inner = slice(radius, -radius) if radius else slice(None)
    result[:, inner, inner] = neighbourhood_maximum(inputs.image, radius)
    outputs.result = result


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("window", [(64, 32), (26, 45), (500, 500)], ids=str)
@pytest.mark.parametrize("overlap", [0, 3])
@pytest.mark.parametrize("bands", [1, 6])
def test_filter(
    tmp_path: Path, style: str, window: tuple[int, int], overlap: int, bands: int
) -> None:
    for dtype in DTYPES:
        pixels = coordinates(bands, ROWS, COLS, dtype)
        infiles, outfiles = FilenameAssociations(), FilenameAssociations()
        infiles.image = str(write_raster(tmp_path / f"{dtype}.tif", pixels))
        outfiles.result = str(tmp_path / f"{dtype}-out.tif")
        controls = ApplierControls()
        controls.setWindowSize(*window)
        controls.setOverlap(overlap)
        controls.setConcurrencyStyle(STYLES[style])
        engine.apply(filter_block, infiles, outfiles, controls=controls)
        padded = np.pad(pixels, ((0, 0), (overlap, overlap), (overlap, overlap)))
        expected = neighbourhood_maximum(padded, overlap)
        result = read_raster(tmp_path / f"{dtype}-out.tif")
        assert result.dtype == pixels.dtype
        np.testing.assert_array_equal(result, expected)


def stack_block(info: Any, inputs: BlockAssociations, outputs: BlockAssociations) -> None:
    stack = np.stack(inputs.dates).astype(np.float64)
    outputs.moments = [stack.mean(axis=0).astype(np.float32), stack.max(axis=0).astype(np.int32)]
    outputs.difference = (inputs.dates[-1].astype(np.int32) - inputs.base).astype(np.int32)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("window", [(65, 45), (33, 40)], ids=str)
def test_lists_of_inputs_and_outputs(tmp_path: Path, style: str, window: tuple[int, int]) -> None:
    dates = [coordinates(2, ROWS, COLS, "int16") // (date + 1) for date in range(5)]
    base = coordinates(2, ROWS, COLS, "uint8")
    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    infiles.dates = [
        write_raster(tmp_path / f"date{number}.tif", pixels) for number, pixels in enumerate(dates)
    ]
    infiles.base = write_raster(tmp_path / "base.tif", base)
    outfiles.moments = (tmp_path / "mean.tif", tmp_path / "max.img")
    outfiles.difference = tmp_path / "difference.tif"
    controls = ApplierControls()
    controls.setWindowSize(*window)
    controls.setConcurrencyStyle(STYLES[style])
    engine.apply(stack_block, infiles, outfiles, controls=controls)
    stack = np.stack(dates).astype(np.float64)
    np.testing.assert_array_equal(
        read_raster(tmp_path / "mean.tif"), stack.mean(axis=0).astype(np.float32)
    )
    np.testing.assert_array_equal(read_raster(tmp_path / "max.img"), stack.max(axis=0))
    np.testing.assert_array_equal(
        read_raster(tmp_path / "difference.tif"), dates[-1].astype(np.int32) - base
    )


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("overlap", [0, 3])
def test_common_area_of_inputs_that_are_aligned(tmp_path: Path, style: str, overlap: int) -> None:
    # two windows of one big scene: what comes out must be that scene, wherever both have it
    scene = coordinates(1, 200, 200, "int32")
    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    infiles.left = write_raster(tmp_path / "a.tif", scene[:, 10:130, 20:150], offset=(20, 10))
    infiles.right = write_raster(tmp_path / "b.tif", scene[:, 40:190, 5:120], offset=(5, 40))
    outfiles.both = tmp_path / "both.tif"
    controls = ApplierControls()
    controls.setWindowSize(37, 41)
    controls.setOverlap(overlap)
    controls.setConcurrencyStyle(STYLES[style])

    def both_bands(info: Any, inputs: BlockAssociations, outputs: BlockAssociations) -> None:
        outputs.both = np.concatenate([inputs.left, inputs.right])

    rtn = engine.apply(both_bands, infiles, outfiles, controls=controls)
    common = scene[:, 40:130, 20:120]
    np.testing.assert_array_equal(
        read_raster(tmp_path / "both.tif"), np.concatenate([common, common])
    )
    assert rtn.workinggrid.getDimensions() == (90, 100)
