"""The values of controls: for all images, as attributes, and for single ones."""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np

from rios_flows.basics.gone import OldNames
from rios_flows.basics.types import Key
from rios_flows.controls import environment, resolving
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.options import CONTROLS, Hooks, Options
from rios_flows.rioserrors import ParameterError

_T = TypeVar("_T")


class HeldControls(OldNames):
    """Holds controls, and makes options of them; ``ApplierControls`` has the setters."""

    loggingstream: Any
    # what ``rios_flows.apply`` asks of inputs beside controls, as fields of their options
    _inputs_as: Mapping[str, Any] = MappingProxyType({})
    # and what a catalogue tells of single ones
    _inputs_told: Mapping[Key, Mapping[str, Any]] = MappingProxyType({})

    def __init__(self) -> None:
        vars(self).update({name: each.own_default() for name, each in CONTROLS.items()})
        # nothing is written to it, but scripts may look at it
        self.loggingstream = sys.stdout
        self._per_image: dict[str, dict[str, Any]] = {}
        self._creation_defaults = environment.creation_options()

    def setOptionForImagename(self, option: str, imagename: str | None, value: Any) -> None:
        """Set a control by the name of its attribute, for one image, or for all where it is None.

        Raises
        ------
        ParameterError
            If there is no such control, or it holds for the whole run only.
        """
        control = CONTROLS.get(option)
        if control is None:
            raise resolving.unknown_option("setOptionForImagename", option)
        if imagename is not None and not control.per_image:
            raise ParameterError(
                f"setOptionForImagename: option={option!r} holds for the whole run; leave out the "
                f"image name {imagename!r}"
            )
        # the caller may go on with a list of his
        kept = copy.copy(value) if isinstance(value, list | dict | np.ndarray) else value
        if imagename is None:
            setattr(self, option, kept)
        else:
            self._per_image.setdefault(option, {})[imagename] = kept

    def _set(self, option: str, imagename: str | None, value: _T) -> _T:
        """Set a control, and return what the attribute is then; type checkers learn its type."""
        self.setOptionForImagename(option, imagename, value)
        return getattr(self, option)  # type: ignore[no-any-return]

    def getOptionForImagename(self, option: str, imagename: str | None) -> Any:
        """Return a control for one image: its own value, else that for all.

        Raises
        ------
        ParameterError
            If there is no such control.
        """
        if option not in CONTROLS:
            raise resolving.unknown_option("getOptionForImagename", option)
        own = self._per_image.get(option, {})
        return own[imagename] if imagename in own else getattr(self, option)

    def __repr__(self) -> str:
        try:
            told = ", ".join(f"{name}={value!r}" for name, value in changed(self).items())
        except ParameterError as error:
            told = str(error)
        return f"{type(self).__name__}({told})"

    def __getstate__(self) -> dict[str, Any]:
        # a stream can be neither pickled nor copied
        return {name: value for name, value in vars(self).items() if name != "loggingstream"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, loggingstream=sys.stdout)


def resolved(
    controls: HeldControls, infiles: FilenameAssociations, outfiles: FilenameAssociations
) -> tuple[Options, Hooks]:
    """Check every control, and freeze what holds for each of these images; nothing is shared."""
    options, hooks = resolving.resolve(
        vars(controls), controls._per_image, controls._creation_defaults, infiles, outfiles
    )
    asked, told = controls._inputs_as, controls._inputs_told
    inputs = {
        key: replace(each, **asked, **told.get(key, {})) for key, each in options.inputs.items()
    }
    return replace(options, inputs=inputs), hooks


def changed(controls: HeldControls) -> dict[str, Any]:
    """Return what differs from the built-in defaults, as ``control`` or ``control[image]``."""
    return resolving.Values(vars(controls), controls._per_image).changed()
