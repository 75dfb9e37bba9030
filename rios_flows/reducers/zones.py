"""Statistics of the pixels of each zone: of one block, and put together of all.

Parts of blocks are put together in the order of the blocks, so that no bit depends on which of them
was computed first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rios_flows.rioserrors import ParameterError

#: What is known of a zone without its single values.
MOMENTS = ("count", "nodata", "sum", "mean", "std", "min", "max", "range")
#: What needs all distinct values of a zone.
FROM_VALUES = ("median", "majority", "minority", "unique")

_PERCENTILE = re.compile(r"percentile_(\d+(?:\.\d+)?)")


def percent_of(name: str) -> float | None:
    """Return the percentage of ``percentile_10``; None for other names."""
    found = _PERCENTILE.fullmatch(name)
    return float(found[1]) if found and float(found[1]) <= 100 else None


def needs_values(names: Iterable[str]) -> bool:
    """Return whether statistics need all distinct values."""
    return any(name not in MOMENTS for name in names)


class Values(NamedTuple):
    """Distinct values, by zone and value."""

    zone: NDArray[np.int64]
    value: NDArray[Any]
    times: NDArray[np.int64]


class Moments(NamedTuple):
    """Of some zones that have pixels.

    ``rise`` sums how far pixels are above the lowest, ``off`` squares of how far off the mean.
    """

    zone: NDArray[np.int64]
    pixels: NDArray[np.int64]
    total: NDArray[np.float64]
    rise: NDArray[np.float64]
    off: NDArray[np.float64]
    low: NDArray[Any]
    high: NDArray[Any]


class Part(NamedTuple):
    """What one block knows; parts are sorted by the block's place, row by row."""

    place: tuple[int, int]
    moments: Moments
    # zones of pixels without data, and how many
    missing: tuple[NDArray[np.int64], NDArray[np.int64]]
    values: Values | None


def part_of(
    place: tuple[int, int],
    zones: NDArray[np.int64],
    pixels: NDArray[Any],
    valid: NDArray[np.bool_],
    with_values: bool,
) -> Part:
    """Summarise pixels, each with its zone; arrays are 1-D."""
    missing = np.unique(zones[~valid], return_counts=True)
    order = np.argsort(zones[valid], kind="stable")
    zone, value = zones[valid][order], pixels[valid][order]
    values = _distinct(zone, value, np.ones(len(zone), np.int64)) if with_values else None
    return Part(place, _moments(zone, value), missing, values)


def _moments(zone: NDArray[np.int64], value: NDArray[Any]) -> Moments:
    found, first, count = np.unique(zone, return_index=True, return_counts=True)
    if not len(found):
        none = np.empty(0)
        return Moments(found, count, none, none, none, value, value)
    low, high = (ufunc.reduceat(value, first) for ufunc in (np.minimum, np.maximum))
    # from the lowest on: no float holds large integers, nor squares of what is far from 0
    with np.errstate(invalid="ignore"):
        above = _difference(value, np.repeat(low, count))
        rise = np.add.reduceat(above, first)
        off = np.add.reduceat((above - np.repeat(rise / count, count)) ** 2, first)
        total = np.add.reduceat(value.astype(np.float64), first)
    return Moments(found, count, total, rise, off, low, high)


def _difference(high: NDArray[Any], low: NDArray[Any]) -> NDArray[np.float64]:
    if high.dtype.kind in "iu":
        # what is too large for the signed type wraps around to the right number here
        return (high.astype(np.uint64) - low.astype(np.uint64)).astype(np.float64)
    return high.astype(np.float64) - low.astype(np.float64)


def _distinct(zone: NDArray[np.int64], value: NDArray[Any], count: NDArray[np.int64]) -> Values:
    order = np.lexsort((value, zone))
    zone, value, count = zone[order], value[order], count[order]
    new = np.ones(len(zone), bool)
    new[1:] = (zone[1:] != zone[:-1]) | (value[1:] != value[:-1])
    first = np.flatnonzero(new)
    return Values(zone[first], value[first], np.add.reduceat(count, first) if len(first) else count)


def statistics_of(
    parts: Sequence[Part], zones: int, names: Sequence[str]
) -> dict[str, np.ma.MaskedArray[Any, Any]]:
    """Return statistics by name, with a value for each zone: masked where it has no pixel.

    ``std`` is that of the pixels themselves (divided by their number, not one less). Percentiles
    lie between two values as numpy's do by default; of values that are equally frequent the
    smallest counts.
    """
    ordered = sorted(parts, key=lambda part: part.place) or [_NOTHING]
    known = _of_moments([part.moments for part in ordered], zones)
    missing, pixels = _joined([part.missing for part in ordered])
    known["nodata"] = _scattered(missing, pixels, zones)
    if needs_values(names):
        # a part may have none
        found = [part.values for part in ordered if part.values is not None]
        known.update(_of_values(_distinct(*_joined(found)), zones, names))
    return {name: known[name] for name in names}


_NOTHING = part_of(
    (0, 0), np.empty(0, np.int64), np.empty(0), np.empty(0, np.bool_), with_values=True
)


def _per_zone(
    found: NDArray[np.int64], values: NDArray[Any], zones: int
) -> np.ma.MaskedArray[Any, Any]:
    """Return the values of the zones that were found among all of them."""
    whole = np.ma.MaskedArray(np.zeros(zones, values.dtype), mask=True)
    whole[found] = values
    return whole


def _joined(columns: Sequence[tuple[Any, ...]]) -> list[NDArray[Any]]:
    return [np.concatenate(column) for column in zip(*columns, strict=True)]


def _scattered(
    zone: NDArray[np.int64], count: NDArray[np.int64], zones: int
) -> np.ma.MaskedArray[Any, Any]:
    """Return the count of each zone, 0 where there is none."""
    counts = np.zeros(zones, np.int64)
    np.add.at(counts, zone, count)
    return np.ma.MaskedArray(counts)


def _of_moments(parts: Sequence[Moments], zones: int) -> dict[str, np.ma.MaskedArray[Any, Any]]:
    zone, count, total, rise, off, low, high = _joined(parts)
    order = np.argsort(zone, kind="stable")
    zone, count, total, rise, off, low, high = (
        each[order] for each in (zone, count, total, rise, off, low, high)
    )
    found, first, times = np.unique(zone, return_index=True, return_counts=True)

    def each(values: NDArray[Any]) -> np.ma.MaskedArray[Any, Any]:
        return _per_zone(found, values, zones)

    if not len(found):
        nothing = each(np.empty(0))
        return dict.fromkeys(MOMENTS, nothing) | {"count": _scattered(zone, count, zones)}
    counts, totals = np.add.reduceat(count, first), np.add.reduceat(total, first)
    lowest, highest = np.minimum.reduceat(low, first), np.maximum.reduceat(high, first)
    with np.errstate(invalid="ignore"):
        # means of the parts, from the lowest of all on
        above = rise / count + _difference(low, np.repeat(lowest, times))
        mean = np.add.reduceat(above * count, first) / counts
        apart = off + count * (above - np.repeat(mean, times)) ** 2
    return {
        "count": _scattered(zone, count, zones),
        "sum": each(totals),
        "mean": each(totals / counts),
        "std": each(np.sqrt(np.add.reduceat(apart, first) / counts)),
        "min": each(lowest),
        "max": each(highest),
        "range": each(_difference(highest, lowest)),
    }


def _of_values(
    known: Values, zones: int, names: Sequence[str]
) -> dict[str, np.ma.MaskedArray[Any, Any]]:
    found, first, kinds = np.unique(known.zone, return_index=True, return_counts=True)
    ends = np.cumsum(known.times)
    starts = ends[first] - known.times[first]
    counts = np.add.reduceat(known.times, first) if len(first) else first

    def each(values: NDArray[Any]) -> np.ma.MaskedArray[Any, Any]:
        return _per_zone(found, values, zones)

    def ranked(ranks: NDArray[np.int64]) -> NDArray[np.float64]:
        which = np.searchsorted(ends, starts + ranks, side="right")
        return known.value[which].astype(np.float64)

    def percentile(percent: float) -> NDArray[np.float64]:
        rank = percent / 100 * (counts - 1)
        below = np.floor(rank).astype(np.int64)
        low, high = ranked(below), ranked(np.minimum(below + 1, counts - 1))
        part = rank - below
        # as numpy has it, which is exact at both ends
        near = high - (high - low) * (1 - part)
        return np.where(part >= 0.5, near, low + (high - low) * part)

    def most(sign: int) -> NDArray[Any]:
        order = np.lexsort((known.value, sign * known.times, known.zone))
        return known.value[order][first]

    makers: dict[str, Callable[[], NDArray[Any]]] = {
        "median": lambda: percentile(50),
        "majority": lambda: most(-1),
        "minority": lambda: most(1),
        "unique": lambda: kinds,
    }
    result = {}
    for name in names:
        percent = percent_of(name)
        if name in makers:
            result[name] = each(makers[name]())
        elif percent is not None:
            result[name] = each(percentile(percent))
    return result


def check_names(names: Any) -> tuple[str, ...]:
    """Return the names of statistics, or refuse those that do not exist."""
    given = (names,) if isinstance(names, str) else tuple(names)
    for name in given:
        if name not in (*MOMENTS, *FROM_VALUES) and (
            not isinstance(name, str) or percent_of(name) is None
        ):
            raise ParameterError(
                f"stats: there is no {name!r}; there are {', '.join((*MOMENTS, *FROM_VALUES))} and "
                "percentile_N with N from 0 to 100, such as percentile_90"
            )
    if not given or len(set(given)) != len(given):
        raise ParameterError(f"stats is {given!r}; name at least one, and each once")
    return given
