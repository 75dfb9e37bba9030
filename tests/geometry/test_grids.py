"""Grids: what holds for any of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.warp import transform

from rios_flows import rioserrors
from rios_flows.geometry import regions
from rios_flows.geometry.grid import BlockGrid, PixelGrid

UTM = CRS.from_epsg(32755).to_wkt()
sizes = st.integers(1, 400)
shifts = st.integers(-500, 500)
resolutions = st.sampled_from([0.1, 0.25, 1 / 3, 1.0, 10.0, 30.0, 300.0379266750948])


@st.composite
def references(draw: st.DrawFn) -> PixelGrid:
    return PixelGrid(
        xmin=draw(st.floats(-1e6, 1e6)),
        ymax=draw(st.floats(-1e6, 1e6)),
        xres=draw(resolutions),
        yres=draw(resolutions),
        ncols=draw(sizes),
        nrows=draw(sizes),
        crs=UTM,
    )


@st.composite
def aligned_pairs(draw: st.DrawFn) -> tuple[PixelGrid, PixelGrid]:
    """Two grids a whole number of pixels apart."""
    a = draw(references())
    right, down = draw(shifts), draw(shifts)
    return a, PixelGrid(
        a.xmin + right * a.xres,
        a.ymax - down * a.yres,
        a.xres,
        a.yres,
        draw(sizes),
        draw(sizes),
        a.crs,
    )


def pixels(grid: PixelGrid, reference: PixelGrid) -> set[tuple[int, int]]:
    """Number the columns and rows of a grid by its edges alone, in pixels of another."""
    left = round((grid.xmin - reference.xmin) / reference.xres)
    top = round((reference.ymax - grid.ymax) / reference.yres)
    return {(0, left + col) for col in range(grid.ncols)} | {
        (1, top + row) for row in range(grid.nrows)
    }


@given(aligned_pairs())
def test_grids_whole_pixels_apart_match(pair: tuple[PixelGrid, PixelGrid]) -> None:
    assert regions.mismatch(*pair) == ""
    assert regions.mismatch(*pair[::-1]) == ""


@given(aligned_pairs())
def test_intersection_is_what_both_hold(pair: tuple[PixelGrid, PixelGrid]) -> None:
    a, b = pair
    shared = pixels(a, a) & pixels(b, a)
    if {axis for axis, _ in shared} != {0, 1}:
        with pytest.raises(rioserrors.IntersectionError):
            regions.intersect([a, b], a)
        return
    result = regions.intersect([a, b], a)
    assert pixels(result, a) == shared
    assert regions.mismatch(result, a) == ""


@given(aligned_pairs())
def test_union_holds_both_and_nothing_beyond(pair: tuple[PixelGrid, PixelGrid]) -> None:
    a, b = pair
    result = regions.union([a, b], a)
    both = pixels(a, a) | pixels(b, a)
    held = pixels(result, a)
    assert both <= held
    for axis in (0, 1):
        one = [number for which, number in both if which == axis]
        all_of = [number for which, number in held if which == axis]
        assert (min(all_of), max(all_of)) == (min(one), max(one))


@st.composite
def groups(draw: st.DrawFn) -> tuple[PixelGrid, list[PixelGrid]]:
    """A reference, and grids around it with other pixels, out of step with it."""
    reference = draw(references())
    width, height = reference.ncols * reference.xres, reference.nrows * reference.yres
    grids = []
    for _ in range(draw(st.integers(1, 4))):
        xres, yres = (draw(st.floats(0.3, 4)) * res for res in (reference.xres, reference.yres))
        corner = draw(st.tuples(st.floats(-0.7, 0.7), st.floats(-0.7, 0.7)))
        grids.append(
            PixelGrid(
                reference.xmin + corner[0] * width,
                reference.ymax - corner[1] * height,
                xres,
                yres,
                1 + int(draw(st.floats(0.2, 1.5)) * width / xres),
                1 + int(draw(st.floats(0.2, 1.5)) * height / yres),
                UTM,
            )
        )
    return reference, grids


def edges(grid: PixelGrid, reference: PixelGrid) -> list[float]:
    """Left, top, right and bottom of a grid, in pixels of another."""
    xmin, ymin, xmax, ymax = grid.bounds
    return [
        (xmin - reference.xmin) / reference.xres,
        (reference.ymax - ymax) / reference.yres,
        (xmax - reference.xmin) / reference.xres,
        (reference.ymax - ymin) / reference.yres,
    ]


#: Half a pixel, and what coordinates of a million metres are rounded by.
HALF = 0.5 + 1e-5


@given(groups())
def test_intersection_of_grids_out_of_step_ends_at_the_nearest_lines(
    group: tuple[PixelGrid, list[PixelGrid]],
) -> None:
    reference, grids = group
    sides = list(zip(*(edges(grid, reference) for grid in grids), strict=True))
    shared = [max(sides[0]), max(sides[1]), min(sides[2]), min(sides[3])]
    try:
        result = regions.intersect(grids, reference)
    except rioserrors.IntersectionError:
        assert shared[2] - shared[0] < 1 + 1e-5 or shared[3] - shared[1] < 1 + 1e-5
        return
    assert regions.mismatch(result, reference) == ""
    for found, expected in zip(edges(result, reference), shared, strict=True):
        assert abs(found - expected) <= HALF


@given(groups())
def test_union_of_grids_out_of_step_holds_all_but_half_a_pixel(
    group: tuple[PixelGrid, list[PixelGrid]],
) -> None:
    reference, grids = group
    sides = list(zip(*(edges(grid, reference) for grid in grids), strict=True))
    held = [min(sides[0]), min(sides[1]), max(sides[2]), max(sides[3])]
    try:
        result = regions.union(grids, reference)
    except rioserrors.IntersectionError:
        assert held[2] - held[0] < 1 + 1e-5 or held[3] - held[1] < 1 + 1e-5
        return
    assert regions.mismatch(result, reference) == ""
    for found, expected in zip(edges(result, reference), held, strict=True):
        assert abs(found - expected) <= HALF


ALBERS = CRS.from_epsg(3577).to_wkt()


def carried(grid: PixelGrid, reference: PixelGrid) -> list[float]:
    """The edges of a grid of another CRS, from very many points round it."""
    ratio = np.linspace(0, 1, 400)
    xmin, ymin, xmax, ymax = grid.bounds
    x, y = xmin + ratio * (xmax - xmin), ymin + ratio * (ymax - ymin)
    xs = np.concatenate([x, x, np.full(400, xmin), np.full(400, xmax)])
    ys = np.concatenate([np.full(400, ymin), np.full(400, ymax), y, y])
    places = transform(grid.crs, reference.crs, xs.tolist(), ys.tolist())
    columns = (np.array(places[0]) - reference.xmin) / reference.xres
    rows = (reference.ymax - np.array(places[1])) / reference.yres
    return [float(edge) for edge in (columns.min(), rows.min(), columns.max(), rows.max())]


@given(
    st.tuples(st.floats(-3e5, 3e5), st.floats(-3e5, 3e5)),
    st.tuples(st.floats(20, 5000), st.floats(20, 5000)),
    st.tuples(st.integers(5, 300), st.integers(5, 300)),
    resolutions.filter(lambda res: res >= 10),
)
def test_grids_of_two_crss(
    corner: tuple[float, float], res: tuple[float, float], size: tuple[int, int], own: float
) -> None:
    reference = PixelGrid(5e5, 6.2e6, own, own, 10_000, 10_000, UTM)
    x, y = transform(UTM, ALBERS, [6.5e5], [6.05e6])
    other = PixelGrid(x[0] + corner[0], y[0] + corner[1], *res, *size, ALBERS)
    mine, its = edges(reference, reference), carried(other, reference)
    result = regions.union([reference, other], reference)
    assert regions.mismatch(result, reference) == ""
    # between the 101 points of an edge, a bent one may reach a little further
    for found, a, b, pick in zip(
        edges(result, reference), mine, its, (min, min, max, max), strict=True
    ):
        assert abs(found - pick(a, b)) <= HALF + 0.05 * abs(its[2] - its[0]) / 100
    shared = [pick(a, b) for a, b, pick in zip(mine, its, (max, max, min, min), strict=True)]
    try:
        result = regions.intersect([reference, other], reference)
    except rioserrors.IntersectionError:
        assert shared[2] - shared[0] < 2 or shared[3] - shared[1] < 2
        return
    assert regions.mismatch(result, reference) == ""
    if regions.surrounded([reference, other]) == [0, 1]:
        for found, expected in zip(edges(result, reference), shared, strict=True):
            assert abs(found - expected) <= HALF + 0.05 * abs(its[2] - its[0]) / 100


@given(aligned_pairs())
def test_order_of_grids_does_not_matter(pair: tuple[PixelGrid, PixelGrid]) -> None:
    a, b = pair
    assert regions.union([a, b], a) == regions.union([b, a], a)


@given(references(), references())
def test_snapping_twice_changes_nothing(grid: PixelGrid, reference: PixelGrid) -> None:
    try:
        once = regions.snap(grid, reference)
    except rioserrors.IntersectionError:
        assume(False)
    assert regions.snap(once, reference) == once
    assert regions.mismatch(once, reference) == ""
    for was, now in zip(grid.bounds, once.bounds, strict=True):
        assert abs(was - now) <= 0.5 * max(reference.xres, reference.yres) * (1 + 1e-6)


@given(aligned_pairs())
def test_offset_says_where_the_first_pixel_lies(pair: tuple[PixelGrid, PixelGrid]) -> None:
    a, b = pair
    col, row = regions.offset(b, a)
    assert math.isclose(a.xmin + col * a.xres, b.xmin, rel_tol=0, abs_tol=1e-6)
    assert math.isclose(a.ymax - row * a.yres, b.ymax, rel_tol=0, abs_tol=1e-6)


@given(references(), st.floats(0.01, 0.99))
def test_grids_a_part_of_a_pixel_apart_do_not_match(a: PixelGrid, part: float) -> None:
    b = PixelGrid(a.xmin + part * a.xres, a.ymax, a.xres, a.yres, a.ncols, a.nrows, a.crs)
    assert "alignment" in regions.mismatch(a, b)


@given(sizes, sizes, st.integers(1, 90), st.integers(1, 90))
def test_blocks_tile_the_grid(ncols: int, nrows: int, width: int, height: int) -> None:
    blocks = list(BlockGrid(ncols, nrows, (width, height)))
    columns = {(block.left, block.ncols) for block in blocks}
    rows = {(block.top, block.nrows) for block in blocks}
    assert len(blocks) == len(columns) * len(rows)
    for spans, total in ((columns, ncols), (rows, nrows)):
        covered = [number for start, size in sorted(spans) for number in range(start, start + size)]
        assert covered == list(range(total))


@given(st.floats(-1e9, 1e9))
def test_rounding_goes_to_the_nearest_and_halves_away_from_zero(value: float) -> None:
    whole = regions.round_away(value)
    assert abs(whole - value) <= 0.5
    assert regions.round_away(-value) == -whole
    if abs(value - math.trunc(value)) == 0.5:
        assert abs(whole) > abs(value)
