"""Names that RIOS's scripts take from its module of the writing; the writing is done elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rios_flows import calcstats, const, fileinfo, rat, rioserrors
from rios_flows.const import DEFAULTCREATIONOPTIONS, DEFAULTDRIVERNAME, dfltDriverOptions
from rios_flows.gone import instead_of

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
