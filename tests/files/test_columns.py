"""Columns of attribute tables: written, read back, and as gdalinfo sees them."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rios_flows import calcstats, rat, rioserrors
from rios_flows.files import sidecar
from rios_flows.formats.format import Format
from rios_flows.formats.hfa import Hfa
from rios_flows.rat import ColumnType, ColumnUsage
from tests.support import gdalinfo
from tests.support.rasters import coordinates, write_raster


@pytest.fixture(params=["a.tif", "a.img", "a.dat"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return raster(tmp_path / str(request.param))


def raster(path: Path, dtype: str = "uint16", bands: int = 2) -> Path:
    driver = {".tif": "GTiff", ".img": "HFA", ".dat": "ENVI", ".bil": "EHdr", ".zarr": "Zarr"}[
        path.suffix
    ]
    return write_raster(path, coordinates(bands, 40, 30, dtype), driver=driver)


@pytest.mark.skipif(shutil.which("gdalinfo") is None, reason="gdal-bin is missing")
def test_what_gdalinfo_sees(path: Path) -> None:
    rat.writeColumn(path, "two words", [3, -(2**31), 2**31 - 1])
    rat.writeColumn(path, "größe", [0.5, float("nan"), 1e300])
    rat.writeColumn(path, "text", ["a & b", "", "<ü>"])
    rat.writeColumn(path, "Class_Names", ["x", "y", "z"], colUsage=ColumnUsage.Name)
    assert gdalinfo.columns(path) == [
        ["two words", "0", "0", ["3", "-2147483648", "2147483647"]],
        ["größe", "1", "0", ["0.5", "nan", "1e+300"]],
        ["text", "2", "0", ["a & b", "", "<ü>"]],
        ["Class_Names", "2", "2", ["x", "y", "z"]],
    ]


@pytest.mark.parametrize("rows", [0, 1, 256, 1000])
def test_every_type_comes_back(path: Path, rows: int) -> None:
    floats = np.random.default_rng(1).normal(size=rows) * 1e5
    texts = [f" n° {row} " for row in range(rows)]
    for band in (2, 1):
        rat.writeColumn(path, "whole", np.arange(rows) - 7, bandNumber=band)
        rat.writeColumn(path, "real", floats + band, bandNumber=band)
        rat.writeColumn(path, "text", texts, colType=ColumnType.String, bandNumber=band)
        rat.writeColumn(path, "flag", np.arange(rows) % 2 == 0, bandNumber=band)
    for band in (1, 2):
        assert rat.getColumnNames(path, band) == ["whole", "real", "text", "flag"]
        whole = rat.readColumn(path, "whole", band)
        assert whole.dtype == np.int64
        np.testing.assert_array_equal(whole, np.arange(rows) - 7)
        np.testing.assert_array_equal(rat.readColumn(path, "real", band), floats + band)
        assert rat.readColumn(path, "text", band).tolist() == [text.encode() for text in texts]
        strings = rat.readColumn(path, "text", band, useStringDType=True)
        assert strings.dtype == np.dtypes.StringDType()
        assert strings.tolist() == texts
        np.testing.assert_array_equal(rat.readColumn(path, "flag", band), np.arange(rows) % 2 == 0)


ANY_TEXT = st.text(st.characters(exclude_categories=["C"]) | st.sampled_from(" \t\n\r"), max_size=9)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    floats=arrays.arrays(np.float64, 7, elements=st.floats(allow_nan=True)),
    texts=st.lists(ANY_TEXT, min_size=7, max_size=7),
)
def test_any_value_comes_back(path: Path, floats: Any, texts: list[str]) -> None:
    rat.writeColumn(path, "real", floats)
    rat.writeColumn(path, "text", texts)
    np.testing.assert_array_equal(rat.readColumn(path, "real"), floats)
    assert rat.readColumn(path, "text", useStringDType=True).tolist() == texts


def test_a_column_is_written_over(path: Path) -> None:
    rat.writeColumn(path, "a", [1, 2, 3])
    rat.writeColumn(path, "b", [1.5, 2.5, 3.5, 4.5])
    rat.writeColumn(path, "a", [7, 8])
    assert rat.readColumn(path, "a").tolist() == [7, 8, 0, 0]
    assert rat.readColumn(path, "b").tolist() == [1.5, 2.5, 3.5, 4.5]


@pytest.mark.parametrize("name", ["a.tif", "a.img"])
def test_bytes_have_256_rows(tmp_path: Path, name: str) -> None:
    path = raster(tmp_path / name, "uint8", 1)
    rat.writeColumn(path, "text", ["a", "b"])
    assert rat.readColumn(path, "text").tolist() == [b"a", b"b"] + [b""] * 254


def test_usages(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rat.writeColumn(path, "Red", [255, 0], colUsage=ColumnUsage.Red)
    assert rat.getUsageOfColumn(path, "Red") == 6
    assert rat.isColorColFromUsage(rat.getUsageOfColumn(path, "Red"))
    assert not rat.isColorColFromUsage(ColumnUsage.Name)
    assert not caplog.records
    rat.writeColumn(path, "pixels", [5, 6], colUsage=1)
    name = "Histogram" if path.suffix == ".img" else "pixels"
    assert rat.getColumnNames(path) == ["Red", name]
    assert rat.getUsageOfColumn(path, name) is ColumnUsage.PixelCount
    assert ("is kept as 'Histogram'" in caplog.text) is (path.suffix == ".img")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], 0),
        ([True], 0),
        ([2**31], 1),
        ([1.5], 1),
        (["a"], 2),
        ([b"a"], 2),
        (np.array(["a"], dtype=object), 2),
        (np.array(["a"], dtype=np.dtypes.StringDType()), 2),
    ],
)
def test_types_of_values(values: Any, kind: int) -> None:
    assert rat.inferColumnType(values) == kind


@pytest.mark.parametrize(
    ("name", "values", "error", "words"),
    [
        ("whole", [1.5], rioserrors.AttributeTableTypeError, "type Integer, which cannot hold"),
        ("whole", [2**31], rioserrors.AttributeTableTypeError, "from 2147483648 to 2147483648"),
        ("whole", ["a"], rioserrors.AttributeTableTypeError, "Column 'whole' of band 1 of '.*a"),
        ("real", [2**53 + 1], rioserrors.AttributeTableTypeError, "type Real, which cannot hold"),
        ("text", [1], rioserrors.AttributeTableTypeError, "type String, which cannot hold"),
        ("text", ["a\0b"], rioserrors.AttributeTableTypeError, "has a zero in it"),
        ("new", [1j], rioserrors.AttributeTableTypeError, "no column can hold complex128"),
        ("new", [{}], rioserrors.AttributeTableTypeError, "no column can hold objects"),
        ("new", [[1]], rioserrors.ArrayShapeError, r"Column 'new' .* shape is \(1, 1\)"),
    ],
)
def test_what_a_column_cannot_hold(
    path: Path, name: str, values: Any, error: type[Exception], words: str
) -> None:
    before: dict[str, Any] = {"whole": [1], "real": [1.5], "text": ["a"]}
    for column, value in before.items():
        rat.writeColumn(path, column, value)
    with pytest.raises(error, match=words):
        rat.writeColumn(path, name, values)
    assert rat.getColumnNames(path) == ["whole", "real", "text"]
    assert rat.readColumn(path, "text").tolist() == [b"a"]


def test_what_is_not_there(path: Path) -> None:
    assert rat.getColumnNames(path) == []
    rat.writeColumn(path, "a", [1])
    for read in (rat.readColumn, rat.getUsageOfColumn):
        with pytest.raises(
            rioserrors.AttributeTableColumnError, match=r"band 1 of '.*has no column 'b'.*: 'a'"
        ):
            read(path, "b")
        with pytest.raises(rioserrors.GDALLayerNumberError, match=r"has no band 3"):
            read(path, "a", 3)
    with pytest.raises(rioserrors.ParameterError, match=r"colUsage=40: give one of Generic"):
        rat.writeColumn(path, "a", [1], colUsage=40)
    with pytest.raises(rioserrors.ParameterError, match=r"colType=3: give one of Integer"):
        rat.writeColumn(path, "a", [1], colType=3)
    with pytest.raises(rioserrors.ImageOpenError, match="Unable to open"):
        rat.writeColumn(path.with_name("none"), "a", [1])


def test_open_datasets_and_bands(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with rasterio.open(path, "r+") as dataset:
        rat.writeColumn(dataset, "a", [1, 2])
        band = rasterio.band(dataset, 2)
        rat.writeColumnToBand(band, "b", [0.1 + 0.2], colUsage=ColumnUsage.Max)
        assert rat.getColumnNamesFromBand(band) == ["b"]
        assert rat.readColumnFromBand(band, "b").tolist() == [0.1 + 0.2]
        with pytest.raises(rioserrors.ParameterError, match="is no open band"):
            rat.getColumnNamesFromBand(dataset)
    assert rat.readColumn(path, "a").tolist() == [1, 2]
    if path.suffix == ".img":
        assert rat.readColumn(path, "b", 2).tolist() == [0.1 + 0.2]
    else:
        assert rat.getUsageOfColumn(path, "b", 2) is ColumnUsage.Max
        assert "changes column 'b': it rounds floats to 16" in caplog.text
    with (
        rasterio.open(path) as dataset,
        pytest.raises(rioserrors.ParameterError, match="open for reading only"),
    ):
        rat.writeColumnToBand(rasterio.band(dataset, 1), "a", [1])


def test_the_rest_of_a_sidecar_file_stays(tmp_path: Path) -> None:
    path = raster(tmp_path / "a.dat")
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(2, KEPT="yes")
    rat.writeColumn(path, "a", [1], bandNumber=2)
    rat.writeColumn(path, "b", ["<Row>"], bandNumber=1)
    calcstats.calcStats(path)
    rat.writeColumn(path, "c", [2], bandNumber=2)
    assert rat.getColumnNames(path, 2) == ["a", "c"]
    assert rat.readColumn(path, "b").tolist() == [b"<Row>"]
    with rasterio.open(path) as dataset:
        assert dataset.tags(2)["KEPT"] == "yes"
        assert "STATISTICS_MEAN" in dataset.tags(1)


def test_a_failure_leaves_the_old_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = raster(tmp_path / "a.tif")
    rat.writeColumn(path, "a", [1, 2])
    sidecar = tmp_path / "a.tif.aux.xml"
    before = sidecar.read_bytes()
    with pytest.raises(rioserrors.AttributeTableTypeError, match=r"olumn 'b' of .*control char"):
        rat.writeColumn(path, "b", ["\x01"])

    def full(handle: int) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(rioserrors.ImageWriteError, match=r"as it was: .*is the disk full"):
            rat.writeColumn(path, "b", [1])
    assert sidecar.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["a.tif", "a.tif.aux.xml"]
    sidecar.write_text("<PAMDataset>")
    with pytest.raises(rioserrors.ImageWriteError, match="Unable to write the attribute table"):
        rat.writeColumn(path, "b", [1])
    assert sidecar.read_text() == "<PAMDataset>"


def test_a_format_without_tables_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = raster(tmp_path / "a.bil")
    with pytest.raises(rioserrors.ImageWriteError, match=r"\(EHdr\) cannot .* HFA or GTiff"):
        rat.writeColumn(path, "a", [1])
    assert not (tmp_path / "a.bil.aux.xml").exists()
    path = raster(tmp_path / "a.tif")
    monkeypatch.setattr(sidecar, "put", lambda name, pieces: Path(name).write_text("<P/>"))
    with pytest.raises(rioserrors.ImageWriteError, match="GDAL does not look for it"):
        rat.writeColumn(path, "a", [1])
    assert not (tmp_path / "a.tif.aux.xml").exists()


def test_threads_write_different_columns(path: Path) -> None:
    names = [f"c{number}" for number in range(4)]
    threads = [
        threading.Thread(target=rat.writeColumn, args=(path, name, [number] * 9))
        for number, name in enumerate(names)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(rat.getColumnNames(path)) == names
    assert [rat.readColumn(path, name)[8] for name in names] == [0, 1, 2, 3]


@pytest.mark.parametrize("rows", [10, 700])
def test_statistics_leave_the_other_columns(path: Path, rows: int) -> None:
    rat.writeColumn(path, "a", np.arange(rows))
    rat.writeColumn(path, "text", [f"{row}" for row in range(rows)])
    for _ in range(2):
        calcstats.calcStats(path)
        np.testing.assert_array_equal(rat.readColumn(path, "a")[:rows], np.arange(rows))
        assert rat.readColumn(path, "text").tolist()[rows - 1] == f"{rows - 1}".encode()
    with rasterio.open(path) as dataset:
        counts = dataset.tags(1)["STATISTICS_HISTOBINVALUES"].strip("|").split("|")
        bins = int(dataset.tags(1)["STATISTICS_HISTONUMBINS"])
    assert sum(int(float(count)) for count in counts[:bins]) == 1200


def test_columns_of_colours_are_the_colour_table(tmp_path: Path) -> None:
    path = raster(tmp_path / "a.img", "uint8", 1)
    colors = np.arange(1024).reshape(4, 256) % 251
    for usage, values in zip(("Red", "Green", "Blue", "Alpha"), colors, strict=True):
        rat.writeColumn(path, usage, values, colUsage=ColumnUsage[usage])
    assert rat.getColumnNames(path) == ["Red", "Green", "Blue", "Opacity"]
    np.testing.assert_array_equal(rat.readColumn(path, "Opacity"), colors[3])
    np.testing.assert_array_equal(rat.getColorTable(path)[:, 1:].T, colors)


class GdalTable:
    """An attribute table with the methods of osgeo's."""

    def __init__(self) -> None:
        self.columns: list[tuple[str, int, int]] = [("Histogram", 1, 1), ("a", 0, 0)]

    def GetColumnCount(self) -> int:
        return len(self.columns)

    def GetNameOfCol(self, place: int) -> str:
        return self.columns[place][0]

    def GetColOfUsage(self, usage: int) -> int:
        return next((n for n, column in enumerate(self.columns) if column[2] == usage), -1)

    def CreateColumn(self, *column: Any) -> None:
        self.columns.append(column)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ((1, "counts", 1), (0, False)),
        ((0, "a", 0), (1, False)),
        ((0, "b", 2), (2, True)),
        ((6, "Red", 0), (2, True)),
        ((6, "a", 0), (1, False)),
    ],
)
def test_columns_of_gdals_own_tables(
    arguments: tuple[int, str, int], found: tuple[int, bool]
) -> None:
    table = GdalTable()
    assert calcstats.findOrCreateColumn(table, *arguments) == found
    if found[1]:
        assert table.columns[2] == (arguments[1], arguments[2], arguments[0])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a:b", "colon"),
        ("x" * 64, "63 bytes at most"),
        ("ü" * 32, "63 bytes at most"),
        ("a\0b", "has a zero in it"),
        ("\ud800", "is no UTF-8"),
    ],
)
def test_names_that_gdal_would_lose(path: Path, name: str, words: str) -> None:
    rat.writeColumn(path, "a", [7])
    if path.suffix == ".img" or words in ("has a zero in it", "is no UTF-8"):
        with pytest.raises(rioserrors.AttributeTableColumnError, match=words):
            rat.writeColumn(path, name, [1, 2])
        assert rat.readColumn(path, "a").tolist()[:1] == [7]
        assert rat.getColumnNames(path) == ["a"]
    else:
        rat.writeColumn(path, name, [1, 2])
        assert rat.getColumnNames(path) == ["a", name]
        assert rat.readColumn(path, name).tolist() == [1, 2]


def test_what_is_lost_in_place_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = raster(tmp_path / "a.img")
    rat.writeColumn(path, "a", [7])
    monkeypatch.setattr(Hfa, "why_no_column", Format.why_no_column)
    with pytest.raises(rioserrors.ImageWriteError, match=r"should be 2 rows and .* a, a:b"):
        rat.writeColumn(path, "a:b", [1, 2])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.ma.array([1, 2], mask=[False, True]), "masked"),
        (["\ud800"], "cannot be written as UTF-8"),
        (np.array([np.longdouble(1) / 3]), "cannot hold all of"),
        (np.array(["2020-01-01"], "M8[D]"), r"or text \(dates come with GDAL 3.12\)"),
        (3, r"shape is \(\)"),
    ],
)
def test_values_that_would_change(path: Path, values: Any, words: str) -> None:
    errors = (rioserrors.AttributeTableTypeError, rioserrors.ArrayShapeError)
    with pytest.raises(errors, match=words):
        rat.writeColumn(path, "a", values)
    assert rat.getColumnNames(path) == []
    with pytest.raises(rioserrors.ParameterError, match="columnName=3: give a text"):
        rat.writeColumn(path, 3, [1])  # type: ignore[arg-type]


def test_a_mask_that_hides_nothing(path: Path) -> None:
    rat.writeColumn(path, "a", np.ma.array([1, 2]))
    assert rat.readColumn(path, "a").tolist() == [1, 2]
