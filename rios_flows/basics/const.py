"""Constants that RIOS's scripts take: its defaults, or what the environment says at the import.

They are only to be read. Who wants other defaults sets the RIOS_DFLT_* variables, or the controls
of a run.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType

from rios_flows.basics.defaults import (
    BOUNDS_FROM_REFERENCE,
    DEFAULT_CREATION_OPTIONS,
    FALLBACK_DRIVER,
    INTERSECTION,
    UNION,
    Defaults,
    from_environment,
)
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


def _now() -> Defaults:
    try:
        return from_environment()
    except ParameterError:
        # whoever makes an ApplierControls is told
        return Defaults()


_DEFAULTS = _now()

#: Creation options by driver, ``NAME=VALUE``, where none are given.
dfltDriverOptions: Mapping[str, list[str]] = MappingProxyType(
    {
        driver: list(options)
        for driver, options in {**DEFAULT_CREATION_OPTIONS, **_DEFAULTS.creation_options}.items()
    }
)

#: Driver where neither the user nor the ending of a file name says which.
DEFAULTDRIVERNAME = _DEFAULTS.driver or FALLBACK_DRIVER

#: Creation options of that driver.
DEFAULTCREATIONOPTIONS = dfltDriverOptions.get(DEFAULTDRIVERNAME, [])

#: Width and height of a block, and its margin (pixels).
DEFAULTWINDOWXSIZE, DEFAULTWINDOWYSIZE = _DEFAULTS.window
DEFAULTOVERLAP = _DEFAULTS.overlap

DEFAULTFOOTPRINT = _DEFAULTS.footprint

#: Nothing is written to it.
DEFAULTLOGGINGSTREAM = sys.stdout

#: How inputs are resampled.
DEFAULT_RESAMPLEMETHOD = "near"

#: Factors of overviews, how small the shorter side of one may be (pixels), how they are filled.
DEFAULT_OVERVIEWLEVELS = list(_DEFAULTS.overview_levels)
DEFAULT_MINOVERVIEWDIM = _DEFAULTS.overview_min_dim
DEFAULT_OVERVIEWAGGREGRATIONTYPE = _DEFAULTS.overview_method or "NEAREST"

#: Colours of thematic outputs.
DEFAULT_AUTOCOLORTABLETYPE = _DEFAULTS.color_table
