"""Constants that RIOS's scripts take: its defaults, or what the environment says at the import.

Changing them changes nothing: set the RIOS_DFLT_* variables, or the controls of a run.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from rios_flows.basics.defaults import BOUNDS_FROM_REFERENCE, INTERSECTION, UNION
from rios_flows.controls.environment import creation_options
from rios_flows.controls.options import CONTROLS
from rios_flows.formats.known import DEFAULTS, FALLBACK
from rios_flows.rioserrors import ParameterError

__all__ = [
    "BOUNDS_FROM_REFERENCE",
    "DEFAULTCREATIONOPTIONS",
    "DEFAULTDRIVERNAME",
    "DEFAULTFOOTPRINT",
    "DEFAULTLOGGINGSTREAM",
    "DEFAULTOVERLAP",
    "DEFAULTWINDOWXSIZE",
    "DEFAULTWINDOWYSIZE",
    "DEFAULT_AUTOCOLORTABLETYPE",
    "DEFAULT_MINOVERVIEWDIM",
    "DEFAULT_OVERVIEWAGGREGRATIONTYPE",
    "DEFAULT_OVERVIEWLEVELS",
    "DEFAULT_RESAMPLEMETHOD",
    "INTERSECTION",
    "UNION",
    "basestring",
    "dfltDriverOptions",
]

#: What Python 2 called the type of text.
basestring = str


def _now() -> tuple[dict[str, Any], Mapping[str, Sequence[str]]]:
    try:
        defaults = {name: each.own_default() for name, each in CONTROLS.items()}
        return defaults, creation_options()
    except ParameterError:
        # ApplierControls() raises this error
        return {name: each.default for name, each in CONTROLS.items()}, {}


_DEFAULTS, _CREATION_OPTIONS = _now()

#: Creation options by driver, ``NAME=VALUE``, where none are given.
dfltDriverOptions: Mapping[str, list[str]] = MappingProxyType(
    {driver: list(options) for driver, options in {**DEFAULTS, **_CREATION_OPTIONS}.items()}
)

#: Driver where neither the user nor the ending of a file name says which.
DEFAULTDRIVERNAME = _DEFAULTS["drivername"] or FALLBACK

#: Creation options of that driver.
DEFAULTCREATIONOPTIONS = dfltDriverOptions.get(DEFAULTDRIVERNAME, [])

#: Width and height of a block, and its margin (pixels).
DEFAULTWINDOWXSIZE: int = _DEFAULTS["windowxsize"]
DEFAULTWINDOWYSIZE: int = _DEFAULTS["windowysize"]
DEFAULTOVERLAP: int = _DEFAULTS["overlap"]

DEFAULTFOOTPRINT: int = _DEFAULTS["footprint"]

#: Nothing is written to it.
DEFAULTLOGGINGSTREAM = sys.stdout

#: How inputs are resampled.
DEFAULT_RESAMPLEMETHOD: str = _DEFAULTS["resampleMethod"]

#: Factors of overviews, how small the shorter side of one may be (pixels), how they are filled.
DEFAULT_OVERVIEWLEVELS: list[int] = list(_DEFAULTS["overviewLevels"])
DEFAULT_MINOVERVIEWDIM: int = _DEFAULTS["overviewMinDim"]
DEFAULT_OVERVIEWAGGREGRATIONTYPE: str = _DEFAULTS["overviewAggType"] or "NEAREST"

#: Colours of thematic outputs.
DEFAULT_AUTOCOLORTABLETYPE: str | None = _DEFAULTS["autoColorTableType"]
