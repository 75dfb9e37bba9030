"""Burning: a window of a grid gets the pixels that the whole grid would."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.transform import Affine, from_origin

from rios_flows.geometry.grid import PixelGrid
from rios_flows.inputs.burning import Shapes, burn, to_pixels

COLS, ROWS = 60, 50
# on halves of pixels ties are everywhere, on thirds nearly everywhere
steps = st.sampled_from([2, 3, 10, 1000])
corners = st.lists(
    st.tuples(st.integers(-20, 90), st.integers(-20, 90)), min_size=3, max_size=7, unique=True
)
grids = st.sampled_from(
    [
        PixelGrid(300000, 6000000, 30, 30, COLS, ROWS),
        PixelGrid(146.1, -33.3, 0.00025, 0.00025, COLS, ROWS),
        PixelGrid(-8789636.7079, 2941413.5661, 200.3210849112434, 199.9392306901611, COLS, ROWS),
    ]
)


# within the grid, however they are moved by a part of a pixel
inner = st.lists(
    st.tuples(st.integers(3, 22), st.integers(3, 22)), min_size=3, max_size=7, unique=True
)


def shapes_of(features: list[tuple[int, list[tuple[int, int]], str]], grid: PixelGrid) -> list[Any]:
    """Polygons, lines and points on parts of pixels."""
    shapes = []
    for step, points, kind in features:
        places = np.array(points) + np.array(points)[:, ::-1] / step
        places = places * [grid.xres, -grid.yres] + [grid.xmin, grid.ymax]
        make = {"p": shapely.Polygon, "l": shapely.LineString, "o": shapely.MultiPoint}[kind]
        shapes.append(make(places))
    return shapes


@given(
    grid=grids,
    features=st.lists(st.tuples(steps, corners, st.sampled_from("plo")), min_size=1, max_size=4),
    window=st.tuples(
        st.integers(0, 40), st.integers(0, 40), st.integers(1, 20), st.integers(1, 10)
    ),
)
def test_a_window_is_a_part_of_the_whole(
    grid: PixelGrid,
    features: list[tuple[int, list[tuple[int, int]], str]],
    window: tuple[int, int, int, int],
) -> None:
    shapes = shapes_of(features, grid)
    values = np.arange(1.0, len(shapes) + 1)
    transform = from_origin(grid.xmin, grid.ymax, grid.xres, grid.yres)
    whole = np.zeros((ROWS, COLS), np.uint8)
    rasterize(zip(shapes, values.astype(int), strict=True), out=whole, transform=transform)
    left, top, cols, rows = window
    out = np.zeros((rows, cols), np.uint8)
    pixels = to_pixels(np.array(shapes, dtype=object), grid)
    placed = Shapes.of(pixels, values)
    burn(placed, out, (left, top), all_touched=False)
    np.testing.assert_array_equal(out, whole[top : top + rows, left : left + cols])
    indexed = np.zeros_like(out)
    burn(placed.indexed(), indexed, (left, top), all_touched=False)
    np.testing.assert_array_equal(indexed, out)


def met_by(pixels: Shapes, larger: float) -> NDArray[np.bool_]:
    """Which pixels of the grid, made a little larger or smaller, some geometry meets."""
    columns, rows = np.meshgrid(2 * np.arange(COLS), -2 * np.arange(ROWS))
    squares = shapely.box(columns - larger, rows - 2 - larger, columns + 2 + larger, rows + larger)
    met = np.zeros((ROWS, COLS), bool)
    for shape in shapely.make_valid(pixels.geometry):
        met |= shapely.intersects(shape, squares)
    return met


@given(grid=grids, feature=st.tuples(steps, inner, st.sampled_from("plo")))
# it touches the corner of a pixel
@example(
    grid=PixelGrid(300000, 6000000, 30, 30, COLS, ROWS),
    feature=(3, [(3, 3), (3, 4), (12, 15)], "p"),
)
def test_all_touched_is_gdals_for_what_stays_within(
    grid: PixelGrid, feature: tuple[int, list[tuple[int, int]], str]
) -> None:
    # one at a time: beside another one it would not be known whose pixels may differ
    shapes = np.array(shapes_of([feature], grid), dtype=object)
    pixels = Shapes.of(to_pixels(shapes, grid), np.ones(1))
    whole, touched = (np.zeros((ROWS, COLS), np.uint8) for _ in range(2))
    rasterize(pixels.geometry, out=whole, transform=Affine(2, 0, 0, 0, -2, 0), all_touched=True)
    burn(pixels, touched, (0, 0), all_touched=True)
    # which pixels a line touches that passes through their corner is a matter of rounding
    differ = touched != whole
    assert not (differ & met_by(pixels, -0.01)).any()
    assert not (differ & ~met_by(pixels, 0.01)).any()


@given(
    grid=grids,
    features=st.lists(st.tuples(steps, corners, st.sampled_from("po")), min_size=1, max_size=4),
    strip=st.integers(1, 50),
)
# a sliver, over which GEOS stumbles when it is cut
@example(
    grid=PixelGrid(-8789636.7079, 2941413.5661, 200.3210849112434, 199.9392306901611, COLS, ROWS),
    features=[(2, [(0, 0), (0, 1), (0, -1)], "p")],
    strip=1,
)
def test_all_touched_holds_every_covered_centre_and_reaches_one_pixel_further(
    grid: PixelGrid, features: list[tuple[int, list[tuple[int, int]], str]], strip: int
) -> None:
    shapes = shapes_of(features, grid)
    pixels = Shapes.of(to_pixels(np.array(shapes, dtype=object), grid), np.ones(len(shapes)))
    touched, centres = (np.zeros((ROWS, COLS), np.uint8) for _ in range(2))
    for top in range(0, ROWS, strip):
        burn(pixels, touched[top : top + strip], (0, top), all_touched=True)
    burn(pixels, centres, (0, 0), all_touched=False)
    assert (touched >= centres).all()
    # nothing is burnt whose pixel, a hair larger, no feature meets
    assert not (touched.astype(bool) & ~met_by(pixels, 0.01)).any()
