"""Vector inputs as pixels: the same for every window, as GDAL burns the whole, in place."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.features import rasterize as burn_by_rasterio

from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.controls.options import Options
from rios_flows.geometry.grid import BlockGrid
from rios_flows.inputs import rasterize, wholeburn
from rios_flows.inputs.inputplan import InputPlan
from rios_flows.inputs.rasterize import VectorReader
from rios_flows.inputs.reading import DatasetPool, read_input
from rios_flows.inputs.vectorplan import plan_vector
from rios_flows.inputs.vectors import VectorSource
from rios_flows.jobs.plan import Plan
from rios_flows.structures import FilenameAssociations
from tests.support.burnt import (
    GRID,
    WAYS,
    Reader,
    by_rasterio,
    choose,
    in_windows,
    polygon,
    random_polygons,
    source_of,
)
from tests.support.vectors import write_vector


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["polygons", "lines", "points", "mixed"])
def test_windows_of_any_size_are_parts_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, kind: str
) -> None:
    shapes: list[Any] = random_polygons(60)
    if kind == "lines":
        shapes = [shape.boundary for shape in shapes]
    elif kind == "points":
        shapes = [shapely.MultiPoint(shape.exterior.coords) for shape in shapes]
    elif kind == "mixed":
        shapes = [
            shape if number % 3 == 0 else shape.boundary if number % 3 == 1 else shape.centroid
            for number, shape in enumerate(shapes)
        ]
    ending = choose(way, monkeypatch)
    path = write_vector(tmp_path / f"zones.{ending}", shapes, number=np.arange(1, 61))
    expected = by_rasterio(shapes, range(1, 61))
    assert len(np.unique(expected)) > 30
    source = source_of(path, burn_attribute="number")
    reader = VectorReader(TempfileManager(str(tmp_path)))
    for size, overlap in [((200, 150), 0), ((64, 64), 0), ((33, 50), 7), ((100, 11), 90)]:
        plan = plan_vector(source, GRID, size, overlap)
        np.testing.assert_array_equal(in_windows(reader, plan, size, overlap), expected)


def test_the_ways_are_the_ways_that_are_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    burnt: list[str] = []
    real = wholeburn.burn_whole

    def noted(source: VectorSource, *rest: Any) -> str:
        burnt.append(source.path)
        return real(source, *rest)

    monkeypatch.setattr(wholeburn, "burn_whole", noted)
    for way in WAYS:
        with monkeypatch.context() as patch:
            ending = choose(way, patch)
            path = write_vector(tmp_path / f"{way[:2]}.{ending}", random_polygons(5))
            plan = plan_vector(source_of(path), GRID, (64, 64), 0)
            VectorReader(TempfileManager(str(tmp_path))).read(plan, 0, 0, 64, 64)
    assert [Path(path).name for path in burnt] == ["wh.geojson"]


def test_what_is_later_in_the_file_is_on_top_whatever_the_index_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rasterize, "KEPT_FEATURES", 0)
    rng = np.random.default_rng(5)
    corners = rng.uniform([0, 0], [190, 140], (3000, 2))
    shapes = [
        polygon((col, row), (col + 9, row), (col + 9, row + 9), (col, row + 9))
        for col, row in corners
    ]
    path = write_vector(tmp_path / "zones.gpkg", shapes, number=np.arange(1, 3001))
    plan = plan_vector(source_of(path, burn_attribute="number", dtype="int16"), GRID, (64, 64), 0)
    reader = VectorReader(TempfileManager(str(tmp_path)))
    expected = by_rasterio(shapes, range(1, 3001), "int16")
    np.testing.assert_array_equal(in_windows(reader, plan, (64, 64), 0), expected)


def test_a_window_looks_only_at_what_is_near(tmp_path: Path) -> None:
    columns, rows = np.random.default_rng(5).uniform([[0], [0]], [[200], [150]], (2, 20_000))
    points = GRID.xmin + columns * GRID.xres, GRID.ymax - rows * GRID.yres
    path = write_vector(tmp_path / "zones.gpkg", list(shapely.points(*points)))
    plan = plan_vector(source_of(path), GRID, (10, 10), 0)
    reader = VectorReader(TempfileManager(str(tmp_path)))
    reader.read(plan, 0, 0, 10, 10)
    tracemalloc.start()
    try:
        reader.read(plan, 50, 50, 2, 2)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # a byte for every feature would be more
    assert most < 20_000


def test_polygons_along_pixel_edges_and_centres(tmp_path: Path, read: Reader) -> None:
    shapes = [
        polygon((10, 10), (20, 10), (20, 30), (10, 30)),
        polygon((40.5, 40.5), (60.5, 40.5), (60.5, 70.5), (40.5, 70.5)),
        polygon((100, 20), (140, 60), (100, 100), (60, 60)),
    ]
    path = write_vector(tmp_path / "zones.gpkg", shapes, number=[1, 2, 3])
    found = read(path, burn_attribute="number")
    assert (found[10:30, 10:20] == 1).all()
    assert (found == 1).sum() == 200
    np.testing.assert_array_equal(found, by_rasterio(shapes, [1, 2, 3]))


def test_all_touched(tmp_path: Path, read: Reader) -> None:
    shapes = [polygon((10.7, 10.7), (20.2, 10.7), (20.2, 30.3), (10.7, 30.3))]
    path = write_vector(tmp_path / "zones.gpkg", shapes)
    found = read(path, all_touched=True)
    assert (found[10:31, 10:21] == 1).all()
    assert found.sum() == 21 * 11
    assert read(path).sum() == 19 * 9


def test_all_touched_windows_are_parts_of_the_whole(tmp_path: Path) -> None:
    shapes = random_polygons(40, seed=2)
    path = write_vector(tmp_path / "zones.gpkg", shapes, number=np.arange(1, 41))
    inside = shapely.box(GRID.xmin, GRID.ymin, GRID.xmax, GRID.ymax)
    source = source_of(path, burn_attribute="number", all_touched=True)
    reader = VectorReader(TempfileManager(str(tmp_path)))
    plans = [plan_vector(source, GRID, size, 5) for size in [(200, 150), (31, 64)]]
    found = [in_windows(reader, plan, plan.window, 5) for plan in plans]
    np.testing.assert_array_equal(found[0], found[1])
    # compared with GDAL where no line leaves the array: there it may write outside its memory
    within = [number for number, shape in enumerate(shapes) if inside.contains(shape)]
    assert len(within) > 10
    path = write_vector(
        tmp_path / "within.gpkg", [shapes[number] for number in within], number=within
    )
    source = source_of(path, burn_attribute="number", all_touched=True, null=99)
    found = [in_windows(reader, plan_vector(source, GRID, (64, 64), 0), (64, 64), 0)]
    out = np.full((150, 200), 99, np.uint8)
    burn_by_rasterio(
        ((shapes[number], number) for number in within),
        out=out,
        transform=GRID.transform,
        all_touched=True,
    )
    np.testing.assert_array_equal(found[0], out)


def test_lines_that_leave_the_window_just_so_do_no_harm(tmp_path: Path) -> None:
    # on half and whole pixels, where GDAL's own clipping goes wrong now and then
    rng = np.random.default_rng(0)
    reader = VectorReader(TempfileManager(str(tmp_path)))
    for number in range(20):
        shapes = [polygon(*map(tuple, rng.integers(-40, 440, (5, 2)) / 2)) for _ in range(4)]
        path = write_vector(tmp_path / f"{number}.gpkg", shapes)
        plan = plan_vector(source_of(path, all_touched=True), GRID, (64, 64), 0)
        touched = in_windows(reader, plan, (64, 64), 0)
        plan = plan_vector(source_of(path), GRID, (64, 64), 0)
        centres = in_windows(reader, plan, (64, 64), 0)
        assert (touched >= centres).all()


def test_windows_beyond_the_grid_have_real_pixels(tmp_path: Path) -> None:
    shapes = [polygon((-40, -40), (240, -40), (240, 190), (-40, 190))]
    path = write_vector(tmp_path / "zones.gpkg", shapes)
    reader = VectorReader(TempfileManager(str(tmp_path)))
    for all_touched in (False, True):
        plan = plan_vector(source_of(path, all_touched=all_touched), GRID, (200, 150), 30)
        found = reader.read(plan, -30, -30, 260, 210)
        assert found.shape == (1, 210, 260)
        assert (found == 1).all()


def test_features_with_many_vertices_are_burnt_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    angles = np.linspace(0, 2 * np.pi, 200_000)
    radius = 60 + 10 * np.sin(40 * angles)
    star = polygon(*zip(100 + radius * np.cos(angles), 75 + radius * np.sin(angles), strict=True))
    path = write_vector(tmp_path / "zones.gpkg", [star])
    calls = []
    real = wholeburn.burn_whole

    def noted(*given: Any) -> str:
        calls.append(1)
        return real(*given)

    monkeypatch.setattr(wholeburn, "burn_whole", noted)
    reader = VectorReader(TempfileManager(str(tmp_path)))
    plan = plan_vector(source_of(path), GRID, (10, 10), 0)
    found = in_windows(reader, plan, (10, 10), 0)
    np.testing.assert_array_equal(found, by_rasterio([star], [1]))
    assert calls == [1]


def test_features_of_which_nothing_is_left_do_not_decide_how_the_others_are_burnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    angles = np.linspace(0, 2 * np.pi, 200_000)
    radius = 0.02 + 0.002 * np.sin(40 * angles)
    middle = 144.8, -36.15
    ring = np.column_stack([radius * np.cos(angles), radius * np.sin(angles)]) + middle
    # the box meets the surroundings of the grid by its bounds only
    corner = shapely.Polygon([(144.0, -36.9), (145.2, -36.9), (145.2, -36.89), (144.0, -36.895)])
    hole = shapely.box(144.7, -36.2, 144.9, -36.1).boundary
    far = shapely.Polygon([(140, -40), (150, -40), (150, -39.9), (140, -30), (140, -40)])
    shapes = [shapely.Polygon(ring), corner, hole, far.difference(shapely.box(143, -38, 147, -34))]
    path = write_vector(tmp_path / "zones.gpkg", shapes, "EPSG:4326")
    plan = plan_vector(source_of(path), GRID, (10, 10), 0)
    kept = rasterize._load(plan)
    assert 0 < len(kept.values) < len(shapes)
    assert rasterize._to_keep(plan) is None


def test_a_raster_of_a_layer_is_opened_once_for_all_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_vector(tmp_path / "zones.gpkg", random_polygons(20))
    source = source_of(path, all_touched=True)
    blocks = BlockGrid(GRID.ncols, GRID.nrows, (32, 32), 3)
    item = InputPlan(
        source, (0, 0), (200, 150), (1,), vector=plan_vector(source, GRID, (32, 32), 3)
    )
    nothing = FilenameAssociations()
    plan = Plan(GRID, blocks, (item,), (), nothing, nothing, Options())
    opened: list[str] = []
    real = rasterio.open

    def noted(path: str, *rest: Any, **more: Any) -> Any:
        opened.append(str(path))
        return real(path, *rest, **more)

    reader = VectorReader(TempfileManager(str(tmp_path)))
    expected = reader.read(item.vector, 0, 0, 200, 150) if item.vector else None
    monkeypatch.setattr(rasterio, "open", noted)
    out = np.zeros((1, 150, 200), np.uint8)
    with DatasetPool(4, reader) as pool:
        for block in blocks:
            top, left, rows, cols = block
            pixels = read_input(pool, plan.blocks, item, block)[:, 3:-3, 3:-3]
            out[:, top : top + rows, left : left + cols] = pixels
    np.testing.assert_array_equal(out, expected)
    assert len(opened) == 1
