"""Inputs on another grid: the same pixels however they are read, and at the right places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.transform import from_origin

from rios_flows.basics.defaults import RESAMPLE_METHODS
from rios_flows.geometry.grid import PixelGrid
from rios_flows.inputs.warp import MARGIN, plan_warp
from rios_flows.inputs.warpscale import Scale
from rios_flows.inputs.warpvrt import POSITION_ERROR, TILE
from tests.support.warped import (
    SIZE,
    Array,
    in_blocks,
    inner_grid,
    one_call,
    positions,
    source_of,
    texture,
    turned_grid,
    whole,
    write,
)

CUTS = [((256, 256), 0, 1), ((100, 100), 3, 2), ((37, 611), 0, 1), ((600, 600), 40, 3)]


@pytest.mark.parametrize("method", RESAMPLE_METHODS)
def test_every_cut_gives_the_same_pixels(tmp_path: Path, method: str) -> None:
    source = source_of(write(tmp_path / "a.tif", texture()))
    plan = plan_warp(source, inner_grid(source.grid, "EPSG:3577", 1.4), method)
    expected = whole(plan)
    assert len(np.unique(expected)) > 1000
    for cut in CUTS:
        np.testing.assert_array_equal(in_blocks(plan, *cut), expected)


@pytest.mark.parametrize("method", ["bilinear", "cubic", "lanczos", "average"])
@pytest.mark.parametrize("factor", [1.0, 3.3])
def test_every_cut_gives_the_same_pixels_on_a_turned_grid(
    tmp_path: Path, method: str, factor: float
) -> None:
    source = source_of(write(tmp_path / "a.tif", texture()))
    plan = plan_warp(source, turned_grid(source.grid, 25, (factor, factor), 420), method)
    expected = whole(plan)
    assert len(np.unique(expected)) > 1000
    for cut in (((256, 256), 0, 1), ((37, 90), 3, 2)):
        np.testing.assert_array_equal(in_blocks(plan, *cut), expected)


def coordinates(size: int = SIZE) -> Array:
    """Two bands: column and row of the middle of every pixel."""
    rows, columns = np.mgrid[:size, :size] + 0.5
    return np.stack([columns, rows])


@pytest.mark.parametrize(
    ("crs", "transform", "target"),
    [
        ("EPSG:32755", from_origin(300000, 6000000, 30, 30), "EPSG:3577"),
        ("EPSG:32618", from_origin(300000, 2826915, 30, 30), "EPSG:3857"),
        ("EPSG:4326", from_origin(146, -30, 0.0003, 0.0003), "EPSG:32755"),
        ("EPSG:32755", from_origin(300000, 6000000, 500, 500), "EPSG:4326"),
    ],
)
@pytest.mark.parametrize("method", ["bilinear", "cubic"])
def test_positions_are_right_within_a_hundredth_of_a_pixel(
    tmp_path: Path, crs: str, transform: Any, target: str, method: str
) -> None:
    source = source_of(write(tmp_path / "a.tif", coordinates(), crs, transform=transform))
    # enlarged, so that interpolation of a plane is the position itself
    grid = inner_grid(source.grid, target, 0.7, cut=0.35)
    plan = plan_warp(source, grid, method)
    assert plan.definition.scale == Scale(1, 1)
    columns, rows = positions(source.grid, grid)
    np.testing.assert_allclose(whole(plan), [columns, rows], rtol=0, atol=POSITION_ERROR)


#: GDAL's default, which the whole image in one call has (pixels)
GDAL_ERROR = 0.125


@pytest.mark.parametrize("crs", ["EPSG:3577", "EPSG:4326", "EPSG:3857"])
def test_nearest_is_gdals_away_from_ties(tmp_path: Path, crs: str) -> None:
    path = write(tmp_path / "a.tif", texture())
    source = source_of(path)
    grid = inner_grid(source.grid, crs)
    ours, gdals = whole(plan_warp(source, grid, "near"))[0], one_call(path, grid, "near")
    columns, rows = positions(source.grid, grid)
    from_tie = np.minimum(abs(columns - np.round(columns)), abs(rows - np.round(rows)))
    sure = from_tie > GDAL_ERROR + POSITION_ERROR
    assert sure.mean() > 0.4
    np.testing.assert_array_equal(ours[sure], gdals[sure])
    # and against the exact position, within our own error
    exact = texture()[0][rows.astype(int), columns.astype(int)]
    sure = from_tie > POSITION_ERROR
    assert sure.mean() > 0.9
    np.testing.assert_array_equal(ours[sure], exact[sure])


@pytest.mark.parametrize("method", sorted(set(RESAMPLE_METHODS) - {"near", "sum"}))
@pytest.mark.parametrize("factor", [0.9, 1.3, 3.7])
def test_other_methods_are_gdals_within_the_position_error(
    tmp_path: Path, method: str, factor: float
) -> None:
    # on a slope of one to a pixel, values differ by as much as positions do
    path = write(tmp_path / "a.tif", coordinates()[:1])
    source = source_of(path)
    grid = inner_grid(source.grid, "EPSG:3577", factor)
    apart = np.abs(whole(plan_warp(source, grid, method))[0] - one_call(path, grid, method))
    if method in ("mode", "max", "min", "med", "q1", "q3"):
        # these choose a pixel of the source, and near its edge they choose the next
        assert (apart > 0).mean() < 0.25
        assert apart.max() <= 2
    else:
        assert apart.max() <= 2 * (GDAL_ERROR + POSITION_ERROR)


#: How much each of four pixels in a row counts where bilinear makes one of two: a triangle that
#: reaches two pixels from the middle, at half a pixel and at one and a half.
TRIANGLE = np.array([0.25, 0.75, 0.75, 0.25]) / 2


def halved(folder: Path, pixels: Array, method: str) -> Array:
    """Warp onto pixels twice as large, from column 4 and row 8 on; all edges meet."""
    source = source_of(write(folder / "a.tif", pixels))
    grid = PixelGrid(300000 + 120, 6000000 - 240, 60, 60, 200, 200, source.grid.crs)
    found: Array = whole(plan_warp(source, grid, method))[0]
    return found


def cells(pixels: Array, around: int = 0) -> Array:
    """Return the pixels of each of these cells, and so many around it: (200, 200, side, side)."""
    side = 2 + 2 * around
    windows = np.lib.stride_tricks.sliding_window_view(pixels[0], (side, side))
    found: Array = windows[8 - around :: 2, 4 - around :: 2][:200, :200]
    return found


@pytest.mark.parametrize("method", ["near", "bilinear", "average"])
def test_a_whole_factor_in_one_crs_is_plain_arithmetic(tmp_path: Path, method: str) -> None:
    pixels = texture(dtype="float64")
    found = halved(tmp_path, pixels, method)
    if method == "average":
        np.testing.assert_allclose(found, cells(pixels).mean(axis=(2, 3)))
    elif method == "near":
        # the middle is a tie, which GDAL gives to the right and below
        np.testing.assert_array_equal(found, cells(pixels)[:, :, 1, 1])
    else:
        expected = np.einsum("ijkl,k,l", cells(pixels, around=1), TRIANGLE, TRIANGLE)
        np.testing.assert_allclose(found, expected)


def test_the_mode_of_a_whole_factor_is_the_most_frequent_class(tmp_path: Path) -> None:
    pixels = texture(dtype="uint16") % 3 + 1
    found = halved(tmp_path, pixels, "mode")
    counts = np.stack([(cells(pixels) == value).sum(axis=(2, 3)) for value in (1, 2, 3)])
    winners = counts == counts.max(axis=0)
    # of two classes with two pixels each it may be either
    assert winners[found - 1, *np.indices(found.shape)].all()
    assert (winners.sum(axis=0) == 1).mean() > 0.6


def test_the_outer_margin_has_real_pixels(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.tif", texture()))
    large = inner_grid(source.grid, "EPSG:3577", cut=0.12)
    margin = 40
    small = PixelGrid(
        large.xmin + margin * large.xres,
        large.ymax - margin * large.yres,
        large.xres,
        large.yres,
        large.ncols - 2 * margin,
        large.nrows - 2 * margin,
        large.crs,
    )
    found = whole(plan_warp(source, small, "near"), margin)
    assert (found > 0).all()
    columns, rows = positions(source.grid, large)
    exact = texture()[0][rows.astype(int), columns.astype(int)]
    assert (found[0] == exact).mean() > 0.97


@pytest.mark.parametrize("method", ["near", "cubic", "average"])
@pytest.mark.parametrize("overlap", [0, 3, 1500, MARGIN, MARGIN + 1])
def test_every_overlap_gives_the_same_pixels(tmp_path: Path, method: str, overlap: int) -> None:
    # neither the size of its pixels nor its corner is a round number
    pixels, corner = texture(dtype="float64"), from_origin(300000.123, 6000000.7, 30.1, 29.7)
    source = source_of(write(tmp_path / "a.tif", pixels, transform=corner))
    for crs in ("EPSG:3577", "EPSG:32755"):
        grid = inner_grid(source.grid, crs, 1.4)
        plan = plan_warp(source, grid, method, overlap=overlap)
        assert -plan.offset[0] >= overlap
        assert plan.offset[0] % TILE == plan.offset[1] % TILE == 0
        expected = whole(plan_warp(source, grid, method))
        if overlap <= MARGIN:
            np.testing.assert_array_equal(whole(plan), expected)
        else:
            np.testing.assert_allclose(whole(plan), expected, rtol=1e-5)


def test_a_large_margin_has_real_pixels_up_to_its_edge(tmp_path: Path) -> None:
    overlap = 1500
    pixels = texture(size=2 * overlap + 400, dtype="uint8")
    source = source_of(write(tmp_path / "a.tif", pixels))
    # a third of a pixel off, which nearest neighbour does not see
    corner = overlap + 100
    grid = PixelGrid(300010 + corner * 30, 6000010 - corner * 30, 30, 30, 100, 100, source.grid.crs)
    found = whole(plan_warp(source, grid, "near", overlap=overlap), overlap)
    np.testing.assert_array_equal(found, pixels[:, 100:-200, 100:-200])
