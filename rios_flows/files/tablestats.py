"""Statistics of columns of attribute tables, under RIOS's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.files.attributes import Table
from rios_flows.files.nodatavalues import nodata_values
from rios_flows.files.opening import check_band, open_raster
from rios_flows.files.tables import reading_table
from rios_flows.formats.known import class_of
from rios_flows.gdal.tabletypes import ColumnType, ColumnUsage

__all__ = ["ColumnStats", "RatStats"]

#: Types of columns that have statistics.
_NUMBERS = (ColumnType.Integer, ColumnType.Real, ColumnType.Boolean)


class ColumnStats:
    """Statistics of the numbers in a column; NaN is left out.

    Parameters
    ----------
    values : ndarray
        The numbers, shape ``(rows,)``.
    weights : ndarray, optional
        How often each counts, shape ``(rows,)``; once by default.

    Attributes
    ----------
    count : float
        Sum of the weights.
    mean, stddev : float or None
        Mean and population standard deviation; these and the others are None without a number.
    min, max : float or None
        Least and greatest number.
    median : float or None
        The least number that at least half of the weight does not exceed.
    mode : float or None
        The number with the greatest weight; of several the least.
    """

    def __init__(self, values: NDArray[Any], weights: NDArray[Any] | None = None) -> None:
        self.mean: float | None = None
        self.stddev: float | None = None
        self.min: float | None = None
        self.max: float | None = None
        self.median: float | None = None
        self.mode: float | None = None
        values = np.asarray(values)
        shares = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
        counted = ~np.isnan(values) & (shares > 0)
        values, shares = values[counted], shares[counted]
        self.count = float(shares.sum())
        if not values.size:
            return
        self.mean = float(np.average(values, weights=shares))
        self.stddev = float(np.sqrt(np.average((values - self.mean) ** 2, weights=shares)))
        found, places = np.unique(values, return_inverse=True)
        totals = np.bincount(places, weights=shares)
        self.min, self.max = float(found[0]), float(found[-1])
        self.mode = float(found[np.argmax(totals)])
        self.median = float(found[np.searchsorted(np.cumsum(totals), self.count / 2)])

    def __str__(self) -> str:
        return ", ".join(f"{name}: {value}" for name, value in vars(self).items())


class RatStats:
    """Statistics of columns of a band's attribute table: ``stats.area.mean``.

    Parameters
    ----------
    filename : str
        The raster.
    columnlist : sequence of str, optional
        The columns, all of numbers by default.
    layernum : int
        The band, from 1.
    includeImageNull : bool
        Count the row of the band's nodata value, too.
    histogramweighted : bool
        Count each row as often as its pixel value is in the image, by the column of usage
        PixelCount. The table has one in HFA files with a histogram, whose rows are moved to those
        of their pixel values where it does not begin at 0.

    Raises
    ------
    AttributeTableColumnError
        If there is no such column, or no column of pixel counts where that is needed.
    AttributeTableTypeError
        If a column holds text, or a histogram that is to weight rows has bins of several values.
    GDALLayerNumberError
        If there is no such band.
    ImageOpenError
        If the file cannot be opened.
    """

    def __init__(
        self,
        filename: str,
        columnlist: Sequence[str] | None = None,
        layernum: int = 1,
        includeImageNull: bool = False,
        histogramweighted: bool = False,
    ) -> None:
        columns = [columnlist] if isinstance(columnlist, str) else columnlist
        with open_raster(filename, "r") as dataset:
            check_band(dataset, layernum)
            nodata = None if includeImageNull else nodata_values(dataset)[layernum - 1]
            own = not class_of(dataset.driver).has_histogram_columns
            tags = dataset.tags(layernum) if own else {}
        with reading_table(filename, layernum) as table:
            weights = _pixel_counts(table, tags) if histogramweighted else np.ones(table.rows)
            if nodata is not None and 0 <= nodata < table.rows and nodata == int(nodata):
                weights[int(nodata)] = 0
            for name in _names(table) if columns is None else columns:
                setattr(self, name, ColumnStats(_numbers(table, name), weights))

    def __getattr__(self, name: str) -> ColumnStats:
        # asked only for what is not there
        raise AttributeError(f"no statistics of a column '{name}': there are {list(vars(self))}")

    def __str__(self) -> str:
        return "\n".join(f"{name}: {stats}" for name, stats in vars(self).items())


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.type in _NUMBERS]


def _numbers(table: Table, name: str) -> NDArray[Any]:
    kind = table.column(name).type
    if kind not in _NUMBERS:
        what = "text" if kind is ColumnType.String else f"values of type {kind.name}"
        raise rioserrors.AttributeTableTypeError(
            f"RatStats: column '{name}' of {table.place} holds {what}, of which there are no "
            "statistics"
        )
    return table.read(name)


def _pixel_counts(table: Table, tags: dict[str, str]) -> NDArray[Any]:
    """Return how many pixels have the value of each row; tags tell of a format's own histogram."""
    for column in table.columns:
        if column.usage is ColumnUsage.PixelCount:
            counts = table.read(column.name).astype(np.float64)
            return _from_zero(counts, tags, table) if column.name == "Histogram" else counts
    raise rioserrors.AttributeTableColumnError(
        f"RatStats: {table.place} has no column of usage PixelCount in its attribute table, by "
        "which to weight rows; leave out histogramweighted, or write one"
    )


def _from_zero(counts: NDArray[Any], tags: dict[str, str], table: Table) -> NDArray[Any]:
    """Move counts of a histogram, which begins at the least value, to the rows of their values."""
    names = ("HISTOMIN", "HISTOMAX", "HISTONUMBINS")
    if not all(f"STATISTICS_{name}" in tags for name in names):
        return counts
    least, most, bins = (float(tags[f"STATISTICS_{name}"]) for name in names)
    if tags.get("STATISTICS_HISTOBINFUNCTION") != "direct" or most - least != bins - 1:
        raise rioserrors.AttributeTableTypeError(
            f"RatStats: the histogram of {table.place} has {bins:.0f} bins from {least:g} to "
            f"{most:g}, so its rows do not count pixels of one value each; leave out "
            "histogramweighted, or have statistics computed of a thematic band"
        )
    moved, first = np.zeros(len(counts)), int(least)
    there = counts[max(0, -first) : max(0, len(counts) - first)]
    moved[max(0, first) : max(0, first) + len(there)] = there
    return moved
