"""Which grid a run works on, and the same pixels on it however the work is cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.enums import WktVersion
from rasterio.transform import Affine

from rios_flows import rioserrors
from rios_flows.basics.defaults import BOUNDS_FROM_REFERENCE, INTERSECTION, UNION
from rios_flows.geometry.pixelgriddefn import PixelGridDefn
from tests.support.inputs import MERCATOR, Grid, controls_of, nearest, run, texture
from tests.support.rasters import Array
from tests.support.styles import STYLES

# as two scenes of one sensor often are: 7 digits of the pixel size are equal
WEST = Grid(425085.0, 5215515.0, 300.038239038384, 120, 130)
EAST = Grid(446185.0, 5216115.0, 300.03868277394554, 110, 125)


def newest(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = np.where(inputs.east == 0, inputs.west, inputs.east)


def overlapping(grid: Grid, reference: Grid) -> tuple[int, int, int, int]:
    """First row and column of the reference, and those after the last, that a grid covers."""
    left = round((grid.xmin - reference.xmin) / reference.res)
    top = round((reference.ymax - grid.ymax) / reference.res)
    right = round((grid.xmin + grid.cols * grid.res - reference.xmin) / reference.res)
    bottom = round((reference.ymax - grid.ymax + grid.rows * grid.res) / reference.res)
    return top, left, bottom, right


@pytest.mark.parametrize("style", STYLES)
def test_mosaic_of_scenes_whose_pixel_sizes_differ_a_little(tmp_path: Path, style: str) -> None:
    west, east = texture(WEST, 3), texture(EAST, 3, seed=8)
    files = {
        "west": WEST.raster(tmp_path / "west.tif", west, nodata=0),
        "east": EAST.raster(tmp_path / "east.tif", east, nodata=0),
    }
    controls = controls_of(style, 50)
    controls.setFootprintType(UNION)
    with pytest.raises(rioserrors.ResampleNeededError) as caught:
        run(tmp_path, controls, newest, **files)
    for word in ("west.tif", "east.tif", "pixel size", "300.038239038", "300.03868277"):
        assert word in str(caught.value)
    controls.setReferenceImage("west")
    found, rtn = run(tmp_path, controls, newest, **files)

    top, left, bottom, right = overlapping(EAST, WEST)
    assert top < 0 < left < WEST.cols < right
    rows, cols = max(bottom, WEST.rows) - top, right
    whole = Grid(WEST.xmin, WEST.ymax - top * WEST.res, WEST.res, rows, cols)
    assert rtn.workinggrid.getDimensions() == (rows, cols) == found.shape[1:]
    assert rtn.workinggrid.xMin == whole.xmin
    assert rtn.workinggrid.yMax == pytest.approx(whole.ymax, abs=1e-9)
    expected, sure = nearest(EAST, east, whole)
    beside = np.zeros_like(expected)
    beside[:, -top : -top + WEST.rows, : WEST.cols] = west
    expected = np.where(expected == 0, beside, expected)
    assert sure.mean() > 0.95
    np.testing.assert_array_equal(found[:, sure], expected[:, sure])


# a UTM scene, and a Mercator one over most of it
SCENE = Grid(101985.0, 2826915.0, 300.0, 150, 170)
NIR = Grid(-8789636.0, 2941413.0, 310.0, 165, 170, MERCATOR)


def ratio(info: Any, inputs: Any, outputs: Any) -> None:
    """With a margin, of means over all of it: every pixel of the margin counts."""
    margin = info.getOverlapSize()
    red, nir = (smooth(block, margin) for block in (inputs.red, inputs.nir))
    outputs.result = np.where(nir + red > 0, (nir - red) * 10000 // (nir + red + 1), -30000)


def smooth(block: Array, margin: int) -> Array:
    whole = block.astype(np.int64)
    if not margin:
        return whole
    size = 2 * margin + 1
    sums = np.lib.stride_tricks.sliding_window_view(whole, (size, size), axis=(1, 2)).sum((3, 4))
    pixels = np.zeros_like(whole)
    pixels[:, margin:-margin, margin:-margin] = sums
    return pixels


def as_int32(function: Any) -> Any:
    def narrowed(info: Any, inputs: Any, outputs: Any) -> None:
        function(info, inputs, outputs)
        outputs.result = outputs.result.astype(np.int32)

    return narrowed


@pytest.mark.parametrize("overlap", [0, 3])
@pytest.mark.parametrize("method", ["near", "cubic"])
def test_index_of_two_crs_has_the_same_pixels_however_it_is_cut(
    tmp_path: Path, overlap: int, method: str
) -> None:
    files = {
        "red": SCENE.raster(tmp_path / "red.tif", texture(SCENE)),
        "nir": NIR.raster(tmp_path / "nir.tif", texture(NIR, seed=3), nodata=0),
    }
    found = {}
    for style in STYLES:
        for window in (37, 64, 500):
            controls = controls_of(style, window, overlap)
            controls.setReferenceImage("red")
            controls.setResampleMethod(method, imagename="nir")
            found[style, window], rtn = run(tmp_path, controls, as_int32(ratio), **files)
            assert rtn.workinggrid.getDimensions()[0] <= SCENE.rows
    first = next(iter(found.values()))
    assert len(np.unique(first)) > 1000
    for cut, pixels in found.items():
        np.testing.assert_array_equal(pixels, first, str(cut))


def test_index_of_two_crs_is_that_of_the_pixels_at_the_same_place(tmp_path: Path) -> None:
    red, nir = texture(SCENE), texture(NIR, seed=3)
    controls = controls_of()
    controls.setReferenceImage("red")
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    found, _ = run(
        tmp_path,
        controls,
        as_int32(ratio),
        red=SCENE.raster(tmp_path / "red.tif", red),
        nir=NIR.raster(tmp_path / "nir.tif", nir, nodata=0),
    )
    there, sure = nearest(NIR, nir, SCENE)
    assert sure.mean() > 0.9
    high, low = there.astype(np.int64), red.astype(np.int64)
    np.testing.assert_array_equal(
        found[:, sure], ((high - low) * 10000 // (high + low + 1))[:, sure]
    )
    assert (there == 0).any()


BIG = Grid(300000.0, 6000000.0, 30.0, 100, 110)


def part(top: int, left: int, rows: int, cols: int) -> tuple[Grid, tuple[slice, slice, slice]]:
    """A grid in step with BIG, and where it lies there."""
    grid = Grid(BIG.xmin + left * BIG.res, BIG.ymax - top * BIG.res, BIG.res, rows, cols)
    return grid, (slice(None), slice(top, top + rows), slice(left, left + cols))


FIRST, FIRST_PART = part(5, 10, 60, 50)
SECOND, SECOND_PART = part(20, 30, 70, 70)


def both(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = np.concatenate([inputs.a, inputs.b])


@pytest.fixture
def aligned(tmp_path: Path) -> tuple[Array, dict[str, Path]]:
    scene = texture(BIG)
    return scene, {
        "a": FIRST.raster(tmp_path / "a.tif", scene[FIRST_PART], nodata=0),
        "b": SECOND.raster(tmp_path / "b.tif", scene[SECOND_PART], nodata=0),
    }


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("overlap", [0, 3])
@pytest.mark.parametrize("footprint", [INTERSECTION, UNION])
def test_aligned_scenes(
    tmp_path: Path,
    aligned: tuple[Array, dict[str, Path]],
    style: str,
    overlap: int,
    footprint: int,
) -> None:
    scene, files = aligned
    controls = controls_of(style, 32, overlap)
    controls.setFootprintType(footprint)
    found, _ = run(tmp_path, controls, both, **files)
    padded = np.zeros((2, BIG.rows, BIG.cols), scene.dtype)
    padded[:1][FIRST_PART] = scene[FIRST_PART]
    padded[1:][SECOND_PART] = scene[SECOND_PART]
    rows, cols = (slice(20, 65), slice(30, 60)) if not footprint else (slice(5, 90), slice(10, 100))
    np.testing.assert_array_equal(found, padded[:, rows, cols])


def test_files_for_the_extent(tmp_path: Path, aligned: tuple[Array, dict[str, Path]]) -> None:
    scene, files = aligned
    small, _ = part(30, 40, 20, 15)
    other, _ = part(40, 35, 20, 15)
    extent = [
        str(grid.raster(tmp_path / name, texture(grid)))
        for name, grid in (("small.tif", small), ("other.tif", other))
    ]
    controls = controls_of()
    controls.setFilesForExtent(extent)
    found, _ = run(tmp_path, controls, both, **files)
    np.testing.assert_array_equal(found, np.repeat(scene[:, 40:50, 40:50], 2, axis=0))
    controls.setFootprintType(UNION)
    found, _ = run(tmp_path, controls, both, **files)
    np.testing.assert_array_equal(found, np.repeat(scene[:, 30:60, 35:55], 2, axis=0))
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    controls.setReferenceImage("a")
    found, _ = run(tmp_path, controls, both, **files)
    np.testing.assert_array_equal(found[:1], scene[FIRST_PART])


def test_bounds_of_a_reference_that_is_no_input(
    tmp_path: Path, aligned: tuple[Array, dict[str, Path]]
) -> None:
    scene, files = aligned
    wanted, _ = part(0, 0, 90, 45)
    controls = controls_of()
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    controls.setReferenceImage(str(wanted.raster(tmp_path / "wanted.tif", texture(wanted))))
    found, _ = run(tmp_path, controls, both, **files)
    padded = np.zeros((BIG.rows, BIG.cols), scene.dtype)
    padded[FIRST_PART[1:]] = scene[FIRST_PART][0]
    np.testing.assert_array_equal(found[0], padded[:90, :45])


def test_a_reference_grid_wins_over_an_image(
    tmp_path: Path, aligned: tuple[Array, dict[str, Path]]
) -> None:
    scene, files = aligned
    controls = controls_of()
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    controls.setReferenceImage("b")
    controls.setReferencePixgrid(
        PixelGridDefn(
            geotransform=(FIRST.xmin + 300, 30, 0, FIRST.ymax - 600, 0, -30),
            nrows=20,
            ncols=25,
            projection=FIRST.crs,
        )
    )
    found, rtn = run(tmp_path, controls, both, **files)
    np.testing.assert_array_equal(found[0], scene[0, 25:45, 20:45])
    assert rtn.workinggrid.getDimensions() == (20, 25)


@pytest.mark.parametrize("style", STYLES)
def test_no_input_at_all(tmp_path: Path, style: str) -> None:
    controls = controls_of(style, 16)
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    controls.setReferencePixgrid(
        PixelGridDefn(
            geotransform=(3e5, 30, 0, 6e6, 0, -30), nrows=40, ncols=50, projection=BIG.crs
        )
    )

    def where(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = np.stack(info.getBlockCoordArrays())

    found, _ = run(tmp_path, controls, where)
    x, y = Grid(3e5, 6e6, 30, 40, 50).centres()
    np.testing.assert_array_equal(found, [x, y])


@pytest.mark.parametrize("spelling", ["proj4", "esri"])
def test_another_spelling_of_a_crs_is_no_difference(tmp_path: Path, spelling: str) -> None:
    plain = CRS.from_user_input(BIG.crs)
    other = (
        plain.to_wkt(version=WktVersion.WKT1_ESRI)
        if spelling == "esri"
        else "+proj=utm +zone=18 +datum=WGS84 +units=m +no_defs"
    )
    pixels = texture(BIG)
    found, _ = run(
        tmp_path,
        controls_of(),
        both,
        a=BIG.raster(tmp_path / "a.tif", pixels),
        b=BIG._replace(crs=other).raster(tmp_path / "b.tif", pixels),
    )
    np.testing.assert_array_equal(found, np.repeat(pixels, 2, axis=0))


@pytest.mark.parametrize("turn", [1e-9, -1e-12])
def test_remains_of_rounding_in_a_transform_are_no_rotation(tmp_path: Path, turn: float) -> None:
    pixels = texture(WEST)
    path = WEST.raster(tmp_path / "west.tif", pixels)
    with rasterio.open(path, "r+") as file:
        straight = file.transform
        file.transform = Affine(straight.a, turn, straight.c, turn, straight.e, straight.f)
    found, rtn = run(tmp_path, controls_of(), image=path)
    np.testing.assert_array_equal(found, pixels)
    assert rtn.workinggrid.makeGeoTransform() == straight.to_gdal()


@pytest.mark.parametrize("footprint", [INTERSECTION, UNION])
def test_two_crs_of_the_moon(tmp_path: Path, footprint: int) -> None:
    moon = "+proj={} +R=1737400 +no_defs"
    degrees = Grid(10.0, 20.0, 0.05, 100, 120, moon.format("longlat"))
    metres = Grid(300_000.0, 600_000.0, 1500.0, 100, 110, moon.format("eqc"))
    scene = texture(degrees)
    files = {
        "degrees": degrees.raster(tmp_path / "degrees.tif", scene),
        "metres": metres.raster(tmp_path / "metres.tif", texture(metres)),
    }
    controls = controls_of()
    controls.setFootprintType(footprint)
    controls.setReferenceImage("metres")
    found, rtn = run(tmp_path, controls, first_of_two, **files)
    grid = rtn.workinggrid
    rows, cols = grid.getDimensions()
    x = np.degrees((grid.xMin + (np.arange(cols) + 0.5) * grid.xRes) / 1737400)
    y = np.degrees((grid.yMax - (np.arange(rows) + 0.5) * grid.yRes) / 1737400)
    col, row = np.meshgrid((x - degrees.xmin) / 0.05, (degrees.ymax - y) / 0.05)
    sure = (abs(col - np.round(col)) > 0.01) & (abs(row - np.round(row)) > 0.01)
    sure &= (row > 0) & (row < degrees.rows) & (col > 0) & (col < degrees.cols)
    assert sure.mean() > 0.5
    expected = scene[0, row[sure].astype(int), col[sure].astype(int)]
    np.testing.assert_array_equal(found[0][sure], expected)


def first_of_two(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.degrees
