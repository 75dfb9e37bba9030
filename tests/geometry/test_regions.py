"""Regions of grids with different CRSs and extents: numbers known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from rasterio.crs import CRS
from rasterio.warp import transform

from rios_flows import rioserrors
from rios_flows.geometry import regions
from rios_flows.geometry.footprints import project_bounds
from rios_flows.geometry.grid import PixelGrid


def wkt(code: int) -> str:
    return str(CRS.from_epsg(code).to_wkt())


def grid(
    xmin: float, ymax: float, res: float, ncols: int, nrows: int, code: int = 32755
) -> PixelGrid:
    return PixelGrid(xmin, ymax, res, res, ncols, nrows, wkt(code) if code else "")


BASE = grid(300000, 6000000, 30, 100, 80)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (grid(300000, 6000000, 30, 100, 80, 32756), ["CRS", "EPSG:32755", "EPSG:32756"]),
        (grid(300000, 6000000, 30, 100, 80, 0), ["CRS", "EPSG:32755", "no CRS"]),
        (grid(300000, 6000000, 25, 100, 80), ["pixel size", "30", "25"]),
        (grid(300010, 6000000, 30, 100, 80), ["alignment", "300000", "300010", "0.3333 pixel"]),
        (grid(300000, 6000015, 30, 100, 80), ["alignment", "6000000", "6000015", "0.5 in y"]),
    ],
)
def test_a_mismatch_is_named_with_both_values(other: PixelGrid, words: list[str]) -> None:
    reason = regions.mismatch(other, BASE)
    assert all(word in reason for word in words), reason


def test_tolerance_is_a_thousandth_of_a_pixel_over_the_longest_side() -> None:
    limit = 0.001 * 30 / 100
    near = grid(300000 + 0.9 * limit, 6000000, 30, 100, 80)
    far = grid(300000 + 1.1 * limit, 6000000, 30, 100, 80)
    assert regions.mismatch(near, BASE) == ""
    assert "alignment" in regions.mismatch(far, BASE)


def test_the_rounding_of_large_coordinates_is_no_mismatch() -> None:
    # a thousandth of 0.15 m over 400 000 pixels is less than the spacing of floats at 2e7
    a = PixelGrid(2e7, 1e7, 0.15, 0.15, 400_000, 400_000, wkt(3857))
    b = PixelGrid(math.nextafter(2e7, math.inf), 1e7, 0.15, 0.15, 400_000, 400_000, wkt(3857))
    assert regions.mismatch(a, b) == ""


def test_an_unaligned_grid_is_snapped_to_the_nearest_lines() -> None:
    # edges at 0.5, 10.4, and down at 0.6, 7.5 pixels of the base; halves go away from zero
    other = PixelGrid(300015, 5999982, 29.7, 20.7, 10, 10, wkt(32755))
    assert regions.box_of(other, BASE) == regions.Box(1, 1, 10, 8)


def test_no_overlap_is_an_error_with_the_extents() -> None:
    other = grid(400000, 6000000, 30, 10, 10)
    with pytest.raises(rioserrors.IntersectionError, match=r"400300.*UNION"):
        regions.intersect([BASE, other], BASE)


def test_grids_that_only_touch_do_not_intersect() -> None:
    other = grid(BASE.xmax, BASE.ymax, 30, 10, 10)
    with pytest.raises(rioserrors.IntersectionError):
        regions.intersect([BASE, other], BASE)
    assert regions.union([BASE, other], BASE).ncols == 110


def test_another_crs_without_one_says_what_to_do() -> None:
    with pytest.raises(rioserrors.GdalWarpError, match=r"no CRS.*gdal_edit"):
        regions.union([grid(0, 10, 1, 10, 10, 0)], BASE)


def test_bounds_in_another_crs_follow_the_curve_of_the_edges() -> None:
    # the northern edge of a geographic rectangle is highest in UTM at its ends, lowest at the
    # central meridian: the corners and the middle give the extremes
    source = grid(144, -30, 0.01, 600, 400, 4326)
    found = project_bounds(source, wkt(32755))

    x, y = transform("EPSG:4326", "EPSG:32755", [144, 150, 147, 144], [-30, -30, -30, -34])
    assert found.xmin == pytest.approx(min(x), abs=1e-3)
    assert found.xmax == pytest.approx(x[1], abs=1e-3)
    # in the south the arc bulges north in the middle
    assert found.ymax == pytest.approx(max(y[:3]), abs=1e-3)
    assert found.ymin == pytest.approx(y[3], abs=1e-3)


def test_across_the_antimeridian_longitudes_go_on_counting() -> None:
    # UTM zone 60 reaches 180 degrees at about x = 833 000 on the equator
    source = grid(700000, 100000, 1000, 300, 100, 32660)
    found = project_bounds(source, wkt(4326))
    assert 178 < found.xmin < 180 < found.xmax < 182
    west = project_bounds(source, wkt(4326), near=-179)
    assert west.xmin == pytest.approx(found.xmin - 360)
    mercator = project_bounds(source, wkt(3857))
    half = math.pi * 6378137
    assert mercator.xmin < half < mercator.xmax
    assert mercator.xmax - mercator.xmin < 400_000


def test_a_grid_round_the_pole_has_all_longitudes() -> None:
    south = grid(-2_000_000, 2_000_000, 10_000, 400, 400, 3031)
    found = project_bounds(south, wkt(4326))
    assert (found.xmin, found.xmax) == (-180, 180)
    assert found.ymin == -90
    # the corners are 2828 km from the pole
    assert -65 < found.ymax < -64


def test_a_grid_beside_the_pole_has_not() -> None:
    beside = grid(500_000, 2_000_000, 10_000, 100, 100, 3031)
    found = project_bounds(beside, wkt(4326))
    assert found.xmax - found.xmin < 90
    assert found.ymin > -90


def test_a_world_with_edges_that_have_no_place_is_taken_from_inside() -> None:
    world = grid(-180, 90, 1, 360, 180, 4326)
    found = project_bounds(world, wkt(3857))
    assert np.isfinite(found).all()
    assert found.xmin < -1.9e7
    assert found.xmax > 1.9e7


def test_a_raster_round_the_world_does_not_take_part_in_an_intersection() -> None:
    world = grid(-180, 90, 1, 360, 180, 4326)
    assert regions.intersect([world, BASE], BASE) == BASE
    assert regions.surrounded([world, BASE, world]) == [1]


def test_of_equal_grids_one_stays() -> None:
    assert len(regions.surrounded([BASE, BASE, BASE])) == 1


def test_surrounding_grids_count_in_one_crs() -> None:
    # within one CRS the intersection is exact, nothing needs leaving out
    wide = grid(299000, 6001000, 30, 1000, 1000)
    assert regions.intersect([BASE, wide], BASE) == regions.snap(BASE, BASE)
