"""Vector inputs as pixels: the same for every window, as GDAL burns the whole, in place."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.features import rasterize as burn_by_rasterio

from rios_flows import rioserrors
from rios_flows.geometry.crs import transform_points
from rios_flows.grid import BlockGrid, PixelGrid
from rios_flows.inputs import rasterize, wholeburn
from rios_flows.inputs.rasterize import RasterizationMgr, VectorPlan, VectorReader, plan_vector
from rios_flows.inputs.vectors import DTYPES, VectorSource, open_vector
from rios_flows.options import Options, VectorOptions
from rios_flows.plan import InputPlan, Plan
from rios_flows.read import DatasetPool, read_input
from rios_flows.structures import FilenameAssociations
from rios_flows.tempfiles import TempfileManager
from tests.vectors import write_vector

Array = NDArray[Any]
Reader = Callable[..., Array]

UTM = CRS.from_epsg(32755).to_wkt()
GRID = PixelGrid(300000, 6000000, 30, 30, 200, 150, UTM)
KEY = ("zones", None)


def place(*points: tuple[float, float]) -> Array:
    """Points of GRID, given as column and row."""
    columns, rows = np.array(points, dtype=float).T
    corner = np.array([GRID.xmin, GRID.ymax])
    found: Array = corner + np.column_stack([columns * GRID.xres, -rows * GRID.yres])
    return found


def polygon(*points: tuple[float, float]) -> shapely.Polygon:
    return shapely.Polygon(place(*points))


def random_polygons(number: int, seed: int = 1, largest: float = 60) -> list[shapely.Polygon]:
    """Convex polygons all over GRID and beyond, many over one another."""
    rng = np.random.default_rng(seed)
    shapes = []
    for _ in range(number):
        middle = rng.uniform([-20, -20], [220, 170])
        points = middle + rng.uniform(-1, 1, (8, 2)) * rng.uniform(1, largest)
        shapes.append(shapely.convex_hull(shapely.MultiPoint(place(*map(tuple, points)))))
    return shapes


def by_rasterio(
    shapes: list[Any], values: Any, dtype: str = "uint8", null: float = 0, grid: PixelGrid = GRID
) -> Array:
    """What GDAL burns in one go."""
    out = np.full((grid.nrows, grid.ncols), null, dtype)
    burn_by_rasterio(zip(shapes, values, strict=True), out=out, transform=grid.transform)
    return out


@pytest.fixture(name="read")
def reading(tmp_path: Path) -> Reader:
    reader = VectorReader(TempfileManager(str(tmp_path)))

    def read(path: str, grid: PixelGrid = GRID, **options: Any) -> Array:
        plan = plan_vector(open_vector(KEY, path, VectorOptions(**options)), grid, (256, 256), 0)
        (band,) = reader.read(plan, 0, 0, grid.ncols, grid.nrows)
        return np.asarray(band)

    return read


def in_windows(
    reader: VectorReader, plan: VectorPlan, size: tuple[int, int], overlap: int
) -> Array:
    """Put the grid together from windows with margins, read by three threads."""
    out = np.zeros((plan.grid.nrows, plan.grid.ncols), plan.source.options.dtype)

    def one(corner: tuple[int, int]) -> None:
        left, top = corner
        cols, rows = min(size[0], plan.grid.ncols - left), min(size[1], plan.grid.nrows - top)
        window = reader.read(
            plan, left - overlap, top - overlap, cols + 2 * overlap, rows + 2 * overlap
        )[0]
        inner = window[overlap : overlap + rows, overlap : overlap + cols]
        out[top : top + rows, left : left + cols] = inner

    corners = [
        (left, top)
        for top in range(0, plan.grid.nrows, size[1])
        for left in range(0, plan.grid.ncols, size[0])
    ]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(one, corners))
    return out


def source_of(path: str, **options: Any) -> VectorSource:
    return open_vector(KEY, path, VectorOptions(**options))


WAYS = ["kept", "by window", "whole"]


def choose(way: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a reader go one way; return the ending of a file with which it does."""
    if way != "kept":
        monkeypatch.setattr(rasterize, "KEPT_FEATURES", 0)
    return {"kept": "gpkg", "by window": "gpkg", "whole": "geojson"}[way]


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


def test_burn_value_null_and_type(tmp_path: Path, read: Reader) -> None:
    path = write_vector(tmp_path / "zones.gpkg", [polygon((0, 0), (50, 0), (50, 50), (0, 50))])
    found = read(path, burn_value=-3.5, null=-9999, dtype="float32")
    assert found.dtype == np.float32
    assert (found[:50, :50] == -3.5).all()
    assert (found[50:] == -9999).all()
    assert np.isnan(read(path, null=float("nan"), dtype="float64")[60, 60])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("all_touched", [False, True])
def test_every_type(tmp_path: Path, read: Reader, dtype: str, all_touched: bool) -> None:
    path = write_vector(tmp_path / "zones.gpkg", [polygon((0, 0), (50, 0), (50, 50), (0, 50))])
    found = read(path, burn_value=100, null=7, dtype=dtype, all_touched=all_touched)
    assert found.dtype == dtype
    assert set(np.unique(found)) == {7, 100}


def test_a_filter_filters(tmp_path: Path, read: Reader) -> None:
    shapes = [
        polygon((0, 0), (50, 0), (50, 50), (0, 50)),
        polygon((100, 0), (150, 0), (150, 50), (100, 50)),
    ]
    columns: dict[str, Any] = {"kind": ["wood", "water"], "area": [2.5, 7.5]}
    for name in ("zones.gpkg", "zones.geojson", "zones.shp"):
        path = write_vector(tmp_path / name, shapes, **columns)
        for where in ("kind = 'water'", "area > 5"):
            found = read(path, where=where)
            assert found[:50, :50].sum() == 0
            assert (found[:50, 100:150] == 1).all()
        assert read(path, where="kind = 'fire'").sum() == 0


def test_layers_by_number_and_name(tmp_path: Path, read: Reader) -> None:
    left, right = (polygon((col, 0), (col + 50, 0), (col + 50, 50), (col, 50)) for col in (0, 100))
    path = tmp_path / "zones.gpkg"
    write_vector(path, [left], layer="left")
    write_vector(path, [right], layer="right", append=True)
    for layer, col in [(0, 0), ("left", 0), (1, 100), ("right", 100)]:
        found = read(str(path), layer=layer)
        assert (found[:50, col : col + 50] == 1).all()
        assert found.sum() == 2500


def test_one_layer_with_two_settings_gives_two_rasters(tmp_path: Path, read: Reader) -> None:
    path = write_vector(tmp_path / "zones.gpkg", random_polygons(3), number=[4, 5, 6])
    assert set(np.unique(read(path, burn_value=9, all_touched=True))) == {0, 9}
    assert set(np.unique(read(path, burn_value=8, all_touched=True))) == {0, 8}
    assert set(np.unique(read(path, burn_attribute="number", all_touched=True))) == {0, 4, 5, 6}


def test_features_without_geometry_or_value_are_left_out(tmp_path: Path, read: Reader) -> None:
    shapes = [
        polygon((0, 0), (50, 0), (50, 50), (0, 50)),
        None,
        shapely.Polygon(),
        polygon((100, 0), (150, 0), (150, 50), (100, 50)),
    ]
    path = write_vector(tmp_path / "zones.gpkg", shapes, number=[1.0, 2.0, 3.0, np.nan])
    found = read(path, burn_attribute="number")
    assert set(np.unique(found)) == {0, 1}
    assert found.sum() == 2500


def test_an_empty_layer_is_null_everywhere(tmp_path: Path, read: Reader) -> None:
    path = write_vector(tmp_path / "zones.gpkg", [], number=np.array([], dtype=np.int64))
    assert (read(path, null=5, burn_attribute="number") == 5).all()
    assert (read(path, null=5, all_touched=True) == 5).all()


def test_a_layer_elsewhere_is_null_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Reader
) -> None:
    path = write_vector(
        tmp_path / "far.gpkg", [polygon((5000, 0), (5050, 0), (5050, 50))], "EPSG:32755"
    )
    other = write_vector(tmp_path / "other.gpkg", [shapely.box(-75, 40, -74, 41)], "EPSG:4326")
    for all_touched in (False, True):
        assert (read(path, null=5, all_touched=all_touched) == 5).all()
        assert (read(other, null=5, all_touched=all_touched) == 5).all()
    monkeypatch.setattr(rasterize, "KEPT_FEATURES", 0)
    assert (read(other, null=5) == 5).all()


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
    assert np.isnan(kept.shapes.bounds).any()
    assert kept.whole


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
            pixels = read_input(pool, plan, item, block)[:, 3:-3, 3:-3]
            out[:, top : top + rows, left : left + cols] = pixels
    np.testing.assert_array_equal(out, expected)
    assert len(opened) == 1


@pytest.mark.parametrize("way", ["kept", "by window"])
def test_windows_that_have_no_place_in_the_crs_of_the_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    # a map of the world whose corners are beyond it
    world = CRS.from_string("+proj=moll +datum=WGS84").to_wkt()
    grid = PixelGrid(-18_100_000, 9_100_000, 100_000, 100_000, 362, 182, world)
    shapes = [shapely.box(-180, -90, 180, 0), shapely.box(-180, 0, 180, 90)]
    ending = choose(way, monkeypatch)
    path = write_vector(tmp_path / f"zones.{ending}", shapes, "EPSG:4326", number=[1, 2])
    plan = plan_vector(source_of(path, burn_attribute="number"), grid, (20, 20), 0)
    reader = VectorReader(TempfileManager(str(tmp_path)))
    found = in_windows(reader, plan, (20, 20), 0)
    columns, rows = np.meshgrid(np.arange(362) + 0.5, np.arange(182) + 0.5)
    x, y = grid.xmin + columns * grid.xres, grid.ymax - rows * grid.yres
    radius = 2**0.5 * 6378137
    away = (x / (2 * radius)) ** 2 + (y / radius) ** 2
    assert (found[away > 1.02] == 0).all()
    inside = away < 0.98
    assert (found[inside & (y > 100_000)] == 2).all()
    assert (found[inside & (y < -100_000)] == 1).all()


def test_a_point_without_a_place_is_not_burnt_at_zero(tmp_path: Path, read: Reader) -> None:
    path = tmp_path / "points.csv"
    path.write_text('id,WKT\n1,POINT EMPTY\n2,"POINT (3.5 2.5)"\n3,POINT Z EMPTY\n')
    grid = PixelGrid(-10, 10, 1, 1, 20, 20)
    found = read(str(path), grid)
    assert np.argwhere(found).tolist() == [[7, 13]]
    # but one that lies there is
    path = tmp_path / "others.csv"
    path.write_text('id,WKT\n1,POINT EMPTY\n2,"POINT (0 0)"\n')
    assert read(str(path), grid).sum() == 1


def test_a_point_without_a_place_in_a_geopackage(tmp_path: Path, read: Reader) -> None:
    shapes = [polygon((0, 0), (50, 0), (50, 50), (0, 50)), shapely.Point(), None]
    path = write_vector(tmp_path / "some.gpkg", shapes)
    assert read(path).sum() == 50 * 50


@pytest.mark.parametrize("all_touched", [False, True])
def test_empty_parts_are_left_out_and_the_others_burnt(
    tmp_path: Path, read: Reader, all_touched: bool
) -> None:
    (x, y), (end, _) = place((20.5, 10.5), (29.5, 10.5))
    line, point = f"({x} {y},{end} {y})", f"({x} {y})"
    texts = {
        f"MULTIPOINT (EMPTY,{point})": 1,
        f"MULTILINESTRING (EMPTY,{line})": 10,
        f"GEOMETRYCOLLECTION (POLYGON EMPTY,LINESTRING {line})": 10,
        f"GEOMETRYCOLLECTION (GEOMETRYCOLLECTION (POINT EMPTY,POINT {point}),POINT EMPTY)": 1,
        "GEOMETRYCOLLECTION (MULTIPOINT (EMPTY),POINT EMPTY)": 0,
    }
    for number, (text, pixels) in enumerate(texts.items()):
        path = write_vector(tmp_path / f"parts{number}.gpkg", [shapely.from_wkt(text)])
        assert read(path, all_touched=all_touched).sum() == pixels


@pytest.mark.parametrize("all_touched", [False, True])
def test_curves_solids_and_collections(tmp_path: Path, read: Reader, all_touched: bool) -> None:
    grid = PixelGrid(0, 10, 0.1, 0.1, 100, 100)
    inside = {
        "CURVEPOLYGON (CIRCULARSTRING (1 5,5 9,9 5,5 1,1 5))": np.pi * 16,
        "MULTISURFACE (((1 1,9 1,9 9,1 9,1 1)))": 64,
        "POLYGON Z ((1 1 5,9 1 5,9 9 5,1 9 5,1 1 5))": 64,
        "GEOMETRYCOLLECTION (POLYGON ((1 1,9 1,9 9,1 9,1 1)),POINT EMPTY)": 64,
    }
    for number, (text, area) in enumerate(inside.items()):
        path = tmp_path / f"shapes{number}.csv"
        path.write_text(f'id,WKT\n1,"{text}"\n')
        found = read(str(path), grid, all_touched=all_touched).sum() * 0.01
        # all touched, half a pixel more on every side
        assert found == pytest.approx(area + (0.05 * 33 if all_touched else 0), rel=0.03)
    path = tmp_path / "solid.csv"
    path.write_text('id,WKT\n1,"TIN Z (((1 1 0,9 1 0,9 9 0,1 1 0)))"\n')
    with pytest.raises(rioserrors.VectorGeometryTypeError, match=r"solid\.csv.*cannot be burnt"):
        read(str(path), grid, all_touched=all_touched)


def test_names_that_are_not_ascii(tmp_path: Path, read: Reader) -> None:
    shapes = [polygon((0, 0), (50, 0), (50, 50), (0, 50))]
    for name in ("Wälder 森.gpkg", "Wälder.shp"):
        path = write_vector(tmp_path / name, shapes, höhe=[5], art=["Föhre"])
        found = read(path, burn_attribute="höhe", where="art = 'Föhre'", layer=Path(path).stem)
        assert (found[:50, :50] == 5).all()


def test_whole_numbers_that_cannot_be_burnt_exactly(tmp_path: Path, read: Reader) -> None:
    shapes = [polygon((0, 0), (50, 0), (50, 50), (0, 50))]
    path = write_vector(tmp_path / "zones.gpkg", shapes, large=[2**53 + 1], good=[2**52 - 1])
    found = read(path, burn_attribute="good", dtype="int64", null=-(2**63))
    assert set(np.unique(found)) == {2**52 - 1, -(2**63)}
    with pytest.raises(rioserrors.VectorAttributeError, match=r"'large'.*too large.*2\*\*52"):
        read(path, burn_attribute="large", dtype="int64")
    with pytest.raises(rioserrors.ParameterError, match=r"setBurnValue: 9007199254740993 .*large"):
        read(path, burn_value=2**53 + 1, dtype="int64")


def test_a_number_that_float32_cannot_hold(tmp_path: Path, read: Reader) -> None:
    shapes = [polygon((0, 0), (50, 0), (50, 50), (0, 50))]
    path = write_vector(tmp_path / "zones.gpkg", shapes, large=[1e300])
    with pytest.raises(rioserrors.VectorAttributeError, match=r"'large'.*1e\+300.*no float32"):
        read(path, burn_attribute="large", dtype="float32")
    assert read(path, burn_attribute="large", dtype="float64").max() == 1e300


@pytest.mark.parametrize("way", WAYS)
def test_the_working_directory_may_change_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    name = Path(write_vector(tmp_path / f"a.{choose(way, monkeypatch)}", random_polygons(9))).name
    plan = plan_vector(source_of(name), GRID, (64, 64), 0)
    assert plan.source.path == name
    monkeypatch.chdir(tmp_path / "elsewhere")
    reader = VectorReader(TempfileManager(str(tmp_path)))
    assert in_windows(reader, plan, (64, 64), 0).any()


@pytest.mark.parametrize("all_touched", [False, True])
def test_a_large_raster_is_put_together_in_strips_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_touched: bool
) -> None:
    monkeypatch.setattr(rasterize, "KEPT_FEATURES", 0)
    shapes = random_polygons(40, seed=4)
    path = write_vector(tmp_path / "zones.geojson", shapes, number=np.arange(1, 41))
    options: dict[str, Any] = {
        "burn_attribute": "number",
        "null": 77,
        "all_touched": all_touched,
        "dtype": "int32",
    }
    expected, found = (VectorReader(TempfileManager(str(tmp_path))) for _ in range(2))
    plan = plan_vector(source_of(path, **options), GRID, (64, 64), 0)
    whole = expected.read(plan, 0, 0, 200, 150)
    monkeypatch.setattr(wholeburn, "STRIP_BYTES", 20_000)
    monkeypatch.setattr(wholeburn, "MEMORY_BYTES", 1000)
    monkeypatch.setattr("rios_flows.inputs.vectors.BATCH", 7)
    np.testing.assert_array_equal(found.read(plan, 0, 0, 200, 150), whole)
    assert list(tmp_path.rglob("*.raw")) == []


def test_the_manager_burns_once_for_all_who_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_vector(tmp_path / "zones.gpkg", random_polygons(20))
    started, release, calls = threading.Event(), threading.Event(), []
    real = wholeburn.burn_whole

    def slow(*given: Any) -> str:
        calls.append(given)
        started.set()
        assert release.wait(30)
        return real(*given)

    monkeypatch.setattr(wholeburn, "burn_whole", slow)
    manager, tempfiles = RasterizationMgr(), TempfileManager(str(tmp_path))
    one = plan_vector(source_of(path), GRID, (64, 64), 0)
    same = plan_vector(open_vector(("again", 3), path, VectorOptions()), GRID, (64, 64), 0)
    other = plan_vector(source_of(path, burn_value=2), GRID, (64, 64), 0)
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(manager.rasterize, path, plan, tempfiles) for plan in [one, same] * 3]
        assert started.wait(30)
        release.set()
        names = {future.result(30) for future in asked}
    assert len(names) == 1
    assert len(calls) == 1
    assert manager.rasterize(path, other, tempfiles) not in names
    assert all(Path(name).exists() for name in names)
    tempfiles.cleanup()
    assert not any(Path(name).exists() for name in names)


def test_the_manager_tells_files_with_the_same_options_apart(tmp_path: Path) -> None:
    left, right = (polygon((col, 0), (col + 50, 0), (col + 50, 50), (col, 50)) for col in (0, 100))
    one = write_vector(tmp_path / "one.gpkg", [left])
    # a layer of another name, in another CRS
    moved = shapely.transform(
        right,
        lambda points: np.column_stack(
            transform_points(UTM, CRS.from_epsg(3577).to_wkt(), points[:, 0], points[:, 1])
        ),
    )
    two = write_vector(tmp_path / "two.gpkg", [moved], "EPSG:3577")
    plan = plan_vector(source_of(one), GRID, (64, 64), 0)
    manager, tempfiles = RasterizationMgr(), TempfileManager(str(tmp_path))
    for path, col in [(one, 0), (two, 100), (one, 0)]:
        with rasterio.open(manager.rasterize(path, plan, tempfiles)) as file:
            found = file.read(1)[plan.margin : -plan.margin, plan.margin : -plan.margin]
        assert (found[:50, col : col + 50] == 1).all()
        assert found.sum() == 2500


def test_a_failed_burn_reaches_all_who_wait_and_may_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_vector(tmp_path / "zones.gpkg", random_polygons(20))
    manager, tempfiles = RasterizationMgr(), TempfileManager(str(tmp_path / "missing"))
    plan = plan_vector(source_of(path), GRID, (64, 64), 0)
    for _ in range(2):
        with pytest.raises(rioserrors.FileOpenError, match="setTempdir"):
            manager.rasterize(path, plan, tempfiles)
    tempfiles.tempdir = str(tmp_path)
    assert Path(manager.rasterize(path, plan, tempfiles)).exists()


def test_a_disk_that_is_full_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_vector(tmp_path / "zones.gpkg", random_polygons(3))

    def full(*_: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wholeburn, "_write", full)
    plan = plan_vector(source_of(path), GRID, (64, 64), 0)
    with pytest.raises(rioserrors.VectorRasterizationError, match=r"zones\.gpkg.*No space left"):
        RasterizationMgr().rasterize(path, plan, TempfileManager(str(tmp_path)))


def test_a_plan_survives_pickling(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "zones.gpkg", random_polygons(3), "EPSG:32755")
    plan = plan_vector(source_of(path), GRID, (64, 64), 0)
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_a_layer_without_crs_on_a_grid_with_one(tmp_path: Path, read: Reader) -> None:
    path = write_vector(tmp_path / "zones.gpkg", random_polygons(3), None)
    with pytest.raises(rioserrors.VectorProjectionError, match=r"no CRS.*ogr2ogr -a_srs"):
        read(path)
    bare = PixelGrid(300000, 6000000, 30, 30, 200, 150)
    assert read(path, bare).any()
    path = write_vector(tmp_path / "with.gpkg", random_polygons(3))
    with pytest.raises(rioserrors.VectorProjectionError, match="working grid no CRS"):
        read(path, bare)


Table = Callable[[Path], str]


def table(path: Path) -> str:
    file = path / "table.csv"
    file.write_text("a,b\n1,2\n")
    return str(file)


def junk(path: Path) -> str:
    file = path / "junk.gpkg"
    file.write_text("neither this nor that")
    return str(file)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"layer": "roads"}, ValueError, r"Named vector layer 'roads' not found.*it has zones"),
        ({"layer": 1}, rioserrors.VectorLayerError, "number 1 not found.*it has zones"),
        ({"layer": -1}, rioserrors.VectorLayerError, "number -1 not found"),
        (
            {"burn_attribute": "hight"},
            rioserrors.VectorAttributeError,
            "'hight' is no attribute.*it has height, kind, big",
        ),
        ({"burn_attribute": "kind"}, rioserrors.VectorAttributeError, "'kind'.*is no number"),
        ({"where": "kind = = 2"}, rioserrors.ParameterError, "setFilterSQL: 'kind = = 2'"),
        ({"where": "colour = 2"}, rioserrors.ParameterError, "setFilterSQL: 'colour = 2'"),
        ({"burn_value": 300}, rioserrors.ParameterError, "setBurnValue: 300.*no uint8"),
        ({"burn_value": 1.5}, rioserrors.ParameterError, "setBurnValue: 1.5.*no uint8"),
        ({"null": -1}, rioserrors.ParameterError, "setVectorNull: -1.*no uint8"),
        ({"dtype": "complex64"}, rioserrors.ParameterError, "complex64.*use one of int8"),
    ],
)
def test_bad_options(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    path = write_vector(
        tmp_path / "zones.gpkg", random_polygons(2), height=[1, 2], kind=["a", "b"], big=[1, 999]
    )
    with pytest.raises(error, match=message) as caught:
        open_vector(KEY, path, VectorOptions(**options))
    assert "input 'zones'" in str(caught.value)


def test_an_attribute_that_the_type_cannot_hold(tmp_path: Path, read: Reader) -> None:
    path = write_vector(tmp_path / "zones.gpkg", random_polygons(2), big=[1, 999], part=[1.0, 2.25])
    with pytest.raises(rioserrors.VectorAttributeError, match=r"'big'.*999.*setVectorDatatype"):
        read(path, burn_attribute="big")
    with pytest.raises(rioserrors.VectorAttributeError, match=r"'part'.*2\.25"):
        read(path, burn_attribute="part")
    assert 999 in read(path, burn_attribute="big", dtype="int16")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda path: str(path / "missing.gpkg"), rioserrors.FileOpenError, "no such file"),
        (junk, rioserrors.FileOpenError, "junk.gpkg.*as a vector"),
        (table, rioserrors.VectorGeometryTypeError, "has no geometry"),
    ],
)
def test_bad_files(tmp_path: Path, make: Table, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        open_vector(KEY, make(tmp_path), VectorOptions())
