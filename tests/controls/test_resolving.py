"""From controls to options: resolved for each image, or refused with what would do."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

from rios_flows.basics.defaults import UNION
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.controls import ApplierControls
from rios_flows.controls.held import resolved
from rios_flows.controls.options import CONTROLS, InputOptions, Options, OutputOptions
from rios_flows.controls.retries import BlockRetries
from rios_flows.rioserrors import ParameterError, ThematicError
from tests.support.controlled import before_close, inputs, outputs, resolve


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


def test_halves_that_are_whole_and_names_that_are_empty() -> None:
    controls = ApplierControls()
    halves: list[Any] = [100 / 2, np.float64(40)]
    controls.setWindowSize(*halves)
    controls.setLayerNames(["red", ""])
    options = resolve(controls)
    assert options.window == (50, 40)
    assert all(type(side) is int for side in options.window)
    assert options.outputs["ndvi", None].layer_names == ("red", "")


@pytest.mark.parametrize(
    ("given", "name"),
    [("NEAR", "near"), ("nearest", "near"), ("Cubic", "cubic"), (np.str_("Q3"), "q3")],
)
def test_resample_methods_are_spelled_as_for_gdalwarp(given: str, name: str) -> None:
    controls = ApplierControls()
    controls.setResampleMethod(given, imagename="nir")
    assert resolve(controls).inputs["nir", None].resampling == name


def test_a_footprint_may_be_a_number_of_numpy() -> None:
    controls = ApplierControls()
    controls.setOptionForImagename("footprint", None, np.int64(UNION))
    assert resolve(controls).footprint == UNION


def test_environment_gives_creation_options_by_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIOS_DFLT_CREOPT_GTiff", "COMPRESS=LZW")
    chosen = resolve(ApplierControls()).outputs["ndvi", None]
    assert chosen.creation_options is None
    assert chosen.default_creation_options == {"GTiff": ("COMPRESS=LZW",)}


def test_nothing_is_shared_with_the_caller() -> None:
    tags = {"a": "b"}
    layers, names, style = [1, 2], ["a"], ConcurrencyStyle(1, computeWorkerExtraParams={"a": [1]})
    controls = ApplierControls()
    controls.selectInputImageLayers(layers)
    controls.setLayerNames(names, imagename="ndvi")
    controls.setTags(tags)
    controls.setConcurrencyStyle(style)
    layers.append(99)
    names.append("z")
    tags["c"] = "d"
    before = vars(copy.deepcopy(controls))
    options = resolve(controls)
    assert vars(controls) == before
    assert controls.concurrency is style
    assert options.inputs["nir", None].layers == (1, 2)
    assert options.outputs["ndvi", None].layer_names == ("a",)
    assert options.outputs["ndvi", None].tags == {"a": "b"}
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
        ("footprint", np.array([1, 2])),
        ("filesforextent", []),
        ("filesforextent", "a.tif"),
        ("referenceImage", 5),
        ("referencePixgrid", "nir.tif"),
        ("drivername", 5),
        ("creationoptions", ""),
        ("creationoptions", [5]),
        ("thematic", "yes"),
        ("layernames", "red"),
        ("tags", ["PROCESSOR=me"]),
        ("statsIgnore", "0"),
        ("statsIgnore", [0]),
        ("inputnodata", "none"),
        ("inputnodata", [0, None]),
        ("inputnodata", [[0], [1, 2]]),
        ("inputnodata", np.zeros((2, 2))),
        ("resampleMethod", "nearest-ish"),
        ("layerselection", []),
        ("layerselection", [0]),
        ("layerselection", [""]),
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
    assert message.startswith(f"{CONTROLS[attribute].setter}: {attribute}={value!r} is not right")
    assert "must be" in message


@pytest.mark.parametrize("value", [np.array([1, 2]), [[0], [1, 2]]])
def test_a_refusal_is_in_words_of_our_own(value: Any) -> None:
    controls = ApplierControls()
    controls.inputnodata = value if isinstance(value, list) else value.reshape(1, 2)
    controls.resampleMethod = value
    for attribute, words in (
        ("inputnodata", "a list of numbers"),
        ("resampleMethod", "one of near"),
    ):
        one = ApplierControls()
        setattr(one, attribute, getattr(controls, attribute))
        with pytest.raises(ParameterError, match=words):
            resolve(one)


def test_a_number_in_an_array_of_no_dimensions_is_a_number() -> None:
    controls = ApplierControls()
    controls.setInputNoDataValue(np.array(7))  # type: ignore[arg-type]
    assert resolve(controls).inputs["nir", None].nodata == 7


def test_an_attribute_that_is_no_control_is_told(caplog: pytest.LogCaptureFixture) -> None:
    controls = ApplierControls()
    controls.windowXsize = 64  # type: ignore[attr-defined]
    controls.note = "of the user's own"  # type: ignore[attr-defined]
    resolve(controls)
    assert caplog.messages == [
        "ApplierControls has no control 'windowXsize'; it changes nothing; is 'windowxsize' meant?",
        "ApplierControls has no control 'note'; it changes nothing",
    ]


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
    with pytest.raises(ParameterError, match="no control 'statsignore'; is 'statsIgnore' meant"):
        controls.setOptionForImagename("statsignore", "ndvi", 9)
    with pytest.raises(ParameterError, match="no control 'nodata'; choose one of windowxsize, "):
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
        resolved(controls, nothing, outputs())
    nothing.dates = []
    with pytest.raises(ParameterError, match="infiles is empty: give at least one input"):
        resolved(controls, nothing, outputs())
    controls.setFootprintType(2)
    with pytest.raises(ParameterError, match="without a reference"):
        resolved(controls, nothing, outputs())
    controls.setReferenceImage("grid.tif")
    assert dict(resolved(controls, nothing, outputs())[0].inputs) == {}


def test_no_outputs_are_allowed() -> None:
    assert dict(resolved(ApplierControls(), inputs(), FilenameAssociations())[0].outputs) == {}


def test_files_of_another_type_are_refused() -> None:
    with pytest.raises(ParameterError, match="infiles must be a FilenameAssociations, not dict"):
        resolved(ApplierControls(), {"nir": "nir.tif"}, outputs())  # type: ignore[arg-type]
    files = inputs()
    files.odd = 5
    with pytest.raises(ParameterError, match="'odd'"):
        resolved(ApplierControls(), files, outputs())


def test_an_attribute_called_like_a_setter_suggests_it(caplog: pytest.LogCaptureFixture) -> None:
    controls = ApplierControls()
    controls.windowsize = 128  # type: ignore[attr-defined]
    resolve(controls)
    assert "no control 'windowsize'; it changes nothing; call setWindowSize instead" in caplog.text
