"""Colour tables: named ramps, and the tables of raster files."""

from rios_flows.controls.const import basestring
from rios_flows.files.colors import (
    BUILT_IN,
    DIVERGING,
    EVEN,
    KNOTS,
    MOST_COLORS,
    QUALITATIVE,
    RAMP,
    RANDOM,
    SEGMENTED,
    SEQUENTIAL,
    ColorTableException,
    ColorTableMissingException,
    Table,
    addRamp,
    genTable,
    getRampNames,
    getTable,
    loadBuiltinRamps,
    setTable,
)
from rios_flows.files.colors import RANDOM as RANDOM_NAME

__all__ = [
    "BUILT_IN",
    "DIVERGING",
    "EVEN",
    "KNOTS",
    "MOST_COLORS",
    "QUALITATIVE",
    "RAMP",
    "RANDOM",
    "RANDOM_NAME",
    "SEGMENTED",
    "SEQUENTIAL",
    "ColorTableException",
    "ColorTableMissingException",
    "Table",
    "addRamp",
    "basestring",
    "genTable",
    "getRampNames",
    "getTable",
    "loadBuiltinRamps",
    "setTable",
]
