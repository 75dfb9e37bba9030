"""Files and controls of a call, made of words that JSON can hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.controls import ApplierControls
from rios_flows.controls.declaring import Control
from rios_flows.controls.options import CONTROLS
from rios_flows.controls.schemas import schema_of
from rios_flows.controls.spelling import question
from rios_flows.rioserrors import ParameterError

_KEY = re.compile(r"(?P<name>[^\[\]]*)(\[(?P<image>.+)\])?", re.DOTALL)


def files_of(names: Mapping[str, Any]) -> FilenameAssociations:
    """Make file associations from their entries."""
    files = FilenameAssociations()
    vars(files).update(names)
    return files


def controls_of(values: Mapping[str, Any]) -> ApplierControls:
    """Make controls from the form of ``held.changed``: ``control``, ``control[image]``."""
    controls = ApplierControls()
    for key, words in values.items():
        control, image = control_of(key)
        controls.setOptionForImagename(control.name, image, control.from_json(words))
    return controls


def control_of(key: str) -> tuple[Control, str | None]:
    """Return the control that ``control`` or ``control[image]`` names, and the image."""
    found = _KEY.fullmatch(str(key))
    name, image = (found["name"], found["image"]) if found else (str(key), None)
    if name not in CONTROLS:
        advice = question(name, CONTROLS) or "; the page All controls lists them"
        raise ParameterError(f"controls: there is no control {name!r}{advice}")
    control = CONTROLS[name]
    if image is not None and not control.per_image:
        raise ParameterError(
            f"controls: {name!r} holds for the whole run; leave out the image name {image!r}"
        )
    return control, image


def complaints(values: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong with controls in words, one by one."""
    for key, words in values.items():
        try:
            control, image = control_of(key)
            if schema_of(control.check) is None:
                raise ParameterError(
                    f"controls: {control.name} takes an object of Python's, which only "
                    f"{control.setter} can give; leave it out"
                )
            control.checked(control.from_json(words), image)
        except ParameterError as error:
            yield str(error)
