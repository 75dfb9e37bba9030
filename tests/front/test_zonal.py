"""Statistics by zones, against numpy, shapely and rasterstats."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterstats import zonal_stats

import rios_flows as rf
from rios_flows import rioserrors
from rios_flows.front import zonal as module
from rios_flows.reducers import zones
from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle
from tests.support.rasters import ORIGIN, RES, write_raster
from tests.support.vectors import write_vector

ROWS, COLS = 41, 53
ALL = (*zones.MOMENTS, *zones.FROM_VALUES, "percentile_0", "percentile_33.3", "percentile_100")


def at(*points: tuple[float, float]) -> shapely.Polygon:
    """Return a polygon whose corners are columns and rows of the raster."""
    return shapely.Polygon([(ORIGIN[0] + x * RES, ORIGIN[1] - y * RES) for x, y in points])


def inside(shape: Any) -> NDArray[np.bool_]:
    """Return the pixels whose centre lies within, by GEOS."""
    x = ORIGIN[0] + (np.arange(COLS) + 0.5) * RES
    y = ORIGIN[1] - (np.arange(ROWS) + 0.5) * RES
    covered: NDArray[np.bool_] = shapely.contains_xy(shape, *np.meshgrid(x, y))
    return covered


def by_numpy(values: NDArray[Any], name: str) -> float:
    """Return a statistic of plain numbers."""
    if name.startswith("percentile"):
        return float(np.percentile(values.astype(float), float(name.partition("_")[2])))
    found, times = np.unique(values, return_counts=True)
    ways: dict[str, Callable[[], Any]] = {
        "sum": lambda: values.sum(dtype=float),
        "mean": lambda: values.mean(dtype=float),
        "std": lambda: values.std(dtype=float),
        "min": values.min,
        "max": values.max,
        "range": lambda: float(values.max()) - float(values.min()),
        "median": lambda: np.median(values.astype(float)),
        "majority": lambda: found[times == times.max()][0],
        "minority": lambda: found[times == times.min()][0],
        "unique": lambda: len(found),
    }
    return float(ways[name]())


def check(table: pd.DataFrame, areas: dict[Any, NDArray[np.bool_]], pixels: Any) -> None:
    """Compare each statistic of each zone; ``pixels`` are masked where they have no data."""
    assert list(table.index) == list(areas)
    for zone, area in areas.items():
        row, values = table.loc[zone], pixels[area].compressed()
        assert row["count"] == len(values)
        assert row["nodata"] == area.sum() - len(values)
        for name in set(table.columns) - {"count", "nodata"}:
            if len(values):
                np.testing.assert_allclose(row[name], by_numpy(values, name), 1e-12, 1e-9)
            else:
                assert pd.isna(row[name]), name


# no edge runs through the centre of a pixel, where rounding decides
def off(last: int, by: float) -> st.SearchStrategy[float]:
    return st.integers(-63, 7 * last + 63).map(lambda sevenths: sevenths / 7 + by)


corner = st.tuples(off(COLS, 0.0313), off(ROWS, 0.0171))
triangles = st.lists(st.tuples(corner, corner, corner), min_size=1, max_size=7)


@settings(max_examples=25, deadline=None)
@given(
    triangles,
    st.data(),
    st.sampled_from(["uint8", "int16", "uint32", "int64", "float32", "float64"]),
    st.tuples(st.integers(5, 64), st.integers(5, 64)),
    st.sampled_from([1, 3]),
)
def test_as_numpy_has_it(
    tmp_path_factory: pytest.TempPathFactory,
    corners: list[Any],
    data: st.DataObject,
    dtype: str,
    window: tuple[int, int],
    workers: int,
) -> None:
    folder = tmp_path_factory.mktemp("zones")
    shapes = [shape for shape in (at(*three) for three in corners) if shape.area > 1]
    if not shapes:
        return
    crops = [data.draw(st.sampled_from(["wheat", "öl", "3"])) for _ in shapes]
    random = np.random.default_rng(len(shapes) * window[0])
    pixels = random.integers(0, 20, (1, ROWS, COLS)).astype(dtype)
    raster = write_raster(folder / "raster.tif", pixels, nodata=7)
    layer = write_vector(folder / "zones.gpkg", shapes, crop=np.array(crops, dtype=object))
    masked = np.ma.masked_equal(pixels[0], 7)
    how: dict[str, Any] = {"stats": ALL, "window": window, "workers": workers}

    table = rf.zonal(raster, layer, **how)
    check(table, {fid: inside(shape) for fid, shape in enumerate(shapes, 1)}, masked)
    groups = {crop: np.zeros((ROWS, COLS), bool) for crop in crops}
    for crop, shape in zip(crops, shapes, strict=True):
        groups[crop] |= inside(shape)
    table = rf.zonal(str(raster), layer, by="crop", **how)
    check(table, groups, masked)
    again = rf.zonal(raster, layer, by="crop", stats=ALL, window=window, workers=1)
    pd.testing.assert_frame_equal(again, table, check_exact=True)


@pytest.fixture
def field(tmp_path: Path) -> tuple[Path, str]:
    """Return a raster of floats with NaN, and three polygons, of which two lie over each other."""
    pixels = np.arange(ROWS * COLS, dtype="float32").reshape(1, ROWS, COLS)
    pixels[0, 5, 5] = np.nan
    shapes = [
        at((1, 1), (20, 2), (9, 30)),
        at((3, 3), (40, 9), (18, 38)),
        at((90, 90), (99, 90), (99, 99)),
    ]
    raster = write_raster(tmp_path / "raster.tif", pixels, nodata=-1)
    return raster, write_vector(
        tmp_path / "zones.gpkg", shapes, name=np.array(["a", None, "a"], object), kind=[2, 1, 1]
    )


def test_as_rasterstats_has_it(field: tuple[Path, str]) -> None:
    names = [
        "count",
        "sum",
        "mean",
        "std",
        "min",
        "max",
        "range",
        "median",
        "unique",
        "percentile_90",
    ]
    with rasterio.open(field[0]) as dataset:
        pixels, transform = dataset.read(1), dataset.transform
    table = rf.zonal(field[0], field[1], stats=names, window=16)
    theirs = zonal_stats(field[1], pixels, affine=transform, nodata=-1, stats=names)
    for ours, expected in zip(table.to_dict("records")[:2], theirs[:2], strict=True):
        # theirs are sums of float32
        assert ours == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("window", [16, 64])
def test_all_pixels_that_are_touched(field: tuple[Path, str], tmp_path: Path, window: int) -> None:
    # no corner lies on the edge of a pixel
    shapes = [
        at((1.3, 1.2), (20.7, 2.1), (9.4, 30.6)),
        at((3.2, 3.7), (40.1, 9.3), (18.8, 38.4)),
        at((7.31, 9.42), (7.33, 9.42), (7.32, 9.45)),
    ]
    layer = write_vector(tmp_path / "off.gpkg", shapes)
    names = ["count", "sum", "min", "max"]
    with rasterio.open(field[0]) as dataset:
        pixels, transform = dataset.read(1), dataset.transform
    table = rf.zonal(field[0], layer, stats=names, window=window, all_touched=True)
    for shape, (_, ours) in zip(shapes, table.iterrows(), strict=True):
        touched = rasterize([shape], pixels.shape, transform=transform, all_touched=True) == 1
        values = np.ma.masked_invalid(pixels[touched]).compressed().astype(float)
        expected = [len(values), values.sum(), values.min(), values.max()]
        np.testing.assert_allclose(ours.to_numpy(), expected, rtol=1e-12)
    assert table["count"].tolist()[2] == 1
    with pytest.raises(rioserrors.ParameterError, match="all_touched='yes' is not right"):
        rf.zonal(field[0], layer, all_touched="yes")  # type: ignore[arg-type]


def test_zones_by_columns(field: tuple[Path, str]) -> None:
    by_name = rf.zonal(*field, by="name", stats="count")
    assert by_name.index.name == "name"
    assert by_name.index[0] == "a"
    assert pd.isna(by_name.index[1])
    by_kind = rf.zonal(*field, by="kind", stats=["count", "nodata"])
    assert list(by_kind.index) == [2, 1]
    # NaN lies in both
    assert list(by_kind["nodata"]) == [1, 1]
    chosen = rf.zonal(*field, where="kind = 1", stats="count")
    assert list(chosen.index) == [2, 3]
    assert list(chosen["count"]) == [by_kind["count"][1], 0]


def test_in_processes_and_from_arrays(field: tuple[Path, str]) -> None:
    expected = rf.zonal(*field, stats=ALL, window=16)
    processes = rf.zonal(*field, stats=ALL, window=16, workers=ConcurrencyStyle(1, 2, CW_SUBPROC))
    pd.testing.assert_frame_equal(processes, expected, check_exact=True)
    with rasterio.open(field[0]) as dataset:
        array = rf.Raster(dataset.read(), dataset.transform, dataset.crs, -1, names=["height"])
    pd.testing.assert_frame_equal(rf.zonal(array, field[1], stats=ALL, band="height"), expected)


def test_whole_numbers_that_no_float_holds(tmp_path: Path) -> None:
    pixels = np.full((1, ROWS, COLS), 2**62 + 1, "int64")
    raster = write_raster(tmp_path / "large.tif", pixels)
    shapes = [at((1, 1), (9, 1), (9, 9)), at((90, 90), (99, 90), (99, 99))]
    table = rf.zonal(
        raster, write_vector(tmp_path / "zones.gpkg", shapes), stats=["min", "majority"]
    )
    assert table.loc[1].tolist() == [2**62 + 1] * 2
    assert table.loc[2].isna().all()


def test_spread_of_whole_numbers_that_no_float_holds(tmp_path: Path) -> None:
    pixels = 2**60 + np.arange(ROWS * COLS).reshape(1, ROWS, COLS)
    raster = write_raster(tmp_path / "large.tif", pixels)
    layer = write_vector(tmp_path / "zones.gpkg", [at((0, 0), (COLS, 0), (COLS, ROWS), (0, ROWS))])
    table = rf.zonal(raster, layer, stats=["range", "std"], window=16)
    number = ROWS * COLS
    assert table.loc[1, "range"] == number - 1
    # of equally spaced numbers
    assert table.loc[1, "std"] == pytest.approx(np.sqrt((number**2 - 1) / 12), rel=1e-12)


def test_complex_pixels_are_refused(field: tuple[Path, str], tmp_path: Path) -> None:
    raster = write_raster(tmp_path / "complex.tif", np.ones((1, ROWS, COLS), "complex64"))
    with pytest.raises(rioserrors.ParameterError, match="complex64, whose values have no order"):
        rf.zonal(raster, field[1])


def test_in_another_crs(field: tuple[Path, str], tmp_path: Path) -> None:
    shapes = [at((1, 1), (20, 2), (9, 30))]
    points = rasterio.warp.transform("EPSG:32755", "EPSG:4326", *shapes[0].exterior.xy)
    turned = [shapely.Polygon(zip(*points, strict=True))]
    layer = write_vector(tmp_path / "turned.gpkg", turned, crs="EPSG:4326")
    table = rf.zonal(field[0], layer, stats=["count", "nodata"])
    assert table.sum(axis=1).item() == inside(shapes[0]).sum()


def test_only_the_zones_are_read(field: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    blocks: list[Any] = []
    called = module._Reducing.__call__

    def note(self: Any, raster: Any, info: Any, state: Any) -> None:
        blocks.append(raster.shape)
        called(self, raster, info, state)

    monkeypatch.setattr(module._Reducing, "__call__", note)
    rf.zonal(*field, where="fid = 1", window=16, workers=1)
    assert sum(rows * cols for rows, cols in blocks) == 31 * 21


def test_nothing_to_count(field: tuple[Path, str]) -> None:
    table = rf.zonal(*field, where="fid = 3", stats=ALL)
    assert table.loc[3, "count"] == 0
    assert table.drop(columns=["count", "nodata"]).isna().all(axis=None)
    assert rf.zonal(*field, where="fid = 9").shape == (0, 5)


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"stats": "meen"}, rioserrors.ParameterError, "no 'meen'; there are count"),
        ({"stats": "percentile_101"}, rioserrors.ParameterError, "N from 0 to 100"),
        ({"stats": []}, rioserrors.ParameterError, "at least one"),
        (
            {"by": "crop"},
            rioserrors.VectorAttributeError,
            "no column 'crop'; it has 'name', 'kind'",
        ),
        ({"layer": "none"}, rioserrors.VectorLayerError, "Named vector layer 'none' not found"),
        ({"band": 2}, rioserrors.RiosError, "band"),
    ],
)
def test_refused(
    field: tuple[Path, str], wrong: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        rf.zonal(*field, **wrong)


def test_a_band_must_be_chosen(field: tuple[Path, str], tmp_path: Path) -> None:
    raster = write_raster(
        tmp_path / "two.tif", np.stack([np.zeros((ROWS, COLS)), np.ones((ROWS, COLS))])
    )
    with pytest.raises(rioserrors.ParameterError, match="has 2 bands; choose one"):
        rf.zonal(raster, field[1])
    assert rf.zonal(raster, field[1], band=2, stats="mean").loc[1].item() == 1


def test_without_pandas(field: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(rioserrors.UnavailableError, match=r"rios_flows\[zonal\]"):
        rf.zonal(*field)


@pytest.mark.parametrize("wrong", [[1], None, 3, np.ones((3, 4)), pd.DataFrame([[1]]), {}])
def test_what_is_no_raster_or_layer_is_refused(field: tuple[Path, str], wrong: Any) -> None:
    raster, layer = field
    with pytest.raises(rioserrors.ParameterError, match=r"zonal: polygons is a .*; give the file"):
        rf.zonal(raster, wrong)
    with pytest.raises(rioserrors.ParameterError, match=r"give .*rios_flows.Raster"):
        rf.zonal(wrong, layer)
