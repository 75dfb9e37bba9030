"""Colour tables as rows of numbers, the way RIOS keeps them with raster attribute tables."""

from rios_flows.files.colorrows import (
    MAX_RECOMMENDED_COLOR_TABLE,
    genColorTable,
    genColorTable_gray,
    genColorTable_rainbow,
    genColorTable_random,
    getColorTable,
    setColorTable,
)

__all__ = [
    "MAX_RECOMMENDED_COLOR_TABLE",
    "genColorTable",
    "genColorTable_gray",
    "genColorTable_rainbow",
    "genColorTable_random",
    "getColorTable",
    "setColorTable",
]
