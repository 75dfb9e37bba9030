"""From controls to options: values are checked, frozen, and resolved for each image."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from rios_flows.basics.defaults import BOUNDS_FROM_REFERENCE
from rios_flows.basics.types import Key
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.declaring import Control, declared, same
from rios_flows.controls.options import (
    CONTROLS,
    Hooks,
    InputOptions,
    Options,
    OutputOptions,
    VectorOptions,
)
from rios_flows.controls.spelling import question
from rios_flows.controls.words import readable
from rios_flows.rioserrors import ParameterError, ThematicError, UnsupportedControlError

logger = logging.getLogger(__name__)

#: Controls that approximate statistics contradict; the error of each, and why.
_NOT_APPROXIMATE = {
    "exactHistogram": (ParameterError, ""),
    "omitPyramids": (ParameterError, ": approximate statistics are taken from pyramids"),
    "thematic": (ThematicError, ": a sample may miss whole classes"),
}

PerImage = Mapping[str, Mapping[str, Any]]


class Values:
    """The values of all controls, checked and frozen."""

    def __init__(self, values: Mapping[str, Any], per_image: PerImage) -> None:
        self.for_all = {name: each.checked(values[name]) for name, each in CONTROLS.items()}
        self.per_image = {
            (name, image): CONTROLS[name].checked(value, image)
            for name, own in per_image.items()
            for image, value in own.items()
        }

    def of(self, name: str, image: str) -> Any:
        """Return the value of a control for an image: its own, else that for all."""
        return self.per_image.get((name, image), self.for_all[name])

    def select(self, options: type, image: str = "") -> dict[str, Any]:
        """Return what a class of options is made of."""
        return {each.field: self.of(each.name, image) for each in declared(options)}

    def changed(self) -> dict[str, Any]:
        """Return what differs from the built-in defaults, in words that JSON can hold."""
        changed = {
            name: readable(value)
            for name, value in self.for_all.items()
            if not same(value, CONTROLS[name].default)
        }
        for (name, image), value in self.per_image.items():
            if not same(value, self.for_all[name]) or not same(value, CONTROLS[name].default):
                changed[f"{name}[{image}]"] = readable(value)
        return changed


def resolve(
    values: Mapping[str, Any],
    per_image: PerImage,
    creation_defaults: Mapping[str, tuple[str, ...]],
    infiles: FilenameAssociations,
    outfiles: FilenameAssociations,
) -> tuple[Options, Hooks]:
    """Check and freeze controls for these images."""
    _warn_of_unknown(values)
    inputs, outputs = _keys("infiles", infiles), _keys("outfiles", outfiles)
    # those whose entry is None, too
    _check_images(per_image, {*vars(infiles), *vars(outfiles)})
    found = Values(values, per_image)
    found.for_all["concurrency"].check()
    _check_inputs(found, inputs, infiles)
    for name in dict(outputs):
        _check_statistics(found, name)
    for_all = _setters(
        each for each in declared(VectorOptions) if not same(found.for_all[each.name], each.default)
    )
    options = Options(
        **found.select(Options),
        inputs={key: _input_options(found, key[0], for_all) for key in inputs},
        outputs={
            key: OutputOptions(
                **found.select(OutputOptions, key[0]),
                default_creation_options=dict(creation_defaults),
            )
            for key in outputs
        },
        changed=found.changed(),
    )
    called = {key: found.of("callBeforeClose", key[0]) for key in outputs}
    return replace(options, style=copy.deepcopy(options.style)), Hooks(
        found.for_all["progress"], {key: call for key, call in called.items() if call is not None}
    )


def unknown_option(method: str, option: object) -> ParameterError:
    """Return the error of a method that was given a control that does not exist."""
    advice = question(str(option), CONTROLS) or f"; choose one of {', '.join(CONTROLS)}"
    return ParameterError(f"{method}: there is no control {option!r}{advice}")


def _warn_of_unknown(names: Iterable[str]) -> None:
    """Warn of attributes that are no control: a misspelt one would change nothing, in silence."""
    for name in names:
        if name not in CONTROLS and not name.startswith("_") and name != "loggingstream":
            meant = _setter_for(name) or question(name, CONTROLS)
            logger.warning("ApplierControls has no control '%s'; it changes nothing%s", name, meant)


def _setter_for(name: str) -> str:
    """Name the setter whose name an attribute has that no control has, such as ``windowsize``."""
    if name.lower() in map(str.lower, CONTROLS):
        return ""
    setters = (*(each.setter for each in CONTROLS.values()), "setWindowSize", "setCalcStats")
    called = {each.lower(): each for each in setters}.get(f"set{name.lower()}")
    return f"; call {called} instead" if called else ""


def _keys(which: str, files: object) -> list[Key]:
    if not isinstance(files, FilenameAssociations):
        raise ParameterError(f"{which} must be a FilenameAssociations, not {type(files).__name__}")
    return [(name, number) for name, number, _ in files]


def _check_images(per_image: PerImage, known: set[str]) -> None:
    for name, own in per_image.items():
        for image in own:
            if image not in known:
                raise ParameterError(
                    f"{CONTROLS[name].setter}: {name} is set for image '{image}', which is neither "
                    f"in infiles nor in outfiles; these have {', '.join(sorted(known)) or 'none'}"
                )


def _warn_of_empty_lists(infiles: FilenameAssociations) -> None:
    """Warn of lists without files: a pattern may have found none."""
    for name, entry in vars(infiles).items():
        if isinstance(entry, list | tuple) and not entry:
            logger.warning("infiles: input '%s' is an empty list; did a pattern find none?", name)


def _check_inputs(found: Values, inputs: list[Key], infiles: FilenameAssociations) -> None:
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


def _check_statistics(found: Values, image: str) -> None:
    if found.of("overviewAggType", image) == "AVERAGE_MAGPHASE":
        raise UnsupportedControlError(
            f"setOverviewAggregationType: AVERAGE_MAGPHASE for image '{image}' cannot be had "
            "through rasterio; take AVERAGE or NEAREST"
        )
    if not found.of("approxStats", image):
        return
    for other, (error, reason) in _NOT_APPROXIMATE.items():
        if found.of(other, image):
            raise error(
                f"setApproxStats and {CONTROLS[other].setter} are both True for image '{image}'"
                f"{reason}; drop one of them"
            )


def _input_options(found: Values, image: str, for_all: tuple[str, ...]) -> InputOptions:
    own = (each for each in declared(VectorOptions) if (each.name, image) in found.per_image)
    return InputOptions(
        **found.select(InputOptions, image),
        vector=VectorOptions(**found.select(VectorOptions, image)),
        vector_controls=_setters(own),
        vector_controls_for_all=for_all,
    )


def _setters(controls: Iterable[Control]) -> tuple[str, ...]:
    return tuple(each.setter for each in controls)
