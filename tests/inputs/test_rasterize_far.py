"""Vertices far away are cut off, and those that are nowhere are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.lib.stride_tricks import sliding_window_view
from rasterio.warp import transform

from rios_flows import rioserrors
from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.geometry.grid import PixelGrid
from rios_flows.inputs import rasterize
from rios_flows.inputs.rasterize import VectorReader
from rios_flows.inputs.vectorplan import plan_vector
from tests.support.burnt import (
    GRID,
    UTM,
    WAYS,
    Reader,
    choose,
    in_windows,
    place,
    polygon,
    source_of,
)
from tests.support.vectors import write_vector

COLUMNS, ROWS = np.meshgrid(np.arange(GRID.ncols), np.arange(GRID.nrows))

EVERYWHERE = np.ones((GRID.nrows, GRID.ncols), dtype=bool)

STRIPE = (COLUMNS >= 50) & (COLUMNS < 70) & (ROWS < 80)

BELOW = (COLUMNS >= 50) & (COLUMNS < 70) & (ROWS >= 80)


def around(far: float) -> shapely.Polygon:
    return shapely.box(-far, -far, far, far)


def wedge(far: float) -> shapely.Polygon:
    """From a line of 20 pixels up and up, almost upright."""
    (left, y), (right, _) = place((50, 80), (70, 80))
    return shapely.Polygon([(left, y), (right, y), (right, far), (left, far)])


def sink(far: float) -> shapely.Polygon:
    """The same below that line."""
    (left, y), (right, _) = place((50, 80), (70, 80))
    return shapely.Polygon([(left, y), (right, y), (right, -far), (left, -far)])


def line(far: float) -> shapely.LineString:
    x, y = GRID.xmin + 15, GRID.ymax - 15
    return shapely.LineString([(x - far, y + far), (x + far, y - far)])


def several(far: float) -> shapely.MultiPolygon:
    """A far one that misses the grid, and a stripe that reaches far away."""
    return shapely.MultiPolygon([shapely.box(-far, -far, -far / 2, -far / 2), wedge(far)])


def mixed(far: float) -> shapely.GeometryCollection:
    return shapely.GeometryCollection([shapely.Point(-far, far), wedge(far)])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("far", [1e9, 1e11, 1e20])
@pytest.mark.parametrize(
    ("make", "expected"),
    [(around, EVERYWHERE), (wedge, STRIPE), (sink, BELOW), (several, STRIPE), (mixed, STRIPE)],
)
def test_far_vertices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, far: float, make: Any, expected: Any
) -> None:
    path = write_vector(tmp_path / f"zones.{choose(way, monkeypatch)}", [make(far)])
    for all_touched in (False, True):
        reader = VectorReader(TempfileManager(str(tmp_path)))
        plan = plan_vector(source_of(path, all_touched=all_touched), GRID, (60, 60), 0)
        found = in_windows(reader, plan, (60, 60), 0) == 1
        if all_touched:
            # what lies along an edge of pixels touches those beyond it
            near = sliding_window_view(np.pad(expected, 1), (3, 3)).any(axis=(2, 3))
            assert found[expected].all()
            assert not found[~expected & ~near].any()
        else:
            assert (found == expected).all()


def one_over_another(far: float) -> list[shapely.Polygon]:
    """Two stripes that reach far away, and lie over each other in the middle."""
    (left, low), (edge, _), (middle, high), (right, _) = place(
        (50, 80), (65, 80), (60, 70), (70, 70)
    )
    return [shapely.box(left, low, edge, far), shapely.box(middle, high, right, far + GRID.yres)]


def nested(parts: list[shapely.Polygon]) -> shapely.GeometryCollection:
    return shapely.GeometryCollection([shapely.MultiPolygon(parts), shapely.Point(0, 0)])


BOTH = ((COLUMNS >= 50) & (COLUMNS < 65) & (ROWS < 80)) | (
    (COLUMNS >= 60) & (COLUMNS < 70) & (ROWS < 70)
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("far", [GRID.ymax + 100, 1e9])
@pytest.mark.parametrize(
    "kind",
    [
        shapely.MultiPolygon,
        shapely.GeometryCollection,
        nested,
    ],
)
def test_parts_that_lie_over_each_other_are_burnt_where_they_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, far: float, kind: Any
) -> None:
    shape = kind(one_over_another(far))
    path = write_vector(tmp_path / f"zones.{choose(way, monkeypatch)}", [shape])
    for all_touched in (False, True):
        reader = VectorReader(TempfileManager(str(tmp_path)))
        plan = plan_vector(source_of(path, all_touched=all_touched), GRID, (60, 60), 0)
        found = in_windows(reader, plan, (60, 60), 0) == 1
        assert found[BOTH].all()
        if not all_touched:
            assert (found == BOTH).all()


def test_parts_that_lie_over_each_other_in_another_crs(tmp_path: Path, read: Reader) -> None:
    parts = [shapely.box(140, -45, 149.5, -20), shapely.box(130, -44, 149.2, -21)]
    path = write_vector(tmp_path / "zones.gpkg", [shapely.MultiPolygon(parts)], "EPSG:4326")
    grid = PixelGrid(600000, 6200000, 3000, 3000, 60, 60, UTM)
    found = read(path, grid)
    x, y = grid.xmin + 3000 * (np.arange(60) + 0.5), grid.ymax - 3000 * (np.arange(60) + 0.5)
    columns, rows = (axis.ravel() for axis in np.meshgrid(x, y))
    longitude = np.array(transform(UTM, "EPSG:4326", columns, rows)[0]).reshape(60, 60)
    assert (found[longitude < 149.45] == 1).all()
    assert (found[longitude > 149.55] == 0).all()


@pytest.mark.parametrize("far", [1e8, 1e10])
def test_far_lines(tmp_path: Path, read: Reader, far: float) -> None:
    shapes = [line(far), shapely.MultiPoint([(-far, far), tuple(place((7.5, 20.5))[0])])]
    path = write_vector(tmp_path / "lines.gpkg", shapes, number=[1, 2])
    found = read(path, burn_attribute="number")
    assert np.argwhere(found == 2).tolist() == [[20, 7]]
    # ends far away leave no more than a pixel in doubt
    assert (np.abs(COLUMNS - ROWS)[found == 1] <= 1).all()
    assert (found == 1).any(axis=0)[:150].all()


def test_a_far_vertex_in_another_crs(tmp_path: Path, read: Reader) -> None:
    path = write_vector(
        tmp_path / "world.gpkg", [shapely.box(-1e10, -1e10, 1e10, 1e10)], "EPSG:3857"
    )
    assert read(path).all()
    assert read(path, all_touched=True).all()


def spike(end: float) -> shapely.Polygon:
    return shapely.Polygon([*place((40, 50), (60, 50)), (GRID.xmin, end)])


with np.errstate(invalid="ignore"):
    NOWHERE = {
        "infinite": spike(-np.inf),
        "no number": spike(np.nan),
        "no numbers in a line": shapely.LineString(
            [*place((40, 50)), (np.nan, np.nan), (3e5, 6e6)]
        ),
        "an infinite point": shapely.Point(GRID.xmin, np.inf),
        "a point of many": shapely.MultiPoint([*place((40, 50)), (np.nan, GRID.ymax)]),
        "in a collection": shapely.GeometryCollection(
            [polygon((0, 0), (9, 0), (9, 9)), shapely.Point(np.nan, 5)]
        ),
        "the largest number": spike(-1.7e308),
    }


@pytest.mark.parametrize("all_touched", [False, True])
@pytest.mark.parametrize("what", NOWHERE)
def test_vertices_that_are_nowhere(
    tmp_path: Path, read: Reader, what: str, all_touched: bool
) -> None:
    shapes = [polygon((0, 0), (10, 0), (10, 10), (0, 10)), NOWHERE[what]]
    path = write_vector(tmp_path / "zones.gpkg", shapes, number=[1, 2])
    with pytest.raises(rioserrors.VectorGeometryTypeError) as caught:
        read(path, all_touched=all_touched)
    for part in ("Feature 2 of layer 'zones'", "zones.gpkg", "no place", "setFilterSQL"):
        assert part in str(caught.value)
    # without it, or where there is nothing to burn, there is nothing to refuse
    assert read(path, where="number = 1").sum() == 100
    path = write_vector(tmp_path / "null.gpkg", shapes, number=[1, np.nan])
    assert read(path, burn_attribute="number").sum() == 100


def test_far_shapes_do_not_decide_how_the_others_are_burnt(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "zones.gpkg", [around(1e9), polygon((0, 0), (9, 0), (9, 9))])
    plan = plan_vector(source_of(path), GRID, (60, 60), 0)
    assert rasterize._to_keep(plan) is not None
