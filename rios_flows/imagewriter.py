"""RIOS's names of writing; the code that writes is elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rios_flows import rioserrors
from rios_flows.basics.gone import instead_of
from rios_flows.controls import const
from rios_flows.controls.const import DEFAULTCREATIONOPTIONS, DEFAULTDRIVERNAME, dfltDriverOptions
from rios_flows.files import info as fileinfo
from rios_flows.files import rat
from rios_flows.files import statistics as calcstats

__all__ = [
    "DEFAULTCREATIONOPTIONS",
    "DEFAULTDRIVERNAME",
    "calcstats",
    "const",
    "dfltDriverOptions",
    "fileinfo",
    "rat",
    "rioserrors",
]

if not TYPE_CHECKING:
    __getattr__ = instead_of(__name__)
