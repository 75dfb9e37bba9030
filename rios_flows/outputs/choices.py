"""Which extras an output gets, and which of them are made while its blocks pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rios_flows.outputs.targets import Target
from rios_flows.reducers.cells import overview_levels
from rios_flows.reducers.overviews import SINGLE_PASS_METHODS
from rios_flows.reducers.statistics import can_be_measured


@dataclass(frozen=True, slots=True)
class Choices:
    """What an output gets beside its pixels.

    Attributes
    ----------
    statistics, histogram : bool
        Whether it gets these.
    levels : tuple of int
        Factor of each overview; none where it gets none.
    method : str
        GDAL's name of the way in which overviews are made.
    single_pass_statistics, single_pass_histogram, single_pass_pyramids : bool
        Whether that is done while blocks pass.
    """

    statistics: bool
    histogram: bool
    levels: tuple[int, ...]
    method: str
    single_pass_statistics: bool
    single_pass_histogram: bool
    single_pass_pyramids: bool


def choose(target: Target, dtype: np.dtype[Any], shape: tuple[int, int]) -> Choices:
    """Choose for one output of ``shape`` rows and columns; refuse an impossible single pass."""
    options, measured = target.options, can_be_measured(dtype)
    statistics = measured and not options.omit_statistics
    histogram = measured and not options.omit_histogram
    levels: tuple[int, ...] = ()
    if not options.omit_pyramids and target.format.has_overviews:
        levels = overview_levels(shape, options.overview_levels, options.overview_min_dim)
        levels = levels[: target.format.most_overviews]
    method = options.overview_resampling or "NEAREST"
    _refuse_single_pass(target, dtype, method)
    # of a lossy output all of it is that of the pixels which come out of the file
    exact = target.format.lossy_option(dtype.name) is None
    on_the_fly = exact and not options.approximate_statistics
    return Choices(
        statistics=statistics,
        histogram=histogram,
        levels=levels,
        method=method,
        single_pass_statistics=(
            statistics and on_the_fly and options.single_pass_statistics is not False
        ),
        single_pass_histogram=(
            histogram and on_the_fly and options.single_pass_histogram is not False
        ),
        single_pass_pyramids=(
            bool(levels)
            and exact
            and options.single_pass_pyramids is not False
            and _passes(method, dtype)
        ),
    )


def _passes(method: str, dtype: np.dtype[Any]) -> bool:
    return method == "NEAREST" or (method in SINGLE_PASS_METHODS and can_be_measured(dtype))


def _refuse_single_pass(target: Target, dtype: np.dtype[Any], method: str) -> None:
    options, why = target.options, _why_not(target, dtype)
    if why is not None and options.single_pass_statistics:
        raise target.cannot("setSinglePassBasicStats", why)
    if why is not None and options.single_pass_histogram:
        raise target.cannot("setSinglePassHistogram", why)
    if not _passes(method, dtype):
        why = f"{method} of {dtype} pixels needs the whole raster"
    elif not can_be_measured(dtype):
        why = _why_lossy(target, dtype)
    if why is not None and options.single_pass_pyramids:
        raise target.cannot("setSinglePassPyramids", why)


def _why_not(target: Target, dtype: np.dtype[Any]) -> str | None:
    """Return why there are no statistics in a single pass."""
    if not can_be_measured(dtype):
        return f"there are no statistics of {dtype} pixels"
    return _why_lossy(target, dtype)


def _why_lossy(target: Target, dtype: np.dtype[Any]) -> str | None:
    lossy = target.format.lossy_option(dtype.name)
    if lossy is None:
        return None
    return f"of {lossy}, only the finished file tells which pixels are in it"
