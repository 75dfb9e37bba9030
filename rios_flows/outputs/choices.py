"""Which extras an output gets, and which of them are made while blocks pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rios_flows.formats.format import Wanted
from rios_flows.outputs.targets import Target
from rios_flows.reducers.cells import overview_levels
from rios_flows.reducers.overviews import SINGLE_PASS_METHODS
from rios_flows.reducers.statistics import BandStatistics, can_be_measured


@dataclass(frozen=True, slots=True)
class Choices:
    """What an output gets beside its pixels."""

    statistics: bool
    histogram: bool
    # factors of the overviews, and GDAL's name of their resampling
    levels: tuple[int, ...]
    method: str
    # which are made while blocks pass
    single_pass_statistics: bool
    single_pass_histogram: bool
    single_pass_pyramids: bool


class Made(NamedTuple):
    """What was put into an output."""

    expected: Wanted
    chosen: Choices
    bands: Sequence[BandStatistics | None]
    # the user's function may have changed the file, so that statistics may be missing
    changed: bool


def choose(target: Target, dtype: np.dtype[Any], shape: tuple[int, int]) -> Choices:
    """Choose for one output of ``shape`` rows and columns; refuse an impossible single pass."""
    options, measurable = target.options, can_be_measured(dtype)
    statistics = measurable and not options.omit_statistics
    histogram = measurable and not options.omit_histogram
    levels: tuple[int, ...] = ()
    if not options.omit_pyramids and target.format.has_overviews:
        levels = overview_levels(shape, options.overview_levels, options.overview_min_dim)
        levels = levels[: target.format.most_overviews]
    method = options.overview_resampling or "NEAREST"
    _refuse_single_pass(target, dtype, method)
    # those of a lossy output come from the pixels in its file
    exact = target.format.lossy_option(dtype.name) is None
    measured = exact and not options.approximate_statistics
    poured = exact and bool(levels) and _passes(method, dtype)
    return Choices(
        statistics,
        histogram,
        levels,
        method,
        statistics and measured and options.single_pass_statistics is not False,
        histogram and measured and options.single_pass_histogram is not False,
        poured and options.single_pass_pyramids is not False,
    )


def _passes(method: str, dtype: np.dtype[Any]) -> bool:
    return method == "NEAREST" or (method in SINGLE_PASS_METHODS and can_be_measured(dtype))


def _refuse_single_pass(target: Target, dtype: np.dtype[Any], method: str) -> None:
    if not can_be_measured(dtype):
        why = f"there are no statistics of {dtype} pixels"
        target.refuse_single_pass(statistics=why, histogram=why)
    if not _passes(method, dtype):
        target.refuse_single_pass(pyramids=f"{method} of {dtype} pixels needs the whole raster")
    lossy = target.format.lossy_option(dtype.name)
    if lossy is not None:
        why = f"of {lossy}, only the finished file tells which pixels are in it"
        target.refuse_single_pass(why, why, why)
