"""ApplierControls: every control, the per-image rule, and the one exit to options."""

from __future__ import annotations

import copy
import inspect
import json
import logging
import math
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.controls import ApplierControls
from rios_flows.controls.held import changed, resolved
from rios_flows.controls.options import CONTROLS
from rios_flows.controls.retries import BlockRetries
from rios_flows.geometry.pixelgriddefn import PixelGridDefn
from rios_flows.rioserrors import ParameterError
from tests.support.controlled import Progress, before_close, inputs, outputs, resolve

GRID = PixelGridDefn(geotransform=(0, 1, 0, 10, 0, -1), nrows=10, ncols=10, projection="")


#: setter, value, attribute, value in the attribute
SETTERS: list[tuple[str, Any, str, Any]] = [
    ("setWindowXsize", 100, "windowxsize", 100),
    ("setWindowYsize", 50, "windowysize", 50),
    ("setOverlap", 3, "overlap", 3),
    ("setFootprintType", 1, "footprint", 1),
    ("setFilesForExtent", ["a.tif"], "filesforextent", ["a.tif"]),
    ("setBounds", [1, 2, 3, 4], "bounds", [1, 2, 3, 4]),
    ("setAreaOfInterest", "area.gpkg", "areaOfInterest", "area.gpkg"),
    ("setReferenceImage", "nir", "referenceImage", "nir"),
    ("setReferencePixgrid", GRID, "referencePixgrid", GRID),
    ("setOutputDriverName", "GTiff", "drivername", "GTiff"),
    ("setCreationOptions", ["TILED=YES"], "creationoptions", ["TILED=YES"]),
    ("setThematic", True, "thematic", True),
    ("setLayerNames", ["one"], "layernames", ["one"]),
    ("setTags", {"PROCESSOR": "me"}, "tags", {"PROCESSOR": "me"}),
    ("setChecksum", "md5", "checksum", "md5"),
    ("setStatsIgnore", None, "statsIgnore", None),
    ("setInputNoDataValue", [1, 2], "inputnodata", [1, 2]),
    ("setInputMask", True, "inputmask", True),
    ("setOverlapFill", "reflect", "overlapFill", "reflect"),
    ("setResampleMethod", "cubic", "resampleMethod", "cubic"),
    ("selectInputImageLayers", [2, 1], "layerselection", [2, 1]),
    ("setOmitPyramids", True, "omitPyramids", True),
    ("setOmitBasicStats", True, "omitBasicStats", True),
    ("setOmitHistogram", True, "omitHistogram", True),
    ("setOverviewLevels", [2, 4], "overviewLevels", [2, 4]),
    ("setOverviewMinDim", 33, "overviewMinDim", 33),
    ("setOverviewAggregationType", "AVERAGE", "overviewAggType", "AVERAGE"),
    ("setSinglePassPyramids", True, "singlePassPyramids", True),
    ("setSinglePassBasicStats", False, "singlePassBasicStats", False),
    ("setSinglePassHistogram", True, "singlePassHistogram", True),
    ("setApproxStats", True, "approxStats", True),
    ("setExactHistogram", True, "exactHistogram", True),
    ("setDefaultHistogram", True, "defaultHistogram", True),
    ("setAutoColorTableType", "gray", "autoColorTableType", "gray"),
    ("setCallBeforeClose", before_close, "callBeforeClose", (before_close, ())),
    ("setAllowOverviewsGdalwarp", True, "allowOverviewsGdalwarp", True),
    ("setTempdir", "scratch", "tempdir", "scratch"),
    ("setConcurrencyStyle", ConcurrencyStyle(2), "concurrency", ConcurrencyStyle(2)),
    ("setJobName", "job", "jobName", "job"),
    ("setProgress", Progress, "progress", Progress),
    ("setBlockRetries", 4, "blockRetries", BlockRetries(4, 2, 0.5)),
    ("setRecordsFile", "a.json", "recordsFile", "a.json"),
    ("setShowOtherArgs", True, "showOtherArgs", True),
    ("setResume", True, "resume", True),
    ("setBurnValue", 7, "burnvalue", 7),
    ("setBurnAttribute", "class", "burnattribute", "class"),
    ("setVectorNull", 255, "vectornull", 255),
    ("setFilterSQL", "class > 3", "filtersql", "class > 3"),
    ("setAlltouched", True, "alltouched", True),
    ("setVectorDatatype", np.int16, "vectordatatype", np.int16),
    ("setVectorlayer", "roads", "vectorlayer", "roads"),
]


@pytest.mark.parametrize(("setter", "value", "attribute", "stored"), SETTERS)
def test_setters(setter: str, value: Any, attribute: str, stored: Any) -> None:
    controls = ApplierControls()
    assert getattr(controls, attribute) != stored
    getattr(controls, setter)(value)
    assert getattr(controls, attribute) == stored
    assert CONTROLS[attribute].checked(CONTROLS[attribute].default) == CONTROLS[attribute].default


@pytest.mark.parametrize(
    ("setter", "value", "attribute", "stored"),
    [row for row in SETTERS if CONTROLS[row[2]].per_image],
)
def test_per_image_value_wins(setter: str, value: Any, attribute: str, stored: Any) -> None:
    controls = ApplierControls()
    default = getattr(controls, attribute)
    keyword = list(inspect.signature(getattr(controls, setter)).parameters)[-1]
    assert keyword in ("imagename", "vectorname")
    getattr(controls, setter)(value, **{keyword: "nir"})
    assert controls.getOptionForImagename(attribute, "nir") == stored
    assert controls.getOptionForImagename(attribute, "dates") == default
    assert controls.getOptionForImagename(attribute, None) == default
    assert getattr(controls, attribute) == default


def test_every_control_has_a_row_and_its_setter() -> None:
    # set together with others
    together = {"checkpointInterval", "boundsCrs"}
    assert {row[2] for row in SETTERS} | together == set(CONTROLS)
    assert {row[0] for row in SETTERS} == {setting.setter for setting in CONTROLS.values()}
    controls = ApplierControls()
    assert set(CONTROLS) == set(vars(controls)) - {
        "loggingstream",
        "_per_image",
        "_creation_defaults",
    }


def test_set_window_size_and_calc_stats() -> None:
    controls = ApplierControls()
    controls.setWindowSize(10, 20)
    assert resolve(controls).window == (10, 20)
    controls.setCalcStats(False)
    assert (controls.omitPyramids, controls.omitBasicStats, controls.omitHistogram) == (True,) * 3
    controls.setCalcStats(True, imagename="ndvi")
    assert not resolve(controls).outputs["ndvi", None].omit_pyramids
    assert resolve(controls).outputs["parts", 0].omit_pyramids


def test_defaults_are_logged_by_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        resolve(ApplierControls())
    assert caplog.records == []


def test_changed_is_readable() -> None:
    controls = ApplierControls()
    assert changed(controls) == {}
    controls.setWindowXsize(512)
    controls.setStatsIgnore(math.nan)
    controls.setStatsIgnore(None, imagename="ndvi")
    controls.selectInputImageLayers(range(1, 3), imagename="nir")
    controls.setCallBeforeClose(before_close, args=("word",))
    controls.setProgress(Progress())
    controls.setBlockRetries(userFunction=1)
    controls.setReferencePixgrid(GRID)
    controls.setTempdir(Path("scratch"))  # type: ignore[arg-type]
    controls.setConcurrencyStyle(
        ConcurrencyStyle(numReadWorkers=2, computeWorkerExtraParams={"account": "secret"})
    )
    told = changed(controls)
    assert told == {
        "windowxsize": 512,
        "statsIgnore": "nan",
        "statsIgnore[ndvi]": None,
        "layerselection[nir]": [1, 2],
        "callBeforeClose": ["before_close", ["word"]],
        "progress": "Progress",
        "referencePixgrid": {
            "xMin": 0,
            "xMax": 10,
            "yMin": 0,
            "yMax": 10,
            "xRes": 1,
            "yRes": 1,
            "projection": "",
        },
        "blockRetries": {"user_function": 1, "io": 2, "delay": 0.5},
        "tempdir": "scratch",
        "concurrency": {"numReadWorkers": 2, "computeWorkerExtraParams": ["account"]},
    }
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_repr_tells_what_was_changed() -> None:
    controls = ApplierControls()
    assert repr(controls) == "ApplierControls()"
    controls.setWindowXsize(512)
    controls.setStatsIgnore(None, imagename="ndvi")
    assert repr(controls) == "ApplierControls(windowxsize=512, statsIgnore[ndvi]=None)"
    controls.setWindowXsize(-5)
    assert "windowxsize=-5 is not right" in repr(controls)


@pytest.mark.parametrize("args", [5, None, "word"])
def test_arguments_that_are_no_sequence(args: Any) -> None:
    controls = ApplierControls()
    controls.setCallBeforeClose(before_close, args)
    with pytest.raises(
        ParameterError, match=r"setCallBeforeClose: .* a tuple of further arguments"
    ):
        resolve(controls)


@pytest.mark.parametrize("args", [["word"], ("word",), iter(["word"])])
def test_arguments_become_a_tuple(args: Any) -> None:
    controls = ApplierControls()
    controls.setCallBeforeClose(before_close, args)
    _, hooks = resolved(controls, inputs(), outputs())
    assert hooks.before_close["ndvi", None] == (before_close, ("word",))


def test_a_footprint_by_name_and_a_method_that_is_none() -> None:
    controls = ApplierControls()
    controls.setFootprintType("INTERSECTION")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"must be applier\.INTERSECTION, UNION or BOUNDS"):
        resolve(controls)
    controls = ApplierControls()
    controls.setOverviewAggregationType("AVG")
    with pytest.raises(ParameterError, match="one of NEAREST, AVERAGE, RMS") as caught:
        resolve(controls)
    assert "MAGPHASE" not in str(caught.value)


def test_pickle_and_deepcopy() -> None:
    controls = ApplierControls()
    controls.setWindowSize(100, 50)
    controls.setStatsIgnore(3, imagename="ndvi")
    for twin in (pickle.loads(pickle.dumps(controls)), copy.deepcopy(controls)):
        assert resolve(twin) == resolve(controls)
        assert twin.loggingstream is sys.stdout
        twin.setStatsIgnore(4, imagename="ndvi")
        twin.concurrency.numReadWorkers = 5
    assert controls.getOptionForImagename("statsIgnore", "ndvi") == 3
    assert controls.concurrency == ConcurrencyStyle()
