"""What the compatibility page calls the same: tried against what RIOS 2.0.9 was seen to do."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import (
    applier,
    engine,
    imageio,
    pixelgrid,
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
