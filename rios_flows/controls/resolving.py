"""From controls to options: values are checked, frozen, and resolved for each image."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from typing import Any

from rios_flows.basics.defaults import BOUNDS_FROM_REFERENCE
from rios_flows.basics.types import Key
from rios_flows.controls import settings
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.options import (
    BlockRetries,
    Hooks,
    InputOptions,
    Options,
    OutputOptions,
    VectorOptions,
)
from rios_flows.controls.settings import SETTINGS
from rios_flows.geometry.pixelgriddefn import PixelGridDefn
from rios_flows.rioserrors import ParameterError, ThematicError, UnsupportedControlError

logger = logging.getLogger(__name__)

#: Control by field of the options.
_INPUT_FIELDS = {
    "layers": "layerselection",
    "nodata": "inputnodata",
    "mask": "inputmask",
    "resampling": "resampleMethod",
}
_VECTOR_FIELDS = {
    "burn_value": "burnvalue",
    "burn_attribute": "burnattribute",
    "null": "vectornull",
    "where": "filtersql",
    "all_touched": "alltouched",
    "dtype": "vectordatatype",
    "layer": "vectorlayer",
}
_OUTPUT_FIELDS = {
    "driver": "drivername",
    "creation_options": "creationoptions",
    "nodata": "statsIgnore",
    "thematic": "thematic",
    "layer_names": "layernames",
    "omit_statistics": "omitBasicStats",
    "omit_histogram": "omitHistogram",
    "omit_pyramids": "omitPyramids",
    "single_pass_statistics": "singlePassBasicStats",
    "single_pass_histogram": "singlePassHistogram",
    "single_pass_pyramids": "singlePassPyramids",
    "approximate_statistics": "approxStats",
    "exact_histogram": "exactHistogram",
    "default_histogram": "defaultHistogram",
    "overview_levels": "overviewLevels",
    "overview_min_dim": "overviewMinDim",
    "overview_resampling": "overviewAggType",
    "color_table": "autoColorTableType",
}

PerImage = Mapping[str, Mapping[str, Any]]


class _Values:
    """The values of all controls, checked and frozen."""

    def __init__(self, values: Mapping[str, Any], per_image: PerImage) -> None:
        self.for_all = {name: settings.check_value(name, values[name]) for name in SETTINGS}
        self.per_image = {
            (name, image): settings.check_value(name, value, image)
            for name, own in per_image.items()
            for image, value in own.items()
        }

    def of(self, name: str, image: str) -> Any:
        return self.per_image.get((name, image), self.for_all[name])

    def changes(self) -> Iterator[tuple[str, str | None, Any]]:
        """Give control, image (None for all) and value where that is not the default."""
        for name, value in self.for_all.items():
            if not settings.same(value, _default(name)):
                yield name, None, value
        for (name, image), value in self.per_image.items():
            if not settings.same(value, self.for_all[name]) or not settings.same(
                value, _default(name)
            ):
                yield name, image, value

    def select(self, control_of: Mapping[str, str], image: str) -> dict[str, Any]:
        return {field: self.of(control, image) for field, control in control_of.items()}


def resolve(
    values: Mapping[str, Any],
    per_image: PerImage,
    creation_defaults: Mapping[str, tuple[str, ...]],
    infiles: FilenameAssociations,
    outfiles: FilenameAssociations,
) -> tuple[Options, Hooks]:
    """Check and freeze controls for these images.

    Parameters
    ----------
    values : mapping
        Value for all images, by control.
    per_image : mapping
        Values for single images, by control and image.
    creation_defaults : mapping
        Creation options by driver, from the environment.
    infiles, outfiles : FilenameAssociations
        The files of the run.

    Raises
    ------
    ParameterError
        If a value makes no sense or an image is unknown.
    ThematicError
        If statistics of classes are to be approximate.
    UnsupportedControlError
        If a control is set that cannot be honoured.
    """
    _warn_of_unknown(values)
    inputs, outputs = _keys("infiles", infiles), _keys("outfiles", outfiles)
    # those whose entry is None, too
    _check_images(per_image, {*vars(infiles), *vars(outfiles)})
    found = _Values(values, per_image)
    found.for_all["concurrency"].check()
    _check_inputs(found, inputs, infiles)
    for name in dict(outputs):
        _check_statistics(found, name)
    vector_controls = _setters(
        name
        for name in _VECTOR_FIELDS.values()
        if not settings.same(found.for_all[name], _default(name))
    )
    called = {key: found.of("callBeforeClose", key[0]) for key in outputs}
    hooks = Hooks(
        progress=found.for_all["progress"],
        before_close={key: call for key, call in called.items() if call is not None},
    )
    options = Options(
        window=(found.for_all["windowxsize"], found.for_all["windowysize"]),
        overlap=found.for_all["overlap"],
        footprint=found.for_all["footprint"],
        inputs={key: _input_options(found, key[0], vector_controls) for key in inputs},
        outputs={key: _output_options(found, key[0], creation_defaults) for key in outputs},
        files_for_extent=found.for_all["filesforextent"],
        reference_image=found.for_all["referenceImage"],
        reference_grid=found.for_all["referencePixgrid"],
        use_overviews=found.for_all["allowOverviewsGdalwarp"],
        tempdir=found.for_all["tempdir"],
        job_name=found.for_all["jobName"],
        retries=found.for_all["blockRetries"],
        resume=found.for_all["resume"],
        checkpoint_interval=found.for_all["checkpointInterval"],
        style=copy.deepcopy(found.for_all["concurrency"]),
    )
    return options, hooks


def changed(values: Mapping[str, Any], per_image: PerImage) -> dict[str, Any]:
    """Return what differs from the built-in defaults, in words that JSON can hold.

    Raises
    ------
    ParameterError
        If a value makes no sense.
    """
    return {
        name if image is None else f"{name}[{image}]": _readable(value)
        for name, image, value in _Values(values, per_image).changes()
    }


def unknown_option(method: str, option: object) -> ParameterError:
    """Return the error of a method that was given a control that does not exist."""
    advice = _meant(str(option)) or f"; choose one of {', '.join(SETTINGS)}"
    return ParameterError(f"{method}: there is no control {option!r}{advice}")


def _warn_of_unknown(names: Iterable[str]) -> None:
    """Log attributes that are no control: a misspelt one would change nothing, and in silence."""
    for name in names:
        if name not in SETTINGS and not name.startswith("_") and name != "loggingstream":
            meant = _meant(name)
            logger.warning("ApplierControls has no control '%s'; it changes nothing%s", name, meant)


def _meant(name: str) -> str:
    """Ask whether the control was meant that is spelled most like this one, if there is any."""
    by_lower_name = {known.lower(): known for known in SETTINGS}
    # nobody else needs it
    import difflib

    near = difflib.get_close_matches(name.lower(), by_lower_name, 1, 0.75)
    return f"; is '{by_lower_name[near[0]]}' meant?" if near else ""


def _keys(which: str, files: object) -> list[Key]:
    if not isinstance(files, FilenameAssociations):
        raise ParameterError(f"{which} must be a FilenameAssociations, not {type(files).__name__}")
    return [(name, number) for name, number, _ in files]


def _check_images(per_image: PerImage, known: set[str]) -> None:
    for name, own in per_image.items():
        for image in own:
            if image not in known:
                raise ParameterError(
                    f"{SETTINGS[name].setter}: {name} is set for image '{image}', which is neither "
                    f"in infiles nor in outfiles; these have {', '.join(sorted(known)) or 'none'}"
                )


def _warn_of_empty_lists(infiles: FilenameAssociations) -> None:
    """Tell of a list without files, which a pattern that finds none makes."""
    for name, entry in vars(infiles).items():
        if isinstance(entry, list | tuple) and not entry:
            logger.warning("infiles: input '%s' is an empty list; did a pattern find none?", name)


def _check_inputs(found: _Values, inputs: list[Key], infiles: FilenameAssociations) -> None:
    if inputs:
        _warn_of_empty_lists(infiles)
        return
    if found.for_all["footprint"] != BOUNDS_FROM_REFERENCE:
        raise ParameterError(
            "infiles is empty: give at least one input, or the footprint BOUNDS_FROM_REFERENCE and "
            "a reference (setReferenceImage or setReferencePixgrid)"
        )
    if found.for_all["referenceImage"] is None and found.for_all["referencePixgrid"] is None:
        raise ParameterError(
            "infiles is empty, and the footprint is BOUNDS_FROM_REFERENCE without a reference: "
            "call setReferenceImage or setReferencePixgrid"
        )


def _check_statistics(found: _Values, image: str) -> None:
    if found.of("overviewAggType", image) == "AVERAGE_MAGPHASE":
        raise UnsupportedControlError(
            f"setOverviewAggregationType: AVERAGE_MAGPHASE for image '{image}' cannot be had "
            "through rasterio; take AVERAGE or NEAREST"
        )
    if not found.of("approxStats", image):
        return
    if found.of("exactHistogram", image):
        raise ParameterError(
            f"setApproxStats and setExactHistogram are both True for image '{image}'; drop one of "
            "them"
        )
    if found.of("omitPyramids", image):
        raise ParameterError(
            f"setApproxStats and setOmitPyramids are both True for image '{image}': approximate "
            "statistics are taken from pyramids; drop one of them"
        )
    if found.of("thematic", image):
        raise ThematicError(
            f"setApproxStats and setThematic are both True for image '{image}': a sample may miss "
            "whole classes; drop one of them"
        )


def _input_options(found: _Values, image: str, for_all: tuple[str, ...]) -> InputOptions:
    own = (name for name in _VECTOR_FIELDS.values() if (name, image) in found.per_image)
    return InputOptions(
        **found.select(_INPUT_FIELDS, image),
        vector=VectorOptions(**found.select(_VECTOR_FIELDS, image)),
        vector_controls=_setters(own),
        vector_controls_for_all=for_all,
    )


def _setters(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(SETTINGS[name].setter for name in names)


def _output_options(
    found: _Values, image: str, creation_defaults: Mapping[str, tuple[str, ...]]
) -> OutputOptions:
    return OutputOptions(
        **found.select(_OUTPUT_FIELDS, image), default_creation_options=dict(creation_defaults)
    )


def _default(name: str) -> Any:
    return SETTINGS[name].default


def _readable(value: Any) -> Any:
    """Put a frozen value into words that JSON can hold, never the repr of an object."""
    if isinstance(value, float) and value - value != 0:
        # JSON has no NaN and no infinity
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, ConcurrencyStyle):
        return _readable_style(value)
    if isinstance(value, BlockRetries):
        return asdict(value)
    if isinstance(value, PixelGridDefn):
        return str(value)
    if isinstance(value, list | tuple):
        return [_readable(item) for item in value]
    if callable(value):
        return getattr(value, "__qualname__", type(value).__qualname__)
    return type(value).__qualname__


def _readable_style(style: ConcurrencyStyle) -> dict[str, Any]:
    plain = ConcurrencyStyle()
    told = {
        field.name: getattr(style, field.name)
        for field in fields(style)
        if field.repr and getattr(style, field.name) != getattr(plain, field.name)
    }
    if style.computeWorkerExtraParams:
        # their values may be long, and may hold account names
        told["computeWorkerExtraParams"] = sorted(map(str, style.computeWorkerExtraParams))
    return told
