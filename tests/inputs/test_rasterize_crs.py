"""Vector inputs in another coordinate reference system than the working grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from rasterio.crs import CRS

from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.geometry.crs import transform_points
from rios_flows.geometry.grid import PixelGrid
from rios_flows.inputs.rasterize import VectorReader
from rios_flows.inputs.vectorplan import plan_vector
from tests.support.burnt import (
    WAYS,
    Array,
    Reader,
    by_rasterio,
    choose,
    in_windows,
    source_of,
)
from tests.support.vectors import write_vector


def centres_within(shape: Any, crs: str, grid: PixelGrid) -> tuple[Array, Array]:
    """Which pixels have their centre within a shape of another CRS, and which are near its edge."""
    columns, rows = np.meshgrid(np.arange(grid.ncols) + 0.5, np.arange(grid.nrows) + 0.5)
    x, y = grid.xmin + columns * grid.xres, grid.ymax - rows * grid.yres
    x, y = transform_points(grid.crs, CRS.from_user_input(crs).to_wkt(), x.ravel(), y.ravel())
    points = shapely.points(x, y)
    pixel = abs(x[1] - x[0]) + abs(y[1] - y[0])
    inside = shapely.contains_xy(shape, x, y)
    edge = shapely.distance(shape.boundary, points) < 0.15 * pixel
    return inside.reshape(columns.shape), edge.reshape(columns.shape)


@pytest.mark.parametrize("way", WAYS)
def test_another_crs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    # its long straight edges are far from straight on this grid
    shape = shapely.Polygon([(146.2, -36.9), (149.7, -36.7), (149.9, -33.2), (146.4, -33.4)])
    shape = shape.difference(shapely.box(147.5, -35.5, 148.5, -34.5))
    path = write_vector(tmp_path / f"zones.{choose(way, monkeypatch)}", [shape], "EPSG:4326")
    albers = CRS.from_epsg(3577).to_wkt()
    grid = PixelGrid(1_250_000, -3_650_000, 1000, 1000, 420, 460, albers)
    reader = VectorReader(TempfileManager(str(tmp_path)))
    plan = plan_vector(source_of(path), grid, (100, 90), 4)
    found = in_windows(reader, plan, (100, 90), 4)
    inside, near_edge = centres_within(shape, "EPSG:4326", grid)
    assert 0.3 < inside.mean() < 0.9
    assert near_edge.mean() < 0.01
    np.testing.assert_array_equal(found[~near_edge], inside[~near_edge])
    # had only the corners been carried over, many pixels would be wrong
    corners = shapely.transform(
        shape,
        lambda points: np.column_stack(
            transform_points(CRS.from_epsg(4326).to_wkt(), albers, points[:, 0], points[:, 1])
        ),
    )
    straight = by_rasterio([corners], [1], grid=grid)
    assert (straight[~near_edge] != inside[~near_edge]).mean() > 0.001


def test_a_layer_round_the_world_on_a_local_grid(tmp_path: Path, read: Reader) -> None:
    shapes = [shapely.box(-180, -90, 180, 0), shapely.box(-180, 0, 180, 90)]
    path = write_vector(tmp_path / "zones.gpkg", shapes, "EPSG:4326", number=[1, 2])
    assert (read(path, burn_attribute="number") == 1).all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("code", [32660, 4326, 4269])
def test_across_the_antimeridian(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, code: int
) -> None:
    # two boxes that meet at 180 degrees, in longitudes from -180 to 180
    shapes = [shapely.box(179.5, -0.5, 180, 0.5), shapely.box(-180, -0.5, -179.5, 0.5)]
    path = write_vector(tmp_path / f"a.{choose(way, monkeypatch)}", shapes, "EPSG:4326", n=[1, 2])
    wkt = CRS.from_epsg(code).to_wkt()
    longitude: Array
    if code == 32660:
        grid = PixelGrid(750000, 80000, 1000, 1000, 200, 160, wkt)
        x, _ = transform_points(
            wkt,
            CRS.from_epsg(4326).to_wkt(),
            np.arange(750500.0, 950500, 1000),
            np.full(200, 500.0),
        )
        longitude = x % 360
    else:
        grid = PixelGrid(179, 1, 0.01, 0.01, 200, 200, wkt)
        longitude = 179.005 + np.arange(200) * 0.01
    plan = plan_vector(source_of(path, burn_attribute="n"), grid, (64, 64), 0)
    reader = VectorReader(TempfileManager(str(tmp_path)))
    found = in_windows(reader, plan, (64, 64), 0)[grid.nrows // 2 - 1]
    expected = np.select(
        [longitude < 179.5, longitude < 180, longitude < 180.5], [0, 1, 2], default=0
    )
    assert (found != expected).sum() <= 2
    assert set(found) == {0, 1, 2}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("all_touched", [False, True])
def test_metres_under_the_name_of_degrees_have_no_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, all_touched: bool
) -> None:
    grid = PixelGrid(245000, 1001000, 10, 10, 120, 100, CRS.from_epsg(4326).to_wkt())
    box = shapely.box(245210, 1000100, 245520, 1000800)
    path = write_vector(tmp_path / f"a.{choose(way, monkeypatch)}", [box], "EPSG:4326")
    plan = plan_vector(source_of(path, all_touched=all_touched), grid, (64, 64), 0)
    assert len(plan.placing.shifts) == 1
    found = in_windows(VectorReader(TempfileManager(str(tmp_path))), plan, (64, 64), 0)
    assert not found[:, 60:].any()
    if not all_touched:
        assert found.sum() == 31 * 70


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("west", "turns"), [(0, 1), (-180, 0), (-180, 1), (180, 0), (-360, 0)])
def test_longitudes_counted_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, west: float, turns: int
) -> None:
    # one box east of Greenwich and one west of it, which some count beyond 180 degrees
    shapes = [shapely.box(10, 10, 20, 20), shapely.box(360 * turns - 50, -20, 360 * turns - 40, 0)]
    path = write_vector(tmp_path / f"a.{choose(way, monkeypatch)}", shapes, "EPSG:4326", n=[1, 2])
    grid = PixelGrid(west, 90, 1, 1, 360, 180, CRS.from_epsg(4326).to_wkt())
    plan = plan_vector(source_of(path, burn_attribute="n"), grid, (64, 64), 0)
    found = in_windows(VectorReader(TempfileManager(str(tmp_path))), plan, (64, 64), 0)
    longitude = (west + np.arange(360) + 0.5) % 360
    latitude = 89.5 - np.arange(180)[:, None]
    expected = np.where(
        (longitude > 10) & (longitude < 20) & (latitude > 10) & (latitude < 20), 1, 0
    )
    expected[(longitude > 310) & (longitude < 320) & (latitude > -20) & (latitude < 0)] = 2
    assert (found == expected).all()


@pytest.mark.parametrize("way", WAYS)
def test_parts_beyond_the_horizon_are_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    # half of the Earth, seen from above 45 degrees north
    grid = PixelGrid(
        *(-6.5e6, 6.5e6, 325000, 325000, 40, 40),
        CRS.from_string("+proj=ortho +lat_0=45 +lon_0=0").to_wkt(),
    )
    near, beyond = shapely.box(-20, 10, 20, 20), shapely.box(120, -20, 170, 20)
    shapes = [near, shapely.MultiPolygon([shapely.box(-20, 30, 20, 50), beyond])]
    path = write_vector(tmp_path / f"a.{choose(way, monkeypatch)}", shapes, "EPSG:4326", n=[1, 2])
    plan = plan_vector(source_of(path, burn_attribute="n"), grid, (64, 64), 0)
    with caplog.at_level("WARNING"):
        found = in_windows(VectorReader(TempfileManager(str(tmp_path))), plan, (40, 20), 0)
    columns, rows = np.meshgrid(np.arange(40) + 0.5, np.arange(40) + 0.5)
    x, y = grid.xmin + columns * grid.xres, grid.ymax - rows * grid.yres
    seen = np.hypot(x, y) < 6.3e6
    longitude, latitude = transform_points(grid.crs, CRS.from_epsg(4326).to_wkt(), x[seen], y[seen])
    expected, doubtful = np.zeros(len(longitude)), np.zeros(len(longitude), dtype=bool)
    for value, box in ((1, near), (2, shapely.box(-20, 30, 20, 50))):
        expected[shapely.contains_xy(box, longitude, latitude)] = value
        doubtful |= shapely.distance(box.boundary, shapely.points(longitude, latitude)) < 0.3
    assert set(expected) == {0, 1, 2}
    assert (found[seen] == expected)[~doubtful].all()
    assert not found[~seen].any()
    (told,) = [message for message in caplog.messages if path in message]
    assert "1 features" in told
