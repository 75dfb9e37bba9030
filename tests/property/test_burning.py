"""Burning: a window of a grid gets the pixels that the whole grid would."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.features import rasterize
from rasterio.transform import from_origin

from rios_flows.grid import PixelGrid
from rios_flows.inputs.burning import Shapes, burn, to_pixels

COLS, ROWS = 60, 50
# on halves of pixels ties are everywhere, on thirds nearly everywhere
steps = st.sampled_from([2, 3, 10, 1000])
corners = st.lists(st.tuples(st.integers(-20, 90), st.integers(-20, 90)), min_size=3, max_size=7)
grids = st.sampled_from(
    [
        PixelGrid(300000, 6000000, 30, 30, COLS, ROWS),
        PixelGrid(146.1, -33.3, 0.00025, 0.00025, COLS, ROWS),
        PixelGrid(-8789636.7079, 2941413.5661, 200.3210849112434, 199.9392306901611, COLS, ROWS),
    ]
)


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
    shapes = []
    for step, points, kind in features:
        places = np.array(points) + np.array(points)[:, ::-1] / step
        places = places * [grid.xres, -grid.yres] + [grid.xmin, grid.ymax]
        make = {"p": shapely.Polygon, "l": shapely.LineString, "o": shapely.MultiPoint}[kind]
        shapes.append(make(places))
    values = np.arange(1.0, len(shapes) + 1)
    transform = from_origin(grid.xmin, grid.ymax, grid.xres, grid.yres)
    whole = np.zeros((ROWS, COLS), np.uint8)
    rasterize(zip(shapes, values.astype(int), strict=True), out=whole, transform=transform)
    left, top, cols, rows = window
    out = np.zeros((rows, cols), np.uint8)
    pixels = to_pixels(np.array(shapes, dtype=object), grid)
    burn(Shapes.of(pixels, values), out, (left, top), all_touched=False)
    np.testing.assert_array_equal(out, whole[top : top + rows, left : left + cols])
