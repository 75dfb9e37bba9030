"""Columns that HFA would lose or change, of which GDAL says nothing."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio

from rios_flows import rat, rioserrors
from rios_flows.rat import ColumnUsage
from tests.support.rasters import coordinates, write_raster


def raster(path: Path) -> Path:
    driver = {".tif": "GTiff", ".img": "HFA"}[path.suffix]
    return write_raster(path, coordinates(2, 40, 30, "uint16"), driver=driver)


def test_hfa_takes_no_notice_of_capitals(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = raster(tmp_path / "a.img")
    rat.writeColumn(path, "area", [1.5, 2.5])
    with pytest.raises(rioserrors.AttributeTableColumnError, match=r"'AREA' of .* beside 'area'"):
        rat.writeColumn(path, "AREA", [9, 8])
    assert rat.readColumn(path, "area").tolist() == [1.5, 2.5]
    # of ASCII only
    rat.writeColumn(path, "é", [1])
    rat.writeColumn(path, "É", [2])
    # GDAL would read other numbers, and garbage
    for name in ("red", "Green", "BLUE", "opacity"):
        for values in ([0.5, 0.25], ["a", "b"]):
            with pytest.raises(rioserrors.AttributeTableTypeError, match="type Integer"):
                rat.writeColumn(path, name, values)
        rat.writeColumn(path, name, [5.0, 255])
        assert rat.readColumn(path, name).tolist() == [5, 255]
    assert "'BLUE' of band 1 of" in caplog.text
    assert rat.getColumnNames(path) == ["area", "é", "É", "red", "Green", "BLUE", "opacity"]
    # other formats know one from the other
    other = raster(tmp_path / "a.tif")
    for name in ("area", "AREA", "red"):
        rat.writeColumn(other, name, [len(name) / 8])
    assert [rat.readColumn(other, name)[0] for name in ("area", "AREA", "red")] == [0.5, 0.5, 0.375]


@pytest.mark.parametrize("size", [2**31 - 1000, 2**31 + 1000, 2**32 + 1000])
def test_hfa_has_two_gibibytes(tmp_path: Path, size: int) -> None:
    # GDAL would write over pixels, or leave columns that nobody can read
    path = raster(tmp_path / "a.img")
    rat.writeColumn(path, "old", np.arange(10) * 2.5)
    rat.writeColumn(path, "text", ["long enough"] * 10)
    # nobody writes so many bytes here
    os.truncate(path, size)
    fits = size < 2**31
    for name, values in (
        ("longer", np.arange(1000)),
        ("text", ["y" * 300] * 10),
        ("new", np.arange(10)),
    ):
        if name == "new" and fits:
            rat.writeColumn(path, name, values)
            continue
        with pytest.raises(rioserrors.ImageWriteError, match="no place for more than 2 GiB"):
            rat.writeColumn(path, name, values)
    # what is there already needs no place
    rat.writeColumn(path, "text", ["as long as "] * 10)
    rat.writeColumn(path, "old", np.arange(10))
    assert rat.getColumnNames(path) == ["old", "text", *(["new"] if fits else [])]
    assert rat.readColumn(path, "old").tolist() == list(range(10))
    assert rat.readColumn(path, "text").tolist() == [b"as long as "] * 10
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(), coordinates(2, 40, 30, "uint16"))


def test_colours_of_hfa_go_to_255(tmp_path: Path) -> None:
    path = raster(tmp_path / "a.img")
    every = list(range(256))
    for name, usage in (("Red", ColumnUsage.Generic), ("part", ColumnUsage.Alpha)):
        for values in ([0, 256], [-1, 5]):
            with pytest.raises(rioserrors.AttributeTableTypeError, match="from 0 to 255, and th"):
                rat.writeColumn(path, name, values, colUsage=usage)
        rat.writeColumn(path, name, every, colUsage=usage)
    assert rat.getColumnNames(path) == ["Red", "Opacity"]
    assert rat.readColumn(path, "Red").tolist() == rat.readColumn(path, "Opacity").tolist() == every
