"""How an output gets its statistics, histogram and overviews, or why it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from rios_flows import rioserrors
from rios_flows.cells import overview_levels
from rios_flows.options import OutputOptions
from rios_flows.overviews import SINGLE_PASS_METHODS
from rios_flows.statistics import can_be_measured

#: How overviews are filled where nothing is said.
DEFAULT_METHOD = "NEAREST"


class Way(Enum):
    """A way to come by something."""

    NONE = "not wanted"
    SINGLE_PASS = "while the pixels are written"
    AT_CLOSE = "from the finished file"


@dataclass(frozen=True, slots=True)
class Actions:
    """What is done for one output beside writing its pixels.

    Attributes
    ----------
    statistics, histogram, overviews : Way
        How each of them is made.
    levels : tuple of int
        Factor of each overview.
    method : str
        How the overviews are filled.
    """

    statistics: Way = Way.NONE
    histogram: Way = Way.NONE
    overviews: Way = Way.NONE
    levels: tuple[int, ...] = ()
    method: str = DEFAULT_METHOD


def choose_actions(
    options: OutputOptions, label: str, dtype: np.dtype[Any], shape: tuple[int, int]
) -> Actions:
    """Choose what is done for an output, and when.

    Parameters
    ----------
    options : OutputOptions
        What was asked for.
    label : str
        What messages call the output.
    dtype : numpy dtype
        Type of its pixels.
    shape : tuple of int
        Rows and columns.

    Raises
    ------
    SinglePassActionsError
        If something was asked for in the single pass that cannot be had there.
    """
    method = options.overview_resampling or DEFAULT_METHOD
    levels = overview_levels(shape, options.overview_levels, options.overview_min_dim)
    overviews = _way(
        label,
        "setSinglePassPyramids",
        wanted=not options.omit_pyramids,
        insisted=options.single_pass_pyramids,
        obstacle=_against_overviews(method, dtype),
    )
    wanted = not options.omit_pyramids and bool(levels)
    measured = can_be_measured(dtype)
    obstacle = "setApproxStats is True" if options.approximate_statistics else None
    return Actions(
        _way(
            label,
            "setSinglePassBasicStats",
            wanted=measured and not options.omit_statistics,
            insisted=options.single_pass_statistics,
            obstacle=obstacle,
        ),
        _way(
            label,
            "setSinglePassHistogram",
            wanted=measured and not options.omit_histogram,
            insisted=options.single_pass_histogram,
            obstacle=obstacle,
        ),
        overviews if wanted else Way.NONE,
        levels if wanted else (),
        method,
    )


def _against_overviews(method: str, dtype: np.dtype[Any]) -> str | None:
    """Return why overviews cannot be made in the single pass."""
    if method not in SINGLE_PASS_METHODS:
        return f"overviews by {method} are GDAL's work, on the finished file"
    if method != DEFAULT_METHOD and not can_be_measured(dtype):
        return f"overviews of {dtype} by {method} are GDAL's work, on the finished file"
    return None


def _way(
    label: str, control: str, *, wanted: bool, insisted: bool | None, obstacle: str | None
) -> Way:
    if not wanted:
        return Way.NONE
    if insisted and obstacle is not None:
        raise rioserrors.SinglePassActionsError(f"{control}: output '{label}' cannot: {obstacle}")
    return Way.AT_CLOSE if insisted is False or obstacle is not None else Way.SINGLE_PASS
