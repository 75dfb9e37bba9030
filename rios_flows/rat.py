"""Colour tables as rows of numbers, the way RIOS keeps them with raster attribute tables."""

from typing import TYPE_CHECKING

from rios_flows.basics.gone import instead_of
from rios_flows.files.colorrows import (
    DEFAULT_AUTOCOLORTABLETYPE,
    MAX_RECOMMENDED_COLOR_TABLE,
    basestring,
    genColorTable,
    genColorTable_gray,
    genColorTable_rainbow,
    genColorTable_random,
    getColorTable,
    setColorTable,
)

__all__ = [
    "DEFAULT_AUTOCOLORTABLETYPE",
    "MAX_RECOMMENDED_COLOR_TABLE",
    "basestring",
    "genColorTable",
    "genColorTable_gray",
    "genColorTable_rainbow",
    "genColorTable_random",
    "getColorTable",
    "setColorTable",
]

if not TYPE_CHECKING:
    __getattr__ = instead_of(__name__)
