"""The controls as a table: setter, built-in default, and what values will do."""

from __future__ import annotations

from typing import Any, NamedTuple

from rios_flows.basics.defaults import AUTO_COLOR_TABLES, Defaults
from rios_flows.controls import checks
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.options import BlockRetries
from rios_flows.rioserrors import ParameterError

#: gdalwarp's names of resampling methods.
RESAMPLE_METHODS = (
    "near",
    "bilinear",
    "cubic",
    "cubicspline",
    "lanczos",
    "average",
    "rms",
    "mode",
    "max",
    "min",
    "med",
    "q1",
    "q3",
    "sum",
)


class Setting(NamedTuple):
    """One control.

    Attributes
    ----------
    setter : str
        The method that sets it, for messages.
    default : object
        Built-in default.
    check : callable
        Returns the value in its frozen form; raises ValueError saying what the value should be.
    per_image : bool
        Whether one image may have a value of its own.
    """

    setter: str
    default: Any
    check: checks.Check
    per_image: bool = True


_BUILT_IN = Defaults()

#: Every control, by its attribute of ApplierControls.
SETTINGS: dict[str, Setting] = {
    "windowxsize": Setting("setWindowXsize", _BUILT_IN.window[0], checks.size(1), False),
    "windowysize": Setting("setWindowYsize", _BUILT_IN.window[1], checks.size(1), False),
    "overlap": Setting("setOverlap", _BUILT_IN.overlap, checks.size(0), False),
    "footprint": Setting("setFootprintType", _BUILT_IN.footprint, checks.footprint, False),
    "filesforextent": Setting(
        "setFilesForExtent", None, checks.or_none(checks.list_of(checks.path, "file names")), False
    ),
    "referenceImage": Setting("setReferenceImage", None, checks.or_none(checks.path), False),
    "referencePixgrid": Setting("setReferencePixgrid", None, checks.or_none(checks.grid), False),
    "drivername": Setting("setOutputDriverName", _BUILT_IN.driver, checks.or_none(checks.text)),
    "creationoptions": Setting(
        "setCreationOptions",
        None,
        checks.or_none(checks.creation_options),
    ),
    "thematic": Setting("setThematic", False, checks.flag),
    "layernames": Setting(
        # those of another file, as ImageInfo tells them, may be empty
        "setLayerNames",
        None,
        checks.or_none(checks.list_of(checks.any_text, "names")),
    ),
    "statsIgnore": Setting("setStatsIgnore", 0, checks.or_none(checks.number)),
    "inputnodata": Setting("setInputNoDataValue", None, checks.or_none(checks.nodata)),
    "inputmask": Setting("setInputMask", False, checks.flag),
    "resampleMethod": Setting(
        "setResampleMethod", "near", checks.resample_method(*RESAMPLE_METHODS)
    ),
    "layerselection": Setting(
        "selectInputImageLayers",
        None,
        checks.or_none(checks.list_of(checks.whole(1), "band numbers from 1")),
    ),
    "omitPyramids": Setting("setOmitPyramids", False, checks.flag),
    "omitBasicStats": Setting("setOmitBasicStats", False, checks.flag),
    "omitHistogram": Setting("setOmitHistogram", False, checks.flag),
    "overviewLevels": Setting(
        "setOverviewLevels",
        _BUILT_IN.overview_levels,
        checks.list_of(checks.whole(2), "whole numbers above 1", True),
    ),
    "overviewMinDim": Setting("setOverviewMinDim", _BUILT_IN.overview_min_dim, checks.whole(0)),
    "overviewAggType": Setting(
        "setOverviewAggregationType",
        _BUILT_IN.overview_method,
        checks.or_none(checks.overview_method),
    ),
    "singlePassPyramids": Setting("setSinglePassPyramids", None, checks.or_none(checks.flag)),
    "singlePassBasicStats": Setting("setSinglePassBasicStats", None, checks.or_none(checks.flag)),
    "singlePassHistogram": Setting("setSinglePassHistogram", None, checks.or_none(checks.flag)),
    "approxStats": Setting("setApproxStats", False, checks.flag),
    "exactHistogram": Setting("setExactHistogram", False, checks.flag),
    "defaultHistogram": Setting("setDefaultHistogram", False, checks.flag),
    "autoColorTableType": Setting(
        "setAutoColorTableType",
        _BUILT_IN.color_table,
        checks.or_none(checks.one_of(*AUTO_COLOR_TABLES)),
    ),
    "callBeforeClose": Setting("setCallBeforeClose", None, checks.or_none(checks.callback)),
    "allowOverviewsGdalwarp": Setting("setAllowOverviewsGdalwarp", False, checks.flag, False),
    "tempdir": Setting("setTempdir", ".", checks.path, False),
    "concurrency": Setting("setConcurrencyStyle", ConcurrencyStyle(), checks.style, False),
    "jobName": Setting("setJobName", None, checks.or_none(checks.text), False),
    "progress": Setting("setProgress", None, checks.or_none(checks.progress), False),
    "resume": Setting("setResume", False, checks.flag, False),
    "checkpointInterval": Setting("setResume", 10.0, checks.seconds, False),
    "blockRetries": Setting("setBlockRetries", BlockRetries(), checks.retries, False),
    "burnvalue": Setting("setBurnValue", 1, checks.number),
    "burnattribute": Setting("setBurnAttribute", None, checks.or_none(checks.text)),
    "vectornull": Setting("setVectorNull", 0, checks.number),
    "filtersql": Setting("setFilterSQL", None, checks.or_none(checks.text)),
    "alltouched": Setting("setAlltouched", False, checks.flag),
    "vectordatatype": Setting("setVectorDatatype", "uint8", checks.dtype),
    "vectorlayer": Setting("setVectorlayer", 0, checks.layer),
}


def check_value(name: str, value: Any, image: str | None = None) -> Any:
    """Return a control's value in its frozen form.

    Parameters
    ----------
    name : str
        Attribute of ApplierControls.
    value : object
        What the user gave.
    image : str, optional
        For which image, where it is not for all.

    Raises
    ------
    ParameterError
        If the control cannot have this value; names control, value and what would do.
    """
    setting = SETTINGS[name]
    try:
        return setting.check(value)
    except ValueError as error:
        whose = "" if image is None else f" for image '{image}'"
        raise ParameterError(
            f"{setting.setter}: {name}={value!r}{whose} is not right: it must be {error}"
        ) from None


def same(first: Any, second: Any) -> bool:
    """Tell whether two frozen values are equal; NaN equals NaN."""
    return bool(first == second) or bool(first != first and second != second)
