"""Vector inputs: values, types, filters, layers, and geometries of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from rios_flows.inputs import rasterize
from rios_flows.inputs.vectors import DTYPES
from tests.support.burnt import (
    Reader,
    polygon,
    random_polygons,
)
from tests.support.vectors import write_vector


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
