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

from rios_flows import settings
from rios_flows.associations import FilenameAssociations
from rios_flows.concurrency import ConcurrencyStyle
from rios_flows.controls import ApplierControls
from rios_flows.options import BlockRetries, InputOptions, Options, OutputOptions
from rios_flows.pixelgrid import PixelGridDefn
from rios_flows.rioserrors import ParameterError, ThematicError
from rios_flows.settings import SETTINGS


class Progress:
    """A progress object."""

    def setProgress(self, percent: int) -> None:
        """Hear of progress."""


def before_close(dataset: Any, word: str) -> None:
    """Stand for a user's function."""


def inputs() -> FilenameAssociations:
    files = FilenameAssociations()
    files.nir = "nir.tif"
    files.dates = ["may.tif", "june.tif"]
    return files


def outputs() -> FilenameAssociations:
    files = FilenameAssociations()
    files.ndvi = "ndvi.tif"
    files.parts = ["a.tif", "b.tif"]
    return files


def resolve(controls: ApplierControls) -> Options:
    return controls.options(inputs(), outputs())


GRID = PixelGridDefn(geotransform=(0, 1, 0, 10, 0, -1), nrows=10, ncols=10, projection="")

#: setter, value, attribute, value in the attribute
SETTERS: list[tuple[str, Any, str, Any]] = [
    ("setWindowXsize", 100, "windowxsize", 100),
    ("setWindowYsize", 50, "windowysize", 50),
    ("setOverlap", 3, "overlap", 3),
    ("setFootprintType", 1, "footprint", 1),
    ("setFilesForExtent", ["a.tif"], "filesforextent", ["a.tif"]),
    ("setReferenceImage", "nir", "referenceImage", "nir"),
    ("setReferencePixgrid", GRID, "referencePixgrid", GRID),
    ("setOutputDriverName", "GTiff", "drivername", "GTiff"),
    ("setCreationOptions", ["TILED=YES"], "creationoptions", ["TILED=YES"]),
    ("setThematic", True, "thematic", True),
    ("setLayerNames", ["one"], "layernames", ["one"]),
    ("setStatsIgnore", None, "statsIgnore", None),
    ("setInputNoDataValue", [1, 2], "inputnodata", [1, 2]),
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
    assert (
        settings.check_value(attribute, SETTINGS[attribute].default) == SETTINGS[attribute].default
    )


@pytest.mark.parametrize(
    ("setter", "value", "attribute", "stored"),
    [row for row in SETTERS if SETTINGS[row[2]].per_image],
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
    # set together with "resume"
    assert {row[2] for row in SETTERS} | {"checkpointInterval"} == set(SETTINGS)
    assert {row[0] for row in SETTERS} == {setting.setter for setting in SETTINGS.values()}
    controls = ApplierControls()
    assert set(SETTINGS) == set(vars(controls)) - {
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


def test_defaults_become_default_options() -> None:
    options = resolve(ApplierControls())
    keys = [("nir", None), ("dates", 0), ("dates", 1)]
    assert dict(options.inputs) == {key: InputOptions() for key in keys}
    keys = [("ndvi", None), ("parts", 0), ("parts", 1)]
    assert dict(options.outputs) == {key: OutputOptions() for key in keys}
    assert options == Options(inputs=options.inputs, outputs=options.outputs)
    assert pickle.loads(pickle.dumps(options)) == options


def test_values_are_resolved_for_each_image() -> None:
    controls = ApplierControls()
    controls.setStatsIgnore(255)
    controls.setStatsIgnore(None, imagename="parts")
    controls.setOptionForImagename("layerselection", "dates", np.array([3, 1]))
    controls.setOptionForImagename("inputnodata", "nir", np.float32(-1))
    controls.setInputNoDataValue([0, 1], imagename="dates")
    controls.setCreationOptions([], imagename="ndvi")
    controls.setLayerNames(("a", "b"))
    options = resolve(controls)
    assert options.outputs["ndvi", None].nodata == 255
    assert options.outputs["parts", 1].nodata is None
    assert options.outputs["ndvi", None].creation_options == ()
    assert options.outputs["parts", 0].creation_options is None
    assert options.outputs["parts", 0].layer_names == ("a", "b")
    assert options.inputs["dates", 1] == InputOptions(layers=(3, 1), nodata=(0, 1))
    assert options.inputs["nir", None].nodata == -1.0
    assert type(options.inputs["nir", None].nodata) is float


def test_environment_gives_creation_options_by_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIOS_DFLT_CREOPT_GTiff", "COMPRESS=LZW")
    chosen = resolve(ApplierControls()).outputs["ndvi", None]
    assert chosen.creation_options is None
    assert chosen.default_creation_options == {"GTiff": ("COMPRESS=LZW",)}


def test_nothing_is_shared_with_the_caller() -> None:
    layers, names, style = [1, 2], ["a"], ConcurrencyStyle(1, computeWorkerExtraParams={"a": [1]})
    controls = ApplierControls()
    controls.selectInputImageLayers(layers)
    controls.setLayerNames(names, imagename="ndvi")
    controls.setConcurrencyStyle(style)
    layers.append(99)
    names.append("z")
    before = vars(copy.deepcopy(controls))
    options = resolve(controls)
    assert vars(controls) == before
    assert controls.concurrency is style
    assert options.inputs["nir", None].layers == (1, 2)
    assert options.outputs["ndvi", None].layer_names == ("a",)
    assert options.style == style
    assert options.style is not style
    style.numReadWorkers = 7
    assert style.computeWorkerExtraParams is not None
    style.computeWorkerExtraParams["a"].append(2)
    controls.layerselection = [4]
    assert options.style.numReadWorkers == 1
    assert options.style.computeWorkerExtraParams == {"a": [1]}
    assert options.inputs["nir", None].layers == (1, 2)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("windowxsize", 0),
        ("windowysize", -256),
        ("windowxsize", 25.5),
        ("windowxsize", True),
        ("windowxsize", None),
        ("overlap", -1),
        ("footprint", 3),
        ("footprint", "UNION"),
        ("filesforextent", []),
        ("filesforextent", "a.tif"),
        ("referenceImage", 5),
        ("referencePixgrid", "nir.tif"),
        ("drivername", 5),
        ("creationoptions", "COMPRESS=LZW"),
        ("creationoptions", [5]),
        ("thematic", "yes"),
        ("layernames", "red"),
        ("statsIgnore", "0"),
        ("statsIgnore", [0]),
        ("inputnodata", "none"),
        ("inputnodata", [0, None]),
        ("resampleMethod", "nearest-ish"),
        ("layerselection", []),
        ("layerselection", [0]),
        ("layerselection", ["1"]),
        ("layerselection", [1.0]),
        ("layerselection", 1),
        ("omitPyramids", None),
        ("overviewLevels", [1]),
        ("overviewLevels", 4),
        ("overviewMinDim", -1),
        ("overviewAggType", "MEAN"),
        ("singlePassPyramids", "auto"),
        ("approxStats", 2),
        ("autoColorTableType", "blue"),
        ("callBeforeClose", before_close),
        ("callBeforeClose", ("no function", ())),
        ("allowOverviewsGdalwarp", None),
        ("tempdir", ""),
        ("concurrency", "CW_THREADS"),
        ("jobName", 5),
        ("progress", print),
        ("blockRetries", (1, 2, 3)),
        ("blockRetries", BlockRetries(-1)),
        ("blockRetries", BlockRetries(io=1.5)),  # type: ignore[arg-type]
        ("blockRetries", BlockRetries(delay=-0.5)),
        ("blockRetries", BlockRetries(delay=math.inf)),
        ("burnvalue", "1"),
        ("burnattribute", 1),
        ("vectornull", None),
        ("filtersql", ""),
        ("alltouched", "all"),
        ("vectordatatype", None),
        ("vectordatatype", "colour"),
        ("vectordatatype", object),
        ("vectorlayer", -1),
        ("vectorlayer", None),
    ],
)
def test_bad_values_are_refused_by_name_and_value(attribute: str, value: Any) -> None:
    controls = ApplierControls()
    setattr(controls, attribute, value)
    with pytest.raises(ParameterError) as raised:
        resolve(controls)
    message = str(raised.value)
    assert message.startswith(f"{SETTINGS[attribute].setter}: {attribute}={value!r} is not right")
    assert "must be" in message


def test_a_bad_value_for_one_image_names_the_image() -> None:
    controls = ApplierControls()
    controls.selectInputImageLayers([0], imagename="dates")
    with pytest.raises(ParameterError, match=r"selectInputImageLayers: .* for image 'dates'"):
        resolve(controls)


def test_an_unknown_image_is_refused() -> None:
    controls = ApplierControls()
    controls.setStatsIgnore(1, imagename="ndwi")
    with pytest.raises(
        ParameterError, match=r"statsIgnore is set for image 'ndwi'.*dates, ndvi, nir"
    ):
        resolve(controls)


def test_options_by_name() -> None:
    controls = ApplierControls()
    controls.setOptionForImagename("statsIgnore", "ndvi", 9)
    controls.setOptionForImagename("overlap", None, 2)
    assert controls.getOptionForImagename("statsIgnore", "ndvi") == 9
    assert controls.overlap == 2
    with pytest.raises(ParameterError, match="'statsignore' is unknown"):
        controls.setOptionForImagename("statsignore", "ndvi", 9)
    with pytest.raises(ParameterError, match="'nodata' is unknown"):
        controls.getOptionForImagename("nodata", "ndvi")
    with pytest.raises(ParameterError, match="'overlap' holds for the whole run"):
        controls.setOptionForImagename("overlap", "ndvi", 9)


def test_a_style_that_was_spoilt_after_construction_is_refused() -> None:
    controls = ApplierControls()
    controls.concurrency.numComputeWorkers = 3
    with pytest.raises(ParameterError, match="ConcurrencyStyle: numComputeWorkers=3"):
        resolve(controls)


def test_contradictions_of_statistics() -> None:
    controls = ApplierControls()
    controls.setApproxStats(True, imagename="parts")
    controls.setThematic(True)
    with pytest.raises(ThematicError, match=r"setApproxStats and setThematic .* 'parts'"):
        resolve(controls)
    controls.setThematic(False)
    controls.setExactHistogram(True)
    with pytest.raises(ParameterError, match=r"setApproxStats and setExactHistogram .* 'parts'"):
        resolve(controls)
    controls.setExactHistogram(False)
    controls.setOmitPyramids(True)
    with pytest.raises(ParameterError, match=r"setApproxStats and setOmitPyramids .* 'parts'"):
        resolve(controls)


def test_no_inputs() -> None:
    controls = ApplierControls()
    nothing = FilenameAssociations()
    with pytest.raises(ParameterError, match="infiles is empty: give at least one input"):
        controls.options(nothing, outputs())
    nothing.dates = []
    with pytest.raises(ParameterError, match="infiles is empty: give at least one input"):
        controls.options(nothing, outputs())
    controls.setFootprintType(2)
    with pytest.raises(ParameterError, match="without a reference"):
        controls.options(nothing, outputs())
    controls.setReferenceImage("grid.tif")
    assert dict(controls.options(nothing, outputs()).inputs) == {}


def test_no_outputs_are_allowed() -> None:
    assert dict(ApplierControls().options(inputs(), FilenameAssociations()).outputs) == {}


def test_files_of_another_type_are_refused() -> None:
    with pytest.raises(ParameterError, match="infiles must be a FilenameAssociations, not dict"):
        ApplierControls().options({"nir": "nir.tif"}, outputs())  # type: ignore[arg-type]
    files = inputs()
    files.odd = 5
    with pytest.raises(ParameterError, match="'odd'"):
        ApplierControls().options(files, outputs())


def test_defaults_are_logged_by_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        resolve(ApplierControls())
    assert caplog.records == []


def test_changed_is_readable() -> None:
    controls = ApplierControls()
    assert controls.changed() == {}
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
    changed = controls.changed()
    assert changed == {
        "windowxsize": 512,
        "statsIgnore": "nan",
        "statsIgnore[ndvi]": None,
        "layerselection[nir]": [1, 2],
        "callBeforeClose": ["before_close", ["word"]],
        "progress": "Progress",
        "referencePixgrid": str(GRID),
        "blockRetries": {"user_function": 1, "io": 2, "delay": 0.5},
        "tempdir": "scratch",
        "concurrency": {"numReadWorkers": 2, "computeWorkerExtraParams": ["account"]},
    }
    assert json.loads(json.dumps(changed, allow_nan=False)) == changed


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
