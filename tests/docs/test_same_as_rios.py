"""What the compatibility page calls the same: tried against what RIOS 2.0.9 was seen to do."""

from __future__ import annotations

import inspect
import io
import json
import sys
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
    imageio,
    pixelgrid,
    rat,
    rioserrors,
    structures,
)
from tests.docs.test_generated_pages import ROWS, find
from tests.support.rasters import CRS, coordinates, write_raster

GRID = {"projection": CRS, "xRes": 10.0, "yRes": 10.0}


def grid(xmin: float, xmax: float, ymin: float, ymax: float, **more: Any) -> Any:
    edges = {"xMin": xmin, "xMax": xmax, "yMin": ymin, "yMax": ymax}
    return pixelgrid.PixelGridDefn(**{**GRID, **edges, **more})


def test_one_thing_has_one_status_under_all_its_names() -> None:
    told: dict[int, dict[str, list[str]]] = {}
    for row in ROWS:
        if row["signature"] is None:
            continue
        found = find(row["name"])
        if isinstance(found, type) or inspect.isfunction(found):
            told.setdefault(id(found), {}).setdefault(row["status"], []).append(row["name"])
    assert [names for names in told.values() if len(names) > 1] == []


def test_defaults_of_the_controls() -> None:
    controls = applier.ApplierControls()
    expected: dict[str, Any] = {
        "windowxsize": 256,
        "windowysize": 256,
        "overlap": 0,
        "footprint": 0,
        "filesforextent": None,
        "referenceImage": None,
        "referencePixgrid": None,
        "creationoptions": None,
        "thematic": False,
        "layernames": None,
        "statsIgnore": 0,
        "inputnodata": None,
        "resampleMethod": "near",
        "layerselection": None,
        "omitPyramids": False,
        "omitBasicStats": False,
        "omitHistogram": False,
        "overviewLevels": [4, 8, 16, 32, 64, 128, 256, 512],
        "overviewMinDim": 128,
        "overviewAggType": None,
        "singlePassPyramids": None,
        "singlePassBasicStats": None,
        "singlePassHistogram": None,
        "approxStats": False,
        "autoColorTableType": None,
        "callBeforeClose": None,
        "allowOverviewsGdalwarp": False,
        "tempdir": ".",
        "jobName": None,
        "progress": None,
        "burnvalue": 1,
        "burnattribute": None,
        "vectornull": 0,
        "alltouched": False,
        "vectordatatype": "uint8",
        "vectorlayer": 0,
        "loggingstream": sys.stdout,
    }
    assert {name: getattr(controls, name) for name in expected} == expected


def test_set_calc_stats_is_three_flags() -> None:
    controls = applier.ApplierControls()
    controls.setCalcStats(False)
    assert controls.omitPyramids
    assert controls.omitBasicStats
    assert controls.omitHistogram
    controls.setCalcStats(True, imagename="out")
    names = ("omitPyramids", "omitBasicStats", "omitHistogram")
    assert [controls.getOptionForImagename(name, "out") for name in names] == [False] * 3
    assert [controls.getOptionForImagename(name, "other") for name in names] == [True] * 3


def test_associations() -> None:
    files: Any = structures.FilenameAssociations()
    files.one, files.several = "a", ["b", "c"]
    assert list(files) == [("one", None, "a"), ("several", 0, "b"), ("several", 1, "c")]
    assert len(files) == 3
    assert files["several"] == files["several", None] == ["b", "c"]
    assert (files["several", 1], files["several", -2]) == ("c", "b")
    assert "one" in files
    assert ("several", 1) in files
    assert ("several", 2) not in files
    for key in (("several", 2), ("one", 0), "none", 3):
        with pytest.raises(KeyError):
            files[key]
    files.bad = 3
    with pytest.raises(ValueError, match="Invalid entry for name"):
        files["bad"]


def test_arrays_of_a_block() -> None:
    files: Any = structures.FilenameAssociations()
    files.one, files.several = "a", ["b", "c"]
    blocks: Any = structures.BlockAssociations(files)
    assert (blocks.one, blocks.several, len(blocks)) == (None, [None, None], 0)
    blocks["several", 1], blocks["new", None] = np.zeros(1), np.ones(1)
    assert len(blocks) == 2
    assert blocks.new is blocks["new"]
    with pytest.raises(KeyError):
        blocks["several", 2] = np.zeros(1)


def test_blocks_are_ordered() -> None:
    blocks = [structures.ApplierBlockDefn(*numbers) for numbers in ((4, 0, 2, 2), (0, 8, 2, 2))]
    assert sorted(blocks) == blocks[::-1]
    assert len({*blocks, structures.ApplierBlockDefn(4, 0, 2, 2)}) == 2


@pytest.mark.parametrize(
    "style",
    [
        {"singleBlockComputeWorkers": True, "numComputeWorkers": 2, "computeWorkerKind": "CW_PBS"},
        {"singleBlockComputeWorkers": True, "numReadWorkers": 2, "computeWorkerKind": "CW_PBS"},
        {"computeWorkersRead": True, "computeWorkerKind": "CW_THREADS", "numComputeWorkers": 1},
        {"singleBlockComputeWorkers": True, "computeWorkerKind": "CW_THREADS"},
        {"numComputeWorkers": 1},
        {"computeWorkerKind": "CW_SLURM"},
        {"numComputeWorkers": 1, "computeWorkersRead": False, "computeWorkerKind": "CW_PBS"},
        {"computeWorkerKind": "CW_AWSBATCH", "singleBlockComputeWorkers": True},
        {"computeWorkerKind": "CW_THREADS", "numComputeWorkers": 9999, "numReadWorkers": 1},
    ],
)
def test_styles_that_make_no_sense(style: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        structures.ConcurrencyStyle(**style)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the user function is told of each block of 100 columns and 70 rows."""
    folder, seen = tmp_path_factory.mktemp("told"), []

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        methods = (
            *("getWindowSize", "getOverlapSize", "getTotalSize", "getTransform", "getTotalBlocks"),
            *("getBlockSize", "getBlockCount", "getPixelSize", "isFirstBlock", "isLastBlock"),
            *("getPercent", "getBlockCoordArrays", "getProjection"),
        )
        attributes = (
            *("xsize", "ysize", "xtotalblocks", "ytotalblocks", "blockwidth", "blockheight"),
            *("blocktl", "blockbr", "xblock", "yblock", "windowxsize", "windowysize", "overlap"),
            *("workingGrid", "loggingstream"),
        )
        told = {name: getattr(info, name)() for name in methods}
        told |= {name: getattr(info, name) for name in attributes}
        told["lookup"] = (info.filenameLookup[id(inputs.a)], id(inputs.a) in info.nullvalLookup)
        told["shape"] = inputs.a.shape
        seen.append(told)

    infiles: Any = structures.FilenameAssociations()
    infiles.a = write_raster(folder / "in.tif", coordinates(2, 70, 100, "int16"))
    controls = applier.ApplierControls()
    controls.setWindowSize(40, 30)
    controls.setOverlap(2)
    engine.apply(function, infiles, structures.FilenameAssociations(), controls=controls)
    return seen


def test_what_a_block_tells(seen: list[dict[str, Any]]) -> None:
    assert len(seen) == 9
    told = seen[5]
    with_margin = (2, 30 + 4, 20 + 4)
    assert told["shape"] == with_margin
    assert (told["getWindowSize"], told["windowxsize"], told["windowysize"]) == ((40, 30), 40, 30)
    assert told["getOverlapSize"] == told["overlap"] == 2
    assert told["getTotalSize"] == (told["xsize"], told["ysize"]) == (100, 70)
    assert told["getTotalBlocks"] == (told["xtotalblocks"], told["ytotalblocks"]) == (3, 3)
    assert told["getBlockSize"] == (told["blockwidth"], told["blockheight"]) == (20, 30)
    assert told["getBlockCount"] == (told["xblock"], told["yblock"]) == (2, 1)
    left, width, _, top, _, height = told["getTransform"]
    assert told["getPixelSize"] == (width, -height)
    assert told["workingGrid"].makeGeoTransform() == told["getTransform"]
    assert isinstance(told["blocktl"], imageio.Coord)
    assert (told["blocktl"].x, told["blocktl"].y) == (left + 80 * width, top + 30 * height)
    assert (told["blockbr"].x, told["blockbr"].y) == (left + 100 * width, top + 60 * height)
    x, y = told["getBlockCoordArrays"]
    assert x.shape == y.shape == with_margin[1:]
    assert (x[0, 0], y[0, 0]) == (left + 78.5 * width, top + 28.5 * height)
    assert rasterio.crs.CRS.from_wkt(told["getProjection"]) == rasterio.crs.CRS.from_user_input(CRS)
    assert told["lookup"][0].endswith("in.tif")
    assert told["lookup"][1]
    assert [told["isFirstBlock"] for told in seen] == [True] + [False] * 8
    assert [told["isLastBlock"] for told in seen] == [False] * 8 + [True]
    percents = [told["getPercent"] for told in seen]
    assert percents == sorted(percents)
    assert all(type(percent) is int for percent in percents)


REPORT = """Wall clock elapsed time: 12.3 seconds

Timer                      Total (sec)
--------------------------------
reading                      1.8
userfunction                 2.2
writing                    110.0"""
SPREAD = """


Timer                      N,Min,Lower,Median,Upper,Max
-------------------------------------------------------
reading                 2,0.5000,0.6875,0.8750,1.0625,1.2500
userfunction            3,0.5000,0.6250,0.7500,0.8750,1.0000
writing                 1,110.0000,110.0000,110.0000,110.0000,110.0000"""


def test_report_of_timings() -> None:
    timers = structures.Timers()
    durations = {
        "walltime": [12.3],
        "writing": [110.0],
        "userfunction": [0.5, 0.75, 1.0],
        "reading": [0.5, 1.25],
        "mine": [3.0],
    }
    for name, lengths in durations.items():
        for length in lengths:
            timers.record(name, 0.0, length)
    assert timers.formatReport() == REPORT
    assert timers.formatReport(level=1) == REPORT + SPREAD
    assert timers.getDurationsForName("reading") == [0.5, 1.25]
    assert timers.getDurationsForName("nothing") is None
    summary = timers.makeSummaryDict()["userfunction"]
    assert dict(summary) == {
        **{"tot": 2.25, "min": 0.5, "max": 1.0, "lower": 0.625, "median": 0.75, "upper": 0.875},
        "N": 3,
    }
    twice = structures.Timers()
    twice.merge(timers)
    twice.merge(timers)
    assert twice.getDurationsForName("reading") == [0.5, 1.25, 0.5, 1.25]


def test_grids() -> None:
    ours = grid(0, 100, 0, 50)
    assert str(ours).startswith("xMin:0.0,xMax:100.0,")
    assert ours.getDimensions() == (5, 10)
    assert ours.makeGeoTransform() == (0, 10, 0, 50, 0, -10)
    step = 0.001 * 10 / 10
    assert ours.alignedWith(grid(0.9 * step, 100 + 0.9 * step, 0, 50))
    assert not ours.alignedWith(grid(1.1 * step, 100 + 1.1 * step, 0, 50))
    assert not ours.equalPixSize(grid(0, 100, 0, 50, xRes=10 + 1e-12))
    shared = ours.intersection(grid(50, 150, 0, 50))
    assert (shared.xMin, shared.xMax) == (50, 100)
    whole = ours.union(grid(50, 150, 0, 50))
    assert (whole.xMin, whole.xMax) == (0, 150)
    assert ours.union(grid(5, 105, 0, 50)) is None
    assert ours.intersection(grid(5, 105, 0, 50)) is None
    with pytest.raises(rioserrors.IntersectionError, match="Images don't intersect"):
        ours.intersection(grid(200, 300, 0, 50))
    defn = pixelgrid.PixelGridDefn
    assert [defn.roundAway(x) for x in (0.5, 1.5, -0.5, -2.5, 2.4)] == [1, 2, -1, -3, 2]
    assert defn.getNumPix(100, 0, 40) == 3
    assert defn.snapToGrid(13, 0, 10) == 10
    assert len(defn.densifyInterval(0, 1)) == 101
    assert (
        pixelgrid.findCommonRegion([grid(200, 300, 0, 50)], ours, applier.BOUNDS_FROM_REFERENCE)
        is ours
    )
    assert pixelgrid.removeSurrounding([ours]) == [ours]


def test_positions() -> None:
    transform = (100, 10, 0, 500, 0, -10)
    place = imageio.wld2pix(transform, 125, 470)
    assert (place.x, place.y) == (2.5, 3)
    back = imageio.pix2wld(transform, 2.5, 3)
    assert (back.x, back.y) == (125, 470)


def test_errors_of_workers() -> None:
    try:
        raise KeyError("red")
    except KeyError as error:
        numbered = structures.WorkerErrorRecord(error, "compute", 3)
        plain = structures.WorkerErrorRecord(error, "main")
    assert str(numbered).startswith("Error in compute worker 3\nTraceback")
    assert str(numbered).rstrip().endswith("KeyError: 'red'")
    assert str(plain).startswith("Error in main worker\n")


def test_temporary_files(tmp_path: Path) -> None:
    manager = structures.TempfileManager(str(tmp_path))
    name = Path(manager.mktempfile(prefix="a_", suffix=".vrt"))
    assert name.parent.parent == tmp_path
    assert name.parent.name.startswith("rios_")
    assert (name.name[:2], name.suffix, name.exists()) == ("a_", ".vrt", True)
    manager.cleanup()
    assert list(tmp_path.iterdir()) == []


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
