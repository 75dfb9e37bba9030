"""The controls as a table: which setter, which built-in default, which values, and what is not built yet."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

import numpy as np

from rios_flows.concurrency import ConcurrencyStyle
from rios_flows.defaults import AUTO_COLOR_TABLES, FOOTPRINTS, OVERVIEW_METHODS, Defaults
from rios_flows.options import BlockRetries
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

#: Takes a value as the user gave it, and returns it as options hold it, or says what it should be.
Check = Callable[[Any], Any]


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
    check: Check
    per_image: bool = True


def _whole(minimum: int) -> Check:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise ValueError(f"a whole number of at least {minimum}")
        if value < minimum:
            raise ValueError(f"at least {minimum}")
        return int(value)

    return check


def _number(value: Any) -> int | float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise ValueError("a number")
    return value.item() if isinstance(value, np.generic) else value  # type: ignore[return-value]


def _flag(value: Any) -> bool:
    # RIOS scripts write 0 and 1, too
    if isinstance(value, bool | np.bool_ | int) and value in (0, 1):
        return bool(value)
    raise ValueError("True or False")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a string that is not empty")
    return value


def _path(value: Any) -> str:
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str) or not path:
        raise ValueError("a file name, as a string or pathlib.Path")
    return path


def _one_of(*choices: Any) -> Check:
    def check(value: Any) -> Any:
        if isinstance(value, bool) or value not in choices:
            raise ValueError(f"one of {', '.join(map(str, choices))}")
        return value

    return check


def _list_of(check_item: Check, what: str, may_be_empty: bool = False) -> Check:
    def check(value: Any) -> tuple[Any, ...]:
        wanted = f"a list of {what}" + ("" if may_be_empty else " that is not empty")
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            raise ValueError(wanted)
        try:
            items = tuple(check_item(item) for item in value)
        except ValueError:
            raise ValueError(wanted) from None
        if not items and not may_be_empty:
            raise ValueError(wanted)
        return items

    return check


def _or_none(check_value: Check) -> Check:
    def check(value: Any) -> Any:
        if value is None:
            return None
        try:
            return check_value(value)
        except ValueError as error:
            raise ValueError(f"{error}, or None") from None

    return check


def _nodata(value: Any) -> Any:
    if isinstance(value, list | tuple | np.ndarray) and np.ndim(value):
        return _list_of(_number, "numbers")(value)
    try:
        return _number(value)
    except ValueError:
        raise ValueError("a number, or a list with one for each band") from None


def _method(value: Any) -> str:
    return str(_one_of(*OVERVIEW_METHODS)(value.upper() if isinstance(value, str) else value))


def _callback(value: Any) -> tuple[Any, tuple[Any, ...]]:
    if isinstance(value, tuple) and len(value) == 2 and callable(value[0]):
        function, arguments = value
        if isinstance(arguments, list | tuple):
            return function, tuple(arguments)
    raise ValueError("a function, and a tuple of further arguments for it")


def _dtype(value: Any) -> str:
    try:
        return np.dtype(value).name
    except TypeError:
        raise ValueError("a numpy type of pixels") from None


def _layer(value: Any) -> int | str:
    try:
        return _text(value) if isinstance(value, str) else int(_whole(0)(value))
    except ValueError:
        raise ValueError("the number of a layer from 0, or its name") from None


def _progress(value: Any) -> Any:
    if not callable(getattr(value, "setProgress", None)):
        raise ValueError("an object with a method setProgress(percent)")
    return value


def _style(value: Any) -> ConcurrencyStyle:
    if not isinstance(value, ConcurrencyStyle):
        raise ValueError("a ConcurrencyStyle")
    return value


def _grid(value: Any) -> Any:
    if isinstance(value, str | os.PathLike):
        raise ValueError("a PixelGridDefn; setReferenceImage takes a file")
    return value


def _retries(value: Any) -> BlockRetries:
    wanted = "BlockRetries of whole numbers of at least 0, and a delay of at least 0 seconds"
    if not isinstance(value, BlockRetries):
        raise ValueError(wanted)
    try:
        counts = _whole(0)(value.user_function), _whole(0)(value.io)
        delay = _number(value.delay)
    except ValueError:
        raise ValueError(wanted) from None
    if not 0 <= delay < math.inf:
        raise ValueError(wanted)
    return BlockRetries(*counts, delay)


_BUILT_IN = Defaults()

#: Every control, by its attribute of ApplierControls.
SETTINGS: dict[str, Setting] = {
    "windowxsize": Setting("setWindowXsize", _BUILT_IN.window[0], _whole(1), False),
    "windowysize": Setting("setWindowYsize", _BUILT_IN.window[1], _whole(1), False),
    "overlap": Setting("setOverlap", _BUILT_IN.overlap, _whole(0), False),
    "footprint": Setting("setFootprintType", _BUILT_IN.footprint, _one_of(*FOOTPRINTS), False),
    "filesforextent": Setting(
        "setFilesForExtent", None, _or_none(_list_of(_path, "file names")), False
    ),
    "referenceImage": Setting("setReferenceImage", None, _or_none(_path), False),
    "referencePixgrid": Setting("setReferencePixgrid", None, _or_none(_grid), False),
    "drivername": Setting("setOutputDriverName", _BUILT_IN.driver, _or_none(_text)),
    "creationoptions": Setting(
        "setCreationOptions", None, _or_none(_list_of(_text, "NAME=VALUE strings", True))
    ),
    "thematic": Setting("setThematic", False, _flag),
    "layernames": Setting("setLayerNames", None, _or_none(_list_of(_text, "names"))),
    "statsIgnore": Setting("setStatsIgnore", 0, _or_none(_number)),
    "inputnodata": Setting("setInputNoDataValue", None, _or_none(_nodata)),
    "resampleMethod": Setting("setResampleMethod", "near", _one_of(*RESAMPLE_METHODS)),
    "layerselection": Setting(
        "selectInputImageLayers", None, _or_none(_list_of(_whole(1), "band numbers from 1"))
    ),
    "omitPyramids": Setting("setOmitPyramids", False, _flag),
    "omitBasicStats": Setting("setOmitBasicStats", False, _flag),
    "omitHistogram": Setting("setOmitHistogram", False, _flag),
    "overviewLevels": Setting(
        "setOverviewLevels",
        _BUILT_IN.overview_levels,
        _list_of(_whole(2), "whole numbers above 1", True),
    ),
    "overviewMinDim": Setting("setOverviewMinDim", _BUILT_IN.overview_min_dim, _whole(0)),
    "overviewAggType": Setting(
        "setOverviewAggregationType", _BUILT_IN.overview_method, _or_none(_method)
    ),
    "singlePassPyramids": Setting("setSinglePassPyramids", None, _or_none(_flag)),
    "singlePassBasicStats": Setting("setSinglePassBasicStats", None, _or_none(_flag)),
    "singlePassHistogram": Setting("setSinglePassHistogram", None, _or_none(_flag)),
    "approxStats": Setting("setApproxStats", False, _flag),
    "autoColorTableType": Setting(
        "setAutoColorTableType", _BUILT_IN.color_table, _or_none(_one_of(*AUTO_COLOR_TABLES))
    ),
    "callBeforeClose": Setting("setCallBeforeClose", None, _or_none(_callback)),
    "allowOverviewsGdalwarp": Setting("setAllowOverviewsGdalwarp", False, _flag, False),
    "tempdir": Setting("setTempdir", ".", _path, False),
    "concurrency": Setting("setConcurrencyStyle", ConcurrencyStyle(), _style, False),
    "jobName": Setting("setJobName", None, _or_none(_text), False),
    "progress": Setting("setProgress", None, _or_none(_progress), False),
    "blockRetries": Setting("setBlockRetries", BlockRetries(), _retries, False),
    "burnvalue": Setting("setBurnValue", 1, _number),
    "burnattribute": Setting("setBurnAttribute", None, _or_none(_text)),
    "vectornull": Setting("setVectorNull", 0, _number),
    "filtersql": Setting("setFilterSQL", None, _or_none(_text)),
    "alltouched": Setting("setAlltouched", False, _flag),
    "vectordatatype": Setting("setVectorDatatype", "uint8", _dtype),
    "vectorlayer": Setting("setVectorlayer", 0, _layer),
}


class NotBuilt(NamedTuple):
    """What happens where a control that is not built yet is set.

    Attributes
    ----------
    effect : str
        "refuse" where the run would give other pixels or fail to do what was asked; "omit" where
        it would only leave something out.
    reason : str
        What is missing.
    """

    effect: Literal["refuse", "omit"]
    reason: str


_GRIDS = NotBuilt("refuse", "inputs are not warped yet: all must share pixel size, CRS and alignment")
_FOOTPRINTS = NotBuilt("refuse", "the grid is always what all inputs share (INTERSECTION)")
_VECTORS = NotBuilt("refuse", "vector inputs are not read yet")
_OVERVIEWS = NotBuilt("omit", "pyramids are not made yet")
_STATISTICS = NotBuilt("omit", "statistics are not made yet")

#: Controls that are accepted and checked, but not built yet.
NOT_BUILT: dict[str, NotBuilt] = {
    "resampleMethod": _GRIDS,
    "allowOverviewsGdalwarp": _GRIDS,
    "footprint": _FOOTPRINTS,
    "filesforextent": _FOOTPRINTS,
    "referenceImage": _FOOTPRINTS,
    "referencePixgrid": _FOOTPRINTS,
    "burnvalue": _VECTORS,
    "burnattribute": _VECTORS,
    "vectornull": _VECTORS,
    "filtersql": _VECTORS,
    "alltouched": _VECTORS,
    "vectordatatype": _VECTORS,
    "vectorlayer": _VECTORS,
    "callBeforeClose": NotBuilt("refuse", "outputs are closed without it"),
    "overviewLevels": _OVERVIEWS,
    "overviewMinDim": _OVERVIEWS,
    "overviewAggType": _OVERVIEWS,
    "singlePassPyramids": _OVERVIEWS,
    "singlePassBasicStats": _STATISTICS,
    "singlePassHistogram": _STATISTICS,
    "approxStats": _STATISTICS,
    "autoColorTableType": NotBuilt("omit", "colour tables are not made yet"),
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
    if isinstance(first, float) and isinstance(second, float) and math.isnan(first):
        return math.isnan(second)
    return type(first) is type(second) and bool(first == second) or _equal_numbers(first, second)


def _equal_numbers(first: Any, second: Any) -> bool:
    return isinstance(first, int | float) and isinstance(second, int | float) and first == second
