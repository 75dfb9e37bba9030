"""Options in plain spelling, made into controls; the names come from the one table of controls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import numpy as np

from rios_flows.basics.defaults import NanByDefault
from rios_flows.basics.types import Key
from rios_flows.controls.concurrency import ConcurrencyStyle, FittingStyle
from rios_flows.controls.controls import ApplierControls
from rios_flows.controls.declaring import Control
from rios_flows.controls.options import CONTROLS
from rios_flows.controls.spelling import question
from rios_flows.front.arrays import Dtypes
from rios_flows.front.wording import in_plain_words, plain_names
from rios_flows.rioserrors import ParameterError

#: Options of ``apply`` that are no control, or several.
OWN = ("masked", "dtype", "squeeze", "scaled", "window", "workers", "state", "merge", "prefect")

#: What others call what is here an option of another name, or no option.
_ELSEWHERE = {
    **dict.fromkeys(
        ("compress", "predictor", "tiled", "blockxsize", "blockysize", "bigtiff", "interleave"),
        "it goes in creation_options, as creation_options={'COMPRESS': 'ZSTD'}",
    ),
    **dict.fromkeys(
        ("chunks", "chunksize", "blocksize", "block_size", "block_shapes"),
        "window= sets the size of a block",
    ),
    **dict.fromkeys(
        ("n_jobs", "threads", "num_threads", "processes", "max_workers", "scheduler"),
        "workers= sets how many threads there may be, or where the work is done",
    ),
    **dict.fromkeys(
        ("res", "resolution", "dst_crs", "transform", "shape"),
        "like= names the input or file whose grid is worked on, grid= takes a PixelGridDefn",
    ),
    **dict.fromkeys(("depth", "boundary"), "overlap= and overlap_fill= set the margin of blocks"),
    **dict.fromkeys(("fill_value", "dst_nodata"), "nodata= sets that of outputs"),
    "src_nodata": "input_nodata= sets that of inputs",
}


def controls_of(
    options: Mapping[str, Any], inputs: Iterable[str], outputs: Iterable[str]
) -> ApplierControls:
    """Check options, and make controls of them, for inputs and outputs of these names."""
    controls, known = ApplierControls(), plain_names()
    names = {"input": tuple(inputs), "output": tuple(outputs)}
    vars(controls)["statsIgnore"] = NanByDefault()
    for name, value in options.items():
        if name not in known:
            raise ParameterError(f"apply: there is no option {name!r}{_advice(name)}")
        control = known[name]
        kind = "output" if control.scope == "output" else "input"
        for image, given in _per_image(control, value, names[kind]):
            if image is not None:
                check_name(name, image, kind, names[kind])
            controls.setOptionForImagename(control.name, image, _checked(name, control, given))
    return controls


def check_name(option: str, name: str, kind: str, names: Iterable[str]) -> None:
    """Refuse a value for what there is not."""
    if name not in names:
        told = question(str(name), names) or f"; there is {', '.join(names) or 'none'}"
        raise ParameterError(f"{option}: there is no {kind} {name!r}{told}")


def _advice(name: str) -> str:
    called = CONTROLS.get(name)
    if called is not None:
        return f"; RIOS's {name!r} is {called.plain or _instead(called)!r} here"
    if name.lower() in _ELSEWHERE:
        return f"; {_ELSEWHERE[name.lower()]}"
    known = [*OWN, *plain_names()]
    return question(name, known) or f"; there are {', '.join(known)}"


def _instead(control: Control) -> str:
    return "workers" if control.name == "concurrency" else "window"


def _per_image(
    control: Control, value: Any, names: Iterable[str]
) -> Iterable[tuple[str | None, Any]]:
    """Take apart a dict of values by symbolic name; else one value is for all."""
    if control.name == "creationoptions" and _are_options(value, names):
        return [(None, value)]
    if not control.per_image or not isinstance(value, Mapping) or not value:
        return [(None, value)]
    if isinstance(control.default, dict) and not all(
        isinstance(item, Mapping) for item in value.values()
    ):
        return [(None, value)]
    return value.items()


def _are_options(value: Any, names: Iterable[str]) -> bool:
    """Return whether a dict has creation options of all outputs by their names, as rasterio's."""
    known = tuple(names)
    if not isinstance(value, Mapping) or not known or any(name in known for name in value):
        return False
    # one that is written NAME=VALUE is that of an output, whose name is misspelt
    return all(
        isinstance(each, str | int | float) and "=" not in str(each) for each in value.values()
    )


def _checked(name: str, control: Control, value: Any) -> Any:
    """Check a value here, where its message can have the option's name."""
    meant = _meant(control, value)
    try:
        control.check(meant)
    except ValueError as error:
        wanted = in_plain_words(str(error))
        raise ParameterError(f"{name}={value!r} is not right: it must be {wanted}") from None
    return meant


def _meant(control: Control, value: Any) -> Any:
    if isinstance(value, str) and value.upper() in control.words:
        return control.words[value.upper()]
    if control.name == "creationoptions" and isinstance(value, Mapping):
        words = {True: "YES", False: "NO"}
        return [
            f"{name.upper()}={words[each] if isinstance(each, bool) else each}"
            for name, each in value.items()
        ]
    if control.name == "resampleMethod":
        # those of rasterio are members of an enum
        called = value.name if isinstance(value, Enum) else value
        return called.replace("_", "") if isinstance(called, str) else called
    if control.name == "layerselection" and isinstance(value, int | np.integer | str):
        return [value]
    if control.name == "boundsCrs" and value is not None and not isinstance(value, str):
        return _text_of_crs(value)
    if control.name == "callBeforeClose" and callable(value):
        return value, ()
    return value


def _text_of_crs(value: Any) -> Any:
    """Return the text of a CRS object of rasterio or pyproj, or of an EPSG number; others as is."""
    if hasattr(value, "to_wkt"):
        return value.to_wkt()
    number = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return f"EPSG:{value}" if number else value


def check_flags(**flags: Any) -> None:
    """Refuse what is neither True nor False: words count as true to Python."""
    for name, value in flags.items():
        if not isinstance(value, bool | np.bool_):
            raise ParameterError(f"{name}={value!r} is not right: it must be True or False")


def set_inputs(
    controls: ApplierControls, masked: Any, scaled: Any, told: Mapping[Key, Mapping[str, Any]]
) -> None:
    """Say how inputs are read, beside controls; ``told`` is what a catalogue says of some."""
    if scaled is not None and not isinstance(scaled, bool | np.bool_):
        raise ParameterError(f"scaled={scaled!r} is not right: it must be True, False or None")
    vars(controls)["_inputs_as"] = {"as_masked": bool(masked), "scaled": scaled}
    vars(controls)["_inputs_told"] = told


def set_window(controls: ApplierControls, window: Any) -> None:
    """Set the size of blocks: one number, or width and height (pixels)."""
    if window is None:
        return
    sides = tuple(window) if isinstance(window, tuple | list) else (window, window)
    try:
        width, height = (CONTROLS["windowxsize"].check(side) for side in sides)
    except ValueError:
        raise ParameterError(
            f"window={window!r} is not right: it must be a whole number of pixels, or width and "
            "height"
        ) from None
    controls.setWindowSize(width, height)


def style_of(workers: Any) -> ConcurrencyStyle:
    """Return how the work is shared out."""
    if isinstance(workers, ConcurrencyStyle):
        return workers
    if workers == "auto":
        return FittingStyle()
    try:
        return FittingStyle(workers)
    except ParameterError:
        raise ParameterError(
            f"workers={workers!r} is not right: it must be 'auto', the most threads there may be, "
            "from 1, or a ConcurrencyStyle"
        ) from None


def dtypes_of(dtype: Any, inputs: Iterable[str]) -> Dtypes:
    """Check the types of arrays: one for all inputs, or a dict by name."""
    if isinstance(dtype, Mapping):
        for name in dtype:
            check_name("dtype", name, "input", tuple(inputs))
        return Dtypes(single={name: _dtype(given) for name, given in dtype.items()})
    return Dtypes(_dtype(dtype))


def _dtype(given: Any) -> str | None:
    if given is None or (isinstance(given, str) and given == "float"):
        return given
    try:
        return str(CONTROLS["vectordatatype"].check(given))
    except ValueError as error:
        raise ParameterError(
            f"dtype={given!r} is not right: it must be 'float', None for the type of the file, or "
            f"{error}"
        ) from None


def kept_whole(bands: Any) -> tuple[bool, frozenset[str]]:
    """Return whether bands of all inputs, and of which, were given as lists."""
    if isinstance(bands, Mapping):
        lists = {name for name, chosen in bands.items() if not _is_number(chosen)}
        return False, frozenset(lists)
    return bands is not None and not _is_number(bands), frozenset()


def _is_number(chosen: Any) -> bool:
    return chosen is None or isinstance(chosen, int | np.integer | str)
