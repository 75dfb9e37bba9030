"""Outputs, statistics and colours that the compatibility page calls the same as RIOS's."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import (
    applier,
    calcstats,
    colortable,
    cuiprogress,
    engine,
    fileinfo,
    pixelgrid,
    rat,
    structures,
)
from tests.support.rasters import coordinates, write_raster

#: Pixels, and minimum, maximum, bins and function of their histogram.
HISTOGRAMS: list[tuple[Any, bool, list[Any]]] = [
    (np.array([3, 9], "uint8"), False, ["0", "9", "10", "direct"]),
    (np.array([3, 9], "uint16"), True, ["0", "9", "10", "direct"]),
    (np.array([3, 9], "uint16"), False, ["3", "9", "7", "direct"]),
    (np.array([-3, 9], "int8"), False, ["-3", "9", "13", "direct"]),
    (np.array([7, 7], "int16"), False, ["7", "7", "1", "direct"]),
    (np.array([-5, 1000], "int32"), False, ["-5", "1000", "256", "linear"]),
    (np.array([0, 255], "int64"), False, ["0", "255", "256", "direct"]),
    (np.array([0.5, 4.5], "float32"), False, ["0.5", "4.5", "256", "linear"]),
    (np.array([2.5, 2.5], "float32"), False, ["2.5", "3", "1", "linear"]),
]


@pytest.mark.parametrize(("values", "thematic", "expected"), HISTOGRAMS)
def test_bins(tmp_path: Path, values: Any, thematic: bool, expected: list[Any]) -> None:
    path = write_raster(tmp_path / "a.tif", np.resize(values, (1, 8, 8)))
    if thematic:
        with rasterio.open(path, "r+") as file:
            file.update_tags(1, LAYER_TYPE="thematic")
    calcstats.calcStats(path)
    with rasterio.open(path) as file:
        tags = file.tags(1)
    names = ("HISTOMIN", "HISTOMAX", "HISTONUMBINS", "HISTOBINFUNCTION")
    assert [tags[f"STATISTICS_{name}"] for name in names] == expected
    counts = tags["STATISTICS_HISTOBINVALUES"]
    assert counts.endswith("|")
    assert sum(map(int, counts[:-1].split("|"))) == 64
    assert tags["STATISTICS_SKIPFACTORX"] == tags["STATISTICS_SKIPFACTORY"] == "1"
    stats = fileinfo.ImageFileStats(str(path))[0]
    assert (stats.min, stats.max) == (values.min(), values.max())


def test_colours(tmp_path: Path) -> None:
    table = colortable.genTable(5, "gray", ignoreVal=2)
    assert table.shape == (4, 5)
    assert table.dtype == np.uint8
    assert table[:, 2].tolist() == [0, 0, 0, 0]
    path = write_raster(tmp_path / "a.tif", coordinates(1, 8, 8, "uint8"))
    with pytest.raises(colortable.ColorTableMissingException):
        colortable.getTable(path)
    rat.setColorTable(path, [[1, 2, 3, 4]])
    assert rat.getColorTable(path).shape == (256, 5)
    assert "RANDOM" in colortable.getRampNames()


def test_progress_in_a_log() -> None:
    out = io.StringIO()
    bar = cuiprogress.LogProgressBar(out)
    bar.setTotalSteps(200)
    for step in (0, 1, 2, 3, 200):
        bar.setProgress(step)
    assert len(out.getvalue().splitlines()) == 3
    for kind in ("CUIProgressBar", "GDALProgressBar", "SilentProgress", "LogProgressBar"):
        shown = getattr(cuiprogress, kind)()
        assert shown.wasCancelled() is False
        methods = ("reset", "setLabelText", "displayException", "displayWarning", "displayError")
        assert all(callable(getattr(shown, name)) for name in (*methods, "displayInfo"))


class Copied:
    """A job that copies two bands, with a pixel of -9 in each."""

    def __init__(self, folder: Path) -> None:
        pixels = coordinates(2, 20, 30, "int16")
        pixels[:, 3, 4] = -9
        self.infiles: Any = structures.FilenameAssociations()
        self.outfiles: Any = structures.FilenameAssociations()
        self.infiles.a = write_raster(folder / "in.tif", pixels)
        self.outfiles.b = folder / "b.tif"
        self.controls = applier.ApplierControls()

    def run(self) -> rasterio.io.DatasetReader:
        def function(info: Any, inputs: Any, outputs: Any) -> None:
            outputs.b = inputs.a

        engine.apply(function, self.infiles, self.outfiles, controls=self.controls)
        return rasterio.open(self.outfiles.b)


def test_what_outputs_get(tmp_path: Path) -> None:
    job = Copied(tmp_path)
    job.controls.setStatsIgnore(-9)
    job.controls.setThematic(True)
    job.controls.setLayerNames(["first", "second"])
    job.controls.selectInputImageLayers([2, 1])
    # a class below 0 has no bin
    job.controls.setOmitHistogram(True)
    with job.run() as file:
        assert file.nodatavals == (-9, -9)
        assert file.descriptions == ("first", "second")
        tags = file.tags(1)
        assert tags["LAYER_TYPE"] == "thematic"
        assert tags["STATISTICS_EXCLUDEDVALUES"] == "-9"
        assert "STATISTICS_APPROXIMATE" not in tags
        pixels = file.read(1, masked=True)
    with rasterio.open(job.infiles.a) as file:
        np.testing.assert_array_equal(file.read(2), pixels.data)
    assert float(tags["STATISTICS_MINIMUM"]) == pixels.min()
    assert float(tags["STATISTICS_MEAN"]) == pytest.approx(pixels.mean())
    # of the population
    assert float(tags["STATISTICS_STDDEV"]) == pytest.approx(pixels.std())


def test_no_nodata_value(tmp_path: Path) -> None:
    job = Copied(tmp_path)
    job.controls.setStatsIgnore(None)
    with job.run() as file:
        assert file.nodata is None
        assert file.tags(1)["STATISTICS_MINIMUM"] == "-9"
        assert "STATISTICS_EXCLUDEDVALUES" not in file.tags(1)


def test_what_is_refused_at_once(tmp_path: Path) -> None:
    for setter, words in (
        (lambda controls: controls.setThematic(True, imagename="c"), "'c'"),
        (lambda controls: controls.setBurnValue(3, vectorname="v"), "'v'"),
        (lambda controls: controls.setFootprintType(7), "footprint"),
        (lambda controls: (controls.setOmitPyramids(True), controls.setApproxStats(True)), "."),
    ):
        job = Copied(tmp_path)
        setter(job.controls)
        with pytest.raises(ValueError, match=words):
            job.run()
    job = Copied(tmp_path)
    del job.infiles.a
    with pytest.raises(ValueError, match=r"\w"):
        job.run()


def test_what_single_pass_tells(tmp_path: Path) -> None:
    infiles: Any = structures.FilenameAssociations()
    outfiles: Any = structures.FilenameAssociations()
    infiles.a = write_raster(tmp_path / "in.tif", coordinates(1, 300, 300, "uint8"))
    outfiles.b, outfiles.several = tmp_path / "b.tif", [tmp_path / "c.img", tmp_path / "d.tif"]

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.b, outputs.several = inputs.a, [inputs.a, inputs.a]

    controls = applier.ApplierControls()
    controls.setOmitHistogram(True, imagename="b")
    controls.setOverviewMinDim(30)
    result = engine.apply(function, infiles, outfiles, controls=controls)
    manager = result.singlePassMgr
    assert manager.directPyramidsSupported == {"b": True, "several": True}
    assert manager.doSinglePassPyramids("several")
    assert manager.doSinglePassStatistics("b")
    assert not manager.doSinglePassHistogram("b")
    assert result.otherArgsList == [None]
    assert isinstance(result.timings, structures.Timers)
    assert isinstance(result.workinggrid, pixelgrid.PixelGridDefn)
    with rasterio.open(outfiles.b) as file:
        # strictly more than 30: 300 // 8 is 37, 300 // 16 is 18
        assert file.overviews(1) == [4, 8]
    json.dumps(manager.directPyramidsSupported)
