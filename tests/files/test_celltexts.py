"""Values of tables that would be lost or changed without a word: text above all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import rat, ratapplier, rioserrors
from rios_flows.files.cells import cells_of
from rios_flows.files.celltexts import check_texts
from rios_flows.rat import ColumnUsage
from tests.support.rasters import coordinates, write_raster

LATIN = "é".encode("latin-1")
TYPE_ERROR = rioserrors.AttributeTableTypeError


@pytest.fixture(params=["a.img", "a.tif"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return raster(tmp_path / str(request.param))


def raster(path: Path) -> Path:
    driver = "HFA" if path.suffix == ".img" else "GTiff"
    return write_raster(path, coordinates(1, 9, 9, "uint16"), driver=driver)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["a\0", "b"], "has a zero in it"),
        ([b"a\0"], "has a zero in it"),
        ([1, "a"], r"no column can hold objects \(int, str\)"),
        ([True, b"a"], r"no column can hold objects \(bool, bytes\)"),
        (["a", None], r"no column can hold objects \(NoneType, str\)"),
        ([[1], [1, 2]], r"no column can hold objects \(list\)"),
        ([0.5, 2**53 + 1], "9007199254740993 is among floats, and no float is equal to it"),
        ([0.5, np.int64(2**60 + 1)], "1152921504606846977 is among floats"),
        (np.array(["a", None], np.dtypes.StringDType(na_object=None)), "objects .NoneType, str"),
        (np.array([2**64 - 1], np.uint64), "cannot hold all of uint64"),
    ],
)
def test_values_that_numpy_would_change(path: Path, values: Any, words: str) -> None:
    with pytest.raises(TYPE_ERROR, match=rf"olumn 'a' of band 1 of .*{words}"):
        rat.writeColumn(path, "a", values)
    assert rat.getColumnNames(path) == []


def test_integers_that_floats_are_equal_to(path: Path) -> None:
    kept = [-(2**63), 2**62, 0]
    rat.writeColumn(path, "a", np.array(kept))
    assert rat.readColumn(path, "a").tolist() == kept
    rat.writeColumn(path, "a", np.array([2**63, 2**63 + 2**11], np.uint64))
    assert rat.readColumn(path, "a").tolist() == [2**63, 2**63 + 2**11, 0]
    rat.writeColumn(path, "a", [2**60, 0.5, np.inf])
    assert rat.readColumn(path, "a").tolist() == [2**60, 0.5, np.inf]


def test_bytes_and_text_in_one_list(path: Path) -> None:
    mixed: Any = ["é", "ü".encode(), np.str_("x")]
    rat.writeColumn(path, "a", mixed)
    assert rat.readColumn(path, "a", useStringDType=True).tolist() == ["é", "ü", "x"]


def test_a_long_text_takes_its_own_room_only() -> None:
    cells = cells_of(["x" * 1_000_000] + [""] * 1000)
    assert cells.nbytes < 10_000


def test_columns_that_gdal_gives_a_type(path: Path) -> None:
    cases: list[tuple[ColumnUsage, list[Any], str]] = [
        (ColumnUsage.Red, [0.25, 1.5], "type Integer, .* float64 from 0.25 to 1.5"),
        (ColumnUsage.Alpha, ["a"], r"type Integer, .* objects \(str\)"),
    ]
    for usage, values, words in cases:
        with pytest.raises(TYPE_ERROR, match=words):
            rat.writeColumn(path, "a", values, colUsage=usage)
    assert rat.getColumnNames(path) == []
    if path.suffix == ".img":
        for name in ("Histogram", "histogram"):
            with pytest.raises(TYPE_ERROR, match=r"'.istogram' of .* type Real, .* \(str\)"):
                rat.writeColumn(path, name, ["a", "b"])
        rat.writeColumn(path, "Histogram", [3, 4])
        assert rat.readColumn(path, "Histogram").tolist() == [3.0, 4.0]


def test_text_that_is_no_utf8(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hfa, tif = raster(tmp_path / "a.img"), raster(tmp_path / "a.tif")
    rat.writeColumn(hfa, "a", [b"x", LATIN])
    assert rat.readColumn(hfa, "a").tolist() == [b"x", LATIN]
    assert rat.readColumn(hfa, "a", useStringDType=True).tolist() == ["x", "\ufffd"]
    assert "Some text of column 'a' of band 1 of " in caplog.text
    copy = raster(tmp_path / "b.img")
    ratapplier.copyRAT(hfa, copy)
    assert rat.readColumn(copy, "a").tolist() == [b"x", LATIN]
    store = ratapplier.RatZarrHandle(tmp_path / "a.zarr")
    for target in (ratapplier.RatHandle(tif), store):
        with pytest.raises(TYPE_ERROR, match=r"olumn 'a' of .*xe9' is no UTF-8 .*; decode it"):
            ratapplier.copyRAT(ratapplier.RatHandle(hfa), target)
        with target.reading() as table:
            assert table.names == []
    tables = ratapplier.RatAssociations()
    tables.a, outputs = ratapplier.RatHandle(hfa), ratapplier.RatAssociations()
    outputs.store, outputs.tif = store, ratapplier.RatHandle(tif)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.store.number, outputs.tif.text = info.inputRowNumbers, inputs.a.a

    with pytest.raises(TYPE_ERROR, match=r"olumn 'text' of .* is no UTF-8"):
        ratapplier.apply(function, tables, outputs)
    with store.reading() as table:
        assert table.names == []


def test_an_open_file_is_asked_first(tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif")
    with rasterio.open(path, "r+") as dataset:
        for name, values, error in (
            ("a", ["x", "\x01"], TYPE_ERROR),
            ("a", [LATIN], TYPE_ERROR),
            ("a\x01", [1], rioserrors.AttributeTableColumnError),
        ):
            with pytest.raises(error, match=r"control character|is no UTF-8"):
                rat.writeColumn(dataset, name, values)
    assert rat.getColumnNames(path) == []


def test_a_store_gives_columns_the_types_that_they_are_given(tmp_path: Path) -> None:
    outputs: Any = ratapplier.RatAssociations()
    outputs.store = ratapplier.RatZarrHandle(tmp_path / "a.zarr")
    controls = ratapplier.RatApplierControls()
    controls.setRowCount(2)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.store.red, outputs.store.text = [0.25, 1.5], ["\x01", "b"]
        outputs.store.setUsage("red", ColumnUsage.Red)

    ratapplier.apply(function, ratapplier.RatAssociations(), outputs, controls=controls)
    with outputs.store.reading() as table:
        assert table.read("red").tolist() == [0.25, 1.5]
        assert table.read("text").tolist() == [b"\x01", b"b"]


def test_halves_of_a_letter_are_none() -> None:
    first, second = "é".encode()[:1], "é".encode()[1:]
    with pytest.raises(TYPE_ERROR, match="is no UTF-8"):
        check_texts([first, second], in_xml=False)
    check_texts(["é".encode(), b"\x01"], in_xml=False)
    check_texts([], in_xml=True)
