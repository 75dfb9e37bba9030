"""Nodata values that files are given, and what becomes of their statistics."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from rios_flows import rioserrors
from rios_flows.cli import statistics as commands
from rios_flows.files import statistics as calcstats
from tests.support.finished import tags_of, write


@pytest.mark.parametrize("name", ["a.tif", "a.img"])
@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("uint8", 300), ("uint8", -1), ("int16", 0.5), ("int32", math.nan), ("float32", 1e300)],
)
def test_a_nodata_value_that_no_pixel_can_have(
    tmp_path: Path, name: str, dtype: str, nodata: float, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / name, np.ones((2, 20, 20), dtype), 7)
    words = rf"'{path}' is {dtype}, which cannot have the nodata value {re.escape(str(nodata))}"
    with pytest.raises(rioserrors.ParameterError, match=words):
        calcstats.setNullValue(path, nodata)
    for function in (calcstats.calcStats, calcstats.addStatistics):
        with pytest.raises(rioserrors.ParameterError, match=words):
            function(path, ignore=nodata)
    assert commands.rioscalcstats_main([str(path), f"--ignore={nodata}"]) == 1
    assert re.search(words, capsys.readouterr().err)
    with rasterio.open(path) as dataset:
        assert dataset.nodatavals == (7, 7)
    assert not tags_of(path).get("STATISTICS_MEAN")


@pytest.mark.parametrize("name", ["a.tif", "a.img"])
@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("uint8", 255), ("int16", -9999.0), ("float32", 0.1), ("float64", math.nan)],
)
def test_a_nodata_value(tmp_path: Path, name: str, dtype: str, nodata: float) -> None:
    path = write(tmp_path / name, np.ones((2, 20, 20), dtype))
    calcstats.setNullValue(path, nodata)
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(np.array(dataset.nodatavals, dtype), np.array(nodata, dtype))


def test_a_format_that_keeps_no_nodata_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.tif", np.ones((1, 20, 20), np.uint8))
    forgetful = property(lambda self: None, lambda self, value: None)
    monkeypatch.setattr(rasterio.io.DatasetWriter, "nodata", forgetful)
    with pytest.raises(rioserrors.ImageWriteError, match=r"a\.tif' \(GTiff\) does not keep .* 5"):
        calcstats.setNullValue(path, 5)


def test_each_band_has_its_own_nodata_value(tmp_path: Path) -> None:
    write(tmp_path / "plain.tif", np.array([[[1, 2, 3, 4]], [[1, 2, 3, 4]]], np.uint8))
    rasterio.shutil.copy(str(tmp_path / "plain.tif"), str(tmp_path / "a.vrt"), driver="VRT")
    text = (tmp_path / "a.vrt").read_text()
    for band, nodata in ((1, 1), (2, 4)):
        begin = f'band="{band}">'
        text = text.replace(begin, f"{begin}<NoDataValue>{nodata}</NoDataValue>")
    (tmp_path / "a.vrt").write_text(text)
    rasterio.shutil.copy(str(tmp_path / "a.vrt"), str(tmp_path / "a.img"), driver="HFA")
    calcstats.addStatistics(tmp_path / "a.img")
    found = [tags_of(tmp_path / "a.img", band) for band in (1, 2)]
    assert [tags["STATISTICS_EXCLUDEDVALUES"] for tags in found] == ["1", "4"]
    assert [tags["STATISTICS_MINIMUM"] for tags in found] == ["2", "1"]
    assert [tags["STATISTICS_MAXIMUM"] for tags in found] == ["4", "3"]


def test_the_nodata_value_of_floats_stays_one(tmp_path: Path) -> None:
    assert calcstats.nodata_as_pixel_value("float32", 3.0) == 3.0
    assert repr(calcstats.nodata_as_pixel_value("uint8", 3.0)) == "3"
    assert calcstats.nodata_as_pixel_value("uint8", 300.0) == 300.0
    assert calcstats.nodata_as_pixel_value("uint8", None) is None
