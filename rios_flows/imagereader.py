"""RIOS's names of reading; the code that reads is elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rios_flows import rioserrors
from rios_flows.basics.gone import instead_of
from rios_flows.controls import const
from rios_flows.controls.associations import BlockAssociations
from rios_flows.controls.const import (
    DEFAULTFOOTPRINT,
    DEFAULTLOGGINGSTREAM,
    DEFAULTOVERLAP,
    DEFAULTWINDOWXSIZE,
    DEFAULTWINDOWYSIZE,
    basestring,
)
from rios_flows.files.info import ImageInfo, VectorFileInfo
from rios_flows.geometry.pixelgriddefn import PixelGridDefn, findCommonRegion
from rios_flows.reports.results import WorkerErrorRecord
from rios_flows.version import VersionObj

__all__ = [
    "DEFAULTFOOTPRINT",
    "DEFAULTLOGGINGSTREAM",
    "DEFAULTOVERLAP",
    "DEFAULTWINDOWXSIZE",
    "DEFAULTWINDOWYSIZE",
    "BlockAssociations",
    "ImageInfo",
    "PixelGridDefn",
    "VectorFileInfo",
    "VersionObj",
    "WorkerErrorRecord",
    "basestring",
    "const",
    "findCommonRegion",
    "rioserrors",
]

if not TYPE_CHECKING:
    __getattr__ = instead_of(__name__)
