"""The column of pixel counts of rasters with classes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import applier, calcstats, engine, fileinfo, rat, rioserrors
from rios_flows.files import histogramcolumns
from rios_flows.files.tables import NotKeptError
from rios_flows.rat import ColumnType, ColumnUsage
from tests.support import gdalinfo
from tests.support.rasters import write_raster

CLASSES = np.random.default_rng(3).integers(0, 40, (2, 50, 60))


def classes(folder: Path, dtype: str = "uint16", shift: int = 0) -> Path:
    return write_raster(folder / "in.tif", (CLASSES + shift).astype(dtype))


def make(source: Path, path: Path, driver: str, **how: Any) -> None:
    """Copy classes to a thematic output; ``how`` are its controls."""

    def copy(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.classes = inputs.classes

    infiles, outfiles = applier.FilenameAssociations(), applier.FilenameAssociations()
    infiles.classes, outfiles.classes = str(source), str(path)
    controls = applier.ApplierControls()
    controls.setThematic(True)
    controls.setOutputDriverName(driver)
    controls.setStatsIgnore(None)
    for setter, arguments in how.items():
        getattr(controls, setter)(*arguments)
    engine.apply(copy, infiles, outfiles, controls=controls)


def counts(band: int, length: int) -> list[int]:
    found = np.unique_counts(CLASSES[band - 1])
    made = [0] * length
    for value, count in zip(found.values, found.counts, strict=True):
        made[int(value)] = int(count)
    return made


@pytest.mark.parametrize("driver", ["GTiff", "COG", "ENVI", "HFA"])
def test_an_output_with_classes(tmp_path: Path, driver: str) -> None:
    path = tmp_path / "a.any"
    make(classes(tmp_path), path, driver)
    for band in (1, 2):
        assert rat.readColumn(path, "Histogram", band).tolist() == counts(band, 40)
        assert rat.getUsageOfColumn(path, "Histogram", band) is ColumnUsage.PixelCount
    weighted = fileinfo.RatStats(str(path), ["Histogram"], histogramweighted=True)
    assert weighted.Histogram.count == CLASSES[0].size


@pytest.mark.skipif(shutil.which("gdalinfo") is None, reason="gdal-bin is missing")
def test_what_gdalinfo_sees(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    make(classes(tmp_path, "uint8"), path, "GTiff")
    name, kind, usage, cells = gdalinfo.columns(path)[0]
    assert (name, kind, usage) == ("Histogram", f"{ColumnType.Real:d}", "1")
    assert [float(cell) for cell in cells] == counts(1, 256)
    told = gdalinfo.tables(path)[1].attrib
    assert told == {"Row0Min": "0", "BinSize": "1", "tableType": "thematic"}


def test_what_is_called_before_the_close_finds_it(tmp_path: Path) -> None:
    def add_area(dataset: Any) -> None:
        band = dataset.GetRasterBand(1)
        rat.writeColumnToBand(band, "area", rat.readColumnFromBand(band, "Histogram") * 0.09)

    path = tmp_path / "a.tif"
    make(
        classes(tmp_path),
        path,
        "GTiff",
        setCallBeforeClose=(add_area,),
        setAutoColorTableType=("gray",),
    )
    assert rat.getColumnNames(path) == ["Histogram", "area"]
    np.testing.assert_allclose(rat.readColumn(path, "area"), np.array(counts(1, 40)) * 0.09)
    assert len(rat.getColorTable(path)) >= 40


@pytest.mark.parametrize(
    ("dtype", "shift", "how"),
    [
        ("int16", -3, {}),
        ("uint32", 70_000, {}),
        ("uint16", 0, {"setOmitHistogram": (True,)}),
        ("uint16", 0, {"setThematic": (False,)}),
    ],
)
def test_where_rows_would_not_be_values(
    tmp_path: Path, dtype: str, shift: int, how: dict[str, Any]
) -> None:
    path = tmp_path / "a.tif"
    make(classes(tmp_path, dtype, shift), path, "GTiff", **how)
    assert rat.getColumnNames(path) == []
    assert not os.path.exists(f"{path}.aux.xml")


def test_a_format_that_keeps_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise NotKeptError("'a.tif' cannot keep one")

    monkeypatch.setattr(histogramcolumns, "changing_table", refuse)
    make(classes(tmp_path), tmp_path / "a.tif", "GTiff")
    assert "No column of pixel counts for band 2 of '" in caplog.text
    assert issubclass(NotKeptError, rioserrors.ImageWriteError)


@pytest.mark.parametrize("is_open", [False, True])
def test_statistics_of_a_finished_file(tmp_path: Path, is_open: bool) -> None:
    path = tmp_path / "a.tif"
    make(classes(tmp_path), path, "GTiff")
    rat.writeColumn(path, "kept", np.arange(60))
    with rasterio.open(path, "r+") as dataset:
        dataset.write(CLASSES[::-1].astype("uint16"))
        dataset.write(np.full((50, 60), 7, "uint16"), 2)
        if is_open:
            calcstats.addStatistics(dataset)
    if not is_open:
        calcstats.addStatistics(path)
    assert rat.readColumn(path, "Histogram").tolist() == counts(2, 60)
    second = rat.readColumn(path, "Histogram", 2).tolist()
    assert (second[7], sum(second)) == (3000, 3000)
    assert rat.readColumn(path, "kept").tolist() == list(range(60))
    calcstats.setNullValue(path, 7)
    calcstats.addStatistics(path)
    assert not rat.readColumn(path, "Histogram", 2).any()


def test_a_raster_of_no_classes_gets_none(tmp_path: Path) -> None:
    path = classes(tmp_path)
    calcstats.calcStats(path)
    assert rat.getColumnNames(path) == []
