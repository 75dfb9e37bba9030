"""Types and usages of the columns of attribute tables, and dates as GDAL keeps them."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class ColumnType(IntEnum):
    """Types of columns, with GDAL's numbers (``gdal.GFT_Integer`` and so on)."""

    Integer = 0
    Real = 1
    String = 2
    #: From here on, GDAL has them from 3.12 on.
    Boolean = 3
    DateTime = 4
    Geometry = 5


class ColumnUsage(IntEnum):
    """What a column is for, with GDAL's numbers (``gdal.GFU_Generic`` and so on)."""

    Generic = 0
    PixelCount = 1
    Name = 2
    Min = 3
    Max = 4
    MinMax = 5
    Red = 6
    Green = 7
    Blue = 8
    Alpha = 9
    RedMin = 10
    GreenMin = 11
    BlueMin = 12
    AlphaMin = 13
    RedMax = 14
    GreenMax = 15
    BlueMax = 16
    AlphaMax = 17


class Column(NamedTuple):
    """What a table knows of one column."""

    name: str
    type: ColumnType
    usage: ColumnUsage


class Binning(NamedTuple):
    """Which pixel values the rows of a table are for, where no column tells."""

    minimum: float  # the least value of the first row
    size: float  # how many values a row is for


#: Dates in numpy, which knows no time zones: this is UTC.
DATES = np.dtype("datetime64[ms]")

#: A date as GDAL has it.
RECORD = np.dtype(
    [
        *((name, np.int32) for name in ("year", "month", "day", "hour", "minute")),
        ("second", np.float32),
        *((name, np.int32) for name in ("zone_hour", "zone_minute")),
        *((name, np.bool_) for name in ("zone_positive", "valid")),
    ],
    align=True,
)


def dates_of(records: NDArray[Any]) -> NDArray[np.datetime64]:
    """Return GDAL's dates in UTC; NaT where there is none."""
    whole = {name: records[name].astype(np.int64) for name in RECORD.names or ()}
    months = (whole["year"] - 1970) * 12 + whole["month"] - 1
    days = months.astype("M8[M]").astype("M8[D]").astype(np.int64) + whole["day"] - 1
    minutes = (days * 24 + whole["hour"]) * 60 + whole["minute"]
    zone = whole["zone_hour"] * 60 + whole["zone_minute"]
    minutes -= np.where(records["zone_positive"], zone, -zone)
    seconds = records["second"].astype(np.float64)
    dates = (minutes * 60_000 + np.rint(seconds * 1000).astype(np.int64)).astype(DATES)
    dates[~records["valid"]] = np.datetime64("NaT")
    return dates


def records_of(dates: NDArray[np.datetime64]) -> NDArray[Any]:
    """Return dates in UTC as GDAL has them."""
    records = np.zeros(len(dates), RECORD)
    valid = ~np.isnat(dates)
    kept = dates[valid].astype(DATES)
    months, days = kept.astype("M8[M]"), kept.astype("M8[D]")
    rest = (kept - days).astype(np.int64)
    parts = {
        "year": months.astype(np.int64) // 12 + 1970,
        "month": months.astype(np.int64) % 12 + 1,
        "day": (days - months.astype("M8[D]")).astype(np.int64) + 1,
        "hour": rest // 3_600_000,
        "minute": rest // 60_000 % 60,
        "second": rest % 60_000 / 1000,
    }
    for name, values in parts.items():
        records[name][valid] = values
    records["zone_positive"] = records["valid"] = valid
    return records
