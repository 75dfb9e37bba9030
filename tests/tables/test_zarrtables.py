"""Attribute tables in Zarr stores."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from rios_flows import rat, ratapplier, rioserrors
from rios_flows.gdal.tabletypes import DATES, Column, ColumnType, ColumnUsage
from rios_flows.tables.zarrtables import changing_store, reading_store
from tests.support.rasters import coordinates, write_raster

VALUES: dict[ColumnType, list[Any]] = {
    ColumnType.Integer: [1, -(2**31), 2**31 - 1],
    ColumnType.Real: [0.1 + 0.2, float("nan"), 1e300],
    ColumnType.String: ["a & b", "", " größe "],
    ColumnType.Boolean: [True, False, True],
    ColumnType.DateTime: [np.datetime64("2001-02-03T04:05:06.789"), np.datetime64("NaT")],
}


def made_by_zarr(path: Path) -> None:
    """Make a store with zarr alone: a group, and an array for each column."""
    group = zarr.open_group(path, mode="w")
    for name, values in (
        ("size", np.arange(250_000, dtype=np.uint32)),
        ("mean", np.arange(250_000) / 8),
    ):
        array = group.create_array(name, shape=values.shape, dtype=values.dtype, chunks=(100_000,))
        array[:] = values
    group.create_array("grid", shape=(3, 3), dtype="uint8")


def apply(function: Callable[..., Any], path: Path, out: Path, **how: int) -> None:
    inputs, outputs = ratapplier.RatAssociations(), ratapplier.RatAssociations()
    inputs.a, outputs.b = ratapplier.RatZarrHandle(path), ratapplier.RatZarrHandle(out)
    controls = ratapplier.RatApplierControls()
    controls.setBlockLength(how.get("block", 100_000))
    ratapplier.apply(function, inputs, outputs, controls=controls)


@pytest.mark.parametrize("same", [False, True])
def test_a_store_that_zarr_made(tmp_path: Path, same: bool) -> None:
    path = tmp_path / "a.zarr"
    made_by_zarr(path)
    out = path if same else tmp_path / "b.zarr"
    lengths = []

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        lengths.append((info.startrow, info.blockLen, info.rowCount))
        outputs.b.total = inputs.a.size * inputs.a.mean
        outputs.b.name = [f"n{row}" for row in info.inputRowNumbers]
        outputs.b.setUsage("name", ColumnUsage.Name)

    apply(function, path, out)
    assert [start for start, _, _ in lengths] == [0, 100_000, 200_000]
    assert lengths[2] == (200_000, 50_000, 250_000)
    group: Any = zarr.open_group(out, mode="r")
    np.testing.assert_array_equal(group["total"][:], np.arange(250_000.0) ** 2 / 8)
    assert group["name"][249_999] == "n249999"
    assert group["name"].attrs["usage"] == 2
    assert group["total"].chunks == (100_000,)
    assert sorted(group) == (
        ["grid", "mean", "name", "size", "total"] if same else ["name", "total"]
    )


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("rows", [0, 1, 256, 100_001])
def test_every_type_comes_back(tmp_path: Path, kind: ColumnType, rows: int) -> None:
    values = np.resize(np.array(VALUES[kind]), rows)
    with changing_store(str(tmp_path / "a.zarr")) as table:
        table.set_rows(rows)
        made = table.need(Column("two words", kind, ColumnUsage.MinMax))
        table.write(made.name, values)
    with reading_store(str(tmp_path / "a.zarr")) as table:
        assert table.columns == [("two words", kind, ColumnUsage.MinMax)]
        read = table.read("two words", strings=True)
        assert table.rows == rows
    np.testing.assert_array_equal(read, values)


def test_rows_that_are_new(tmp_path: Path) -> None:
    with changing_store(str(tmp_path / "a.zarr")) as table:
        for kind in VALUES:
            table.need(Column(kind.name, kind, ColumnUsage.Generic))
        table.set_rows(3)
        table.write("Real", [1.5, 2.5], 1)
        table.set_rows(5)
        read = {name: table.read(name).tolist() for name in table.names}
    assert read.pop("DateTime") == [None] * 5
    assert read == {
        "Boolean": [False] * 5,
        "Integer": [0] * 5,
        "Real": [0, 1.5, 2.5, 0, 0],
        "String": [b""] * 5,
    }


def test_copies_from_and_to_rasters(tmp_path: Path) -> None:
    old = write_raster(tmp_path / "a.tif", coordinates(1, 9, 9, "uint16"))
    new = write_raster(tmp_path / "b.img", coordinates(1, 9, 9, "uint16"), driver="HFA")
    rat.writeColumn(old, "area", [0.5, 1.5, 2.5])
    rat.writeColumn(old, "kind", ["a", "", "ü"], colUsage=ColumnUsage.Name)
    store = ratapplier.RatZarrHandle(tmp_path / "t.zarr")
    ratapplier.copyRAT(str(old), store, omitColumns=["none"])
    ratapplier.copyRAT(store, ratapplier.RatHandle(new))
    assert rat.readColumn(new, "area").tolist() == [0.5, 1.5, 2.5]
    assert rat.readColumn(new, "Class_Names").tolist() == [b"a", b"", "ü".encode()]
    with pytest.raises(rioserrors.ParameterError, match="are one table"):
        ratapplier.copyRAT(store, store)


def test_an_error_leaves_the_store(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    made_by_zarr(path)

    def fail(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.b.size = inputs.a.size * 0
        if info.blockNdx:
            raise KeyError(info.startrow)

    with pytest.raises(KeyError):
        apply(fail, path, path)
    group: Any = zarr.open_group(path, mode="r")
    assert group["size"][9] == 9


def test_what_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.zarr"
    made_by_zarr(path)
    with pytest.raises(rioserrors.ImageOpenError, match=r"Unable to open .*none.* Zarr group"):
        apply(lambda *_: None, tmp_path / "none", path)
    with pytest.raises(rioserrors.AttributeTableColumnError, match=r"'none'.* 'mean', 'size'"):
        apply(lambda _, i, o: i.a.none, path, path)
    # a column of uint32 cannot hold -1
    with pytest.raises(rioserrors.AttributeTableTypeError, match=r"'size' is of type uint32"):
        apply(lambda _, i, o: setattr(o.b, "size", i.a.mean * 0 - 1), path, path)
    with pytest.raises(rioserrors.ImageWriteError, match=r"make column 'a/b' .*leave out slashes"):
        apply(lambda _, i, o: setattr(o.b, "a/b", i.a.size), path, path)
    group = zarr.open_group(path, mode="a")
    group.create_array("short", shape=(3,), dtype="uint8")
    with pytest.raises(rioserrors.ImageReadError, match=r"is no table: .*'short': 3"):
        apply(lambda *_: None, path, path)
    group.create_array("odd", shape=(3,), dtype="complex64")
    with pytest.raises(rioserrors.ImageReadError, match=r"no table: column 'odd' .* complex64"):
        apply(lambda *_: None, path, path)
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(rioserrors.ParameterError, match=r"pip install 'rios_flows\[zarr\]'"):
        ratapplier.RatZarrHandle(path)


def test_dates_through_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    made_by_zarr(path)
    start = np.datetime64("2020-01-01", "ms").astype(DATES)
    with changing_store(str(path)) as table:
        table.need(Column("day", ColumnType.DateTime, ColumnUsage.Generic))
        table.write("day", start + np.arange(table.rows) * np.timedelta64(1, "h"))

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        hours = (inputs.a.day - start) // np.timedelta64(1, "h")
        np.testing.assert_array_equal(hours, info.inputRowNumbers)

    apply(function, path, tmp_path / "b.zarr", block=99_999)
