"""Geometries of a layer on the working grid: where they are looked for, moved and cut."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from rasterio.crs import CRS
from rasterio.warp import transform

from rios_flows.geometry.grid import Bounds, PixelGrid
from rios_flows.inputs.carrying import REACH, STRAIGHT, Placing, place, placing_of, window_bounds
from rios_flows.inputs.features import Features

UTM, GEO = (CRS.from_epsg(code).to_wkt() for code in (32755, 4326))
GRID = PixelGrid(300000, 6000000, 30, 30, 200, 100, UTM)
#: Across the antimeridian, from 179 to 181 degrees east.
PACIFIC = PixelGrid(179, -10, 0.01, 0.01, 200, 100, GEO)


def features(*shapes: Any) -> Features:
    geometry = np.array(list(shapes), dtype=object)
    numbers = np.arange(len(shapes))
    return Features(geometry, np.arange(1.0, len(shapes) + 1), numbers, numbers)


def test_a_layer_in_the_crs_of_the_grid_stays_as_it_is() -> None:
    placing = placing_of(UTM, GRID)
    assert placing == Placing("", placing.extent, math.inf, (0.0,))
    reach = 30 * REACH
    assert placing.extent == Bounds(
        300000 - reach, 5997000 - reach, 306000 + reach, 6000000 + reach
    )
    # two pixels around the window
    [(shift, bounds)] = window_bounds(placing, GRID, (10, 20, 5, 4))
    assert shift == 0
    assert bounds == Bounds(300240, 6000000 - 26 * 30, 300510, 6000000 - 18 * 30)


def test_a_layer_in_another_crs_is_looked_for_there() -> None:
    placing = placing_of(GEO, GRID, (140.0, 150.0))
    assert placing.crs == GEO
    [(_, bounds)] = window_bounds(placing, GRID, (10, 20, 5, 4))
    corners = [(300300, 5999400), (300450, 5999400), (300300, 5999280), (300450, 5999280)]
    lon, lat = transform(UTM, GEO, *zip(*corners, strict=True))
    assert bounds.xmin < min(lon) < max(lon) < bounds.xmax
    assert bounds.ymin < min(lat) < max(lat) < bounds.ymax
    # a pixel is less than 0.0004 degrees
    assert bounds.xmax - bounds.xmin < max(lon) - min(lon) + 6 * 0.0004


def test_edges_are_cut_so_that_they_bend() -> None:
    # a parallel of latitude is a curve in UTM
    placing = placing_of(GEO, GRID)
    assert 0 < placing.length < math.inf
    west, lat = 146.0, -36.2
    lons = west + placing.length * np.array([0, 0.5, 1])
    x, y = (np.array(part) for part in transform(GEO, UTM, lons, [lat] * 3))
    apart = math.hypot(x[1] - (x[0] + x[2]) / 2, y[1] - (y[0] + y[2]) / 2) / 30
    assert apart < 2 * STRAIGHT


def test_longitudes_are_moved_by_a_turn() -> None:
    placing = placing_of(GEO, PACIFIC, (-180.0, 180.0))
    assert placing.shifts == (0.0, 360.0)
    near = PixelGrid(10, -10, 0.01, 0.01, 200, 100, GEO)
    assert placing_of(GEO, near, (0.0, 30.0)).shifts == (0.0,)
    # the layer counts from 0 to 360
    assert placing_of(GEO, near, (0.0, 359.0)).shifts == (0.0, -360.0)
    [(first, here), (second, there)] = window_bounds(placing, PACIFIC, (0, 0, 9, 9))
    assert (first, second) == (0.0, 360.0)
    assert (here.xmin - there.xmin, here.ymax - there.ymax) == (360, 0)


def test_features_become_pixels_in_their_order() -> None:
    first, second = shapely.box(300030, 5999910, 300090, 5999970), shapely.Point(300315, 5999985)
    far = shapely.box(0, 0, 1, 1)
    placed = place([(0.0, features(first, far, second))], placing_of(UTM, GRID), GRID)
    assert list(placed.values) == [1.0, 3.0]
    assert [shapely.bounds(each).tolist() for each in placed.geometry] == [
        # columns 1 to 3 and rows 1 to 3, in halves of pixels and upwards
        [2.0, -6.0, 6.0, -2.0],
        [21.0, -1.0, 21.0, -1.0],
    ]
    assert placed.lost == 0


def test_what_lies_beyond_the_antimeridian_is_moved_there() -> None:
    box = shapely.box(-179.9, -10.5, -179.8, -10.4)
    some = features(box)
    placed = place([(0.0, some), (360.0, some)], placing_of(GEO, PACIFIC), PACIFIC)
    [moved] = placed.geometry
    # columns 110 to 120 and rows 40 to 50
    np.testing.assert_allclose(shapely.bounds(moved), [220, -100, 240, -80], atol=1e-6)
