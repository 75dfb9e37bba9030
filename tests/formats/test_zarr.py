"""Zarr stores: what is a store, its chunks, and what GDAL leaves out of a new one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows.formats.format import Cut, Wanted
from rios_flows.formats.zarr import Zarr
from rios_flows.formats.zarrstore import complete_store, is_store
from rios_flows.formats.zarrversion3 import describe_once_more
from rios_flows.geometry.grid import PixelGrid
from tests.support.rasters import CRS

CUT = Cut((64, 32), (200, 100))


def test_a_store_is_told_by_its_marks(tmp_path: Path) -> None:
    assert is_store(str(tmp_path))
    (tmp_path / "letter.txt").touch()
    assert not is_store(str(tmp_path))
    assert not Zarr("Zarr").owns(str(tmp_path))
    (tmp_path / "zarr.json").touch()
    assert is_store(str(tmp_path))
    assert Zarr("Zarr").owns(str(tmp_path))


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("version", ["ZARR_V2", "ZARR_V3"])
def test_a_new_store_is_as_wanted(tmp_path: Path, bands: int, version: str) -> None:
    grid = PixelGrid(100, 900, 10, 5, 200, 100, rasterio.crs.CRS.from_user_input(CRS).to_wkt())
    path = str(tmp_path / "a.zarr")
    form = Zarr.of("Zarr", {"FORMAT": version, "COMPRESS": "NONE"}, "a", CUT)
    form.create(path, Wanted(grid, bands, np.dtype("int16"), {"a": "b"}), -9, CUT).close()
    with rasterio.open(path) as made:
        assert made.nodatavals == (-9.0,) * bands
        assert made.crs == rasterio.crs.CRS.from_user_input(CRS)
        assert made.transform == grid.transform
        assert made.block_shapes == [(32, 64)] * bands
        assert made.dtypes == ("int16",) * bands
        assert made.tags()["a"] == "b"


def fill_value(folder: Path, dtype: str, nodata: float | None) -> Any:
    array = folder / "a.zarr" / "a"
    array.mkdir(parents=True, exist_ok=True)
    (array / ".zarray").write_text(json.dumps({"fill_value": 1}))
    (array / ".zattrs").write_text(json.dumps({"old": 2}))
    complete_store(str(folder / "a.zarr"), dtype, nodata, None)
    assert json.loads((array / ".zattrs").read_text()) == {"old": 2}
    text = (array / ".zarray").read_text()
    return json.loads(text)["fill_value"]


@pytest.mark.parametrize(
    ("dtype", "nodata", "told"),
    [
        ("int16", None, 1),
        ("uint64", 2**63 + 1, 2**63 + 1),
        ("float32", float("nan"), "NaN"),
        ("float32", float("inf"), "Infinity"),
        ("float32", float("-inf"), "-Infinity"),
        ("float32", -9999.0, -9999),
        ("float64", 1e38, 1e38),
        ("float64", 0.5, 0.5),
    ],
)
def test_nodata_values_in_json(tmp_path: Path, dtype: str, nodata: float | None, told: Any) -> None:
    found = fill_value(tmp_path, dtype, nodata)
    assert (found, type(found)) == (told, type(told))


def test_which_pixels_a_store_holds() -> None:
    form = Zarr("Zarr", {"FILTER": "delta"})
    assert form.makes_others("float32", 1)
    assert not form.makes_others("int32", 1)
    assert not Zarr("Zarr").makes_others("float32", 1)
    assert form.holds_nodata("uint64", 2**63 - 1)
    assert not form.holds_nodata("uint64", 2**63)
    assert form.has_position((2, 2))
    assert not form.has_position((1, 5))


def test_what_version_3_says(tmp_path: Path) -> None:
    array = tmp_path / "a.zarr" / "a"
    array.mkdir(parents=True)
    known = {
        "shape": [2, 5], "chunks": [1, 5], "dtype": "<c8", "order": "C", "fill_value": "NaN",
        "compressor": {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": "BIT"},
    }  # fmt: skip
    (array / ".zarray").write_text(json.dumps(known))
    describe_once_more(str(tmp_path / "a.zarr"), float("nan"))
    told = json.loads((array / "zarr.json").read_text())
    assert told["fill_value"] == ["NaN", 0.0]
    assert [codec["name"] for codec in told["codecs"]] == ["bytes", "blosc"]
    assert told["codecs"][1]["configuration"]["shuffle"] == "bitshuffle"
    assert told["codecs"][1]["configuration"]["typesize"] == 8
    assert len(told["attributes"]["_FillValue"]) == 2
    assert json.loads((tmp_path / "a.zarr" / "zarr.json").read_text())["node_type"] == "group"
