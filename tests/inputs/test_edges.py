"""The margin beyond an image: mirrored or repeated as numpy pads, however the work is cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rios_flows import engine
from rios_flows.controls.controls import ApplierControls
from rios_flows.inputs.edges import Edges, Side
from rios_flows.structures import ConcurrencyStyle, FilenameAssociations
from tests.support.rasters import Array, coordinates, read_raster, write_raster

#: Numpy's names of the same.
PADS: dict[str, Any] = {"reflect": "symmetric", "nearest": "edge"}


def neighbours(info: Any, inputs: Any, outputs: Any) -> None:
    """Add up each pixel's surroundings, with weights that no two neighbours share."""
    image, margin = inputs.image.astype("int64"), info.overlap
    total = np.zeros_like(image)
    for down in range(-margin, margin + 1):
        for across in range(-margin, margin + 1):
            weight = (down + margin) * 10 + across + margin + 1
            total += weight * np.roll(image, (down, across), (1, 2))
    outputs.sum = total


def whole(image: Array, margin: int, fill: str) -> Array:
    padded = np.pad(image.astype("int64"), ((0, 0), (margin,) * 2, (margin,) * 2), PADS[fill])
    total = np.zeros_like(padded)
    for down in range(-margin, margin + 1):
        for across in range(-margin, margin + 1):
            weight = (down + margin) * 10 + across + margin + 1
            total += weight * np.roll(padded, (down, across), (1, 2))
    return total[:, margin:-margin, margin:-margin]


def run(folder: Path, fill: str, margin: int, window: int, **more: Any) -> Array:
    infiles, outfiles, controls = FilenameAssociations(), FilenameAssociations(), ApplierControls()
    infiles.image, outfiles.sum = folder / "in.tif", folder / "out.tif"
    controls.setOverlap(margin)
    controls.setWindowSize(window, window)
    controls.setOverlapFill(fill)
    for setter, value in more.items():
        getattr(controls, setter)(value)
    engine.apply(neighbours, infiles, outfiles, controls=controls)
    return read_raster(folder / "out.tif")


@pytest.mark.parametrize("fill", PADS)
@pytest.mark.parametrize(("margin", "window"), [(1, 16), (3, 64), (9, 5), (7, 256)])
def test_margins_are_as_if_the_whole_image_were_padded(
    tmp_path: Path, fill: str, margin: int, window: int
) -> None:
    image = coordinates(2, 31, 23, "int16")
    write_raster(tmp_path / "in.tif", image, nodata=-1)
    style = ConcurrencyStyle(1, 1, "CW_THREADS")
    found = run(tmp_path, fill, margin, window, setConcurrencyStyle=style)
    np.testing.assert_array_equal(found, whole(image, margin, fill))


@pytest.mark.parametrize("fill", PADS)
def test_an_image_narrower_than_its_margin(tmp_path: Path, fill: str) -> None:
    image = coordinates(1, 20, 3, "int16")
    write_raster(tmp_path / "in.tif", image)
    np.testing.assert_array_equal(run(tmp_path, fill, 8, 16), whole(image, 8, fill))


def test_real_pixels_beyond_the_working_grid_are_read(tmp_path: Path) -> None:
    image = coordinates(1, 40, 40, "int16")
    write_raster(tmp_path / "in.tif", image)
    write_raster(tmp_path / "extent.tif", image[:, 10:30, 1:39], offset=(1, 10))
    found = run(
        tmp_path, "reflect", 3, 16, setFilesForExtent=[str(tmp_path / "extent.tif")]
    )  # one column of the image on each side of the grid, ten rows above and below
    np.testing.assert_array_equal(found, whole(image, 3, "reflect")[:, 10:30, 1:39])


def test_a_warped_image_goes_on_as_at_the_edge_of_the_grid(tmp_path: Path) -> None:
    image = coordinates(1, 40, 40, "int16")
    write_raster(tmp_path / "in.tif", image)
    # half a pixel to the left and up, which makes no difference to the nearest neighbour
    write_raster(tmp_path / "grid.tif", image[:, :20, :20], offset=(10, 10), res=30.0)
    with_grid = {"setReferenceImage": str(tmp_path / "grid.tif"), "setFootprintType": 2}
    same = run(tmp_path, "nearest", 3, 16, **with_grid)
    # aligned, it is not warped: there are real pixels beyond the grid
    np.testing.assert_array_equal(same, _around(image)[:, 10:30, 10:30])
    write_raster(tmp_path / "in.tif", np.repeat(np.repeat(image, 2, 1), 2, 2), res=15.0)
    warped = run(tmp_path, "nearest", 3, 16, **with_grid)
    np.testing.assert_array_equal(warped, whole(image[:, 10:30, 10:30], 3, "nearest"))


def _around(image: Array) -> Array:
    return whole(image, 3, "nearest")


def test_what_lies_inside_the_grid_is_not_made_up(tmp_path: Path) -> None:
    image = coordinates(1, 20, 20, "int16")
    write_raster(tmp_path / "in.tif", image, nodata=-1)
    write_raster(tmp_path / "grid.tif", coordinates(1, 20, 30, "int16"))
    seen: list[Array] = []

    def look(info: Any, inputs: Any, outputs: Any) -> None:
        seen.append(inputs.image[0])

    infiles, controls = FilenameAssociations(), ApplierControls()
    infiles.image, infiles.grid = tmp_path / "in.tif", tmp_path / "grid.tif"
    controls.setFootprintType(1)
    controls.setOverlap(2)
    controls.setOverlapFill("nearest", "image")
    engine.apply(look, infiles, FilenameAssociations(), controls=controls)
    # the image ends ten columns before the grid does: nothing goes on there
    expected = np.pad(image[0], 2, "edge")
    expected[:, 22:] = -1
    np.testing.assert_array_equal(seen[0], np.pad(expected, ((0, 0), (0, 10)), constant_values=-1))


@given(st.integers(1, 9), st.integers(0, 12), st.sampled_from(sorted(PADS)))
def test_positions_are_those_of_numpys_padding(size: int, margin: int, fill: str) -> None:
    side = Side.of(0, size, size)
    here = np.arange(-margin, size + margin)
    sources = side.reflected(here) if fill == "reflect" else side.nearest(here)
    np.testing.assert_array_equal(sources, np.pad(np.arange(size), margin, PADS[fill]))


def test_without_a_fill_nothing_is_planned() -> None:
    assert Edges.of("nodata", (0, 0), (5, 5), (5, 5)) is None
