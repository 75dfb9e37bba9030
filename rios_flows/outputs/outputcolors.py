"""The automatic colour table of an output with classes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rios_flows.colortable import (
    MOST_COLORS,
    ColorTableException,
    genTable,
    ramp_of,
    reason_against,
    setTable,
)
from rios_flows.reducers.statistics import BandStatistics
from rios_flows.targets.targets import Target

if TYPE_CHECKING:
    from rasterio.io import DatasetWriter

logger = logging.getLogger(__name__)


def add_colors(
    dataset: DatasetWriter, target: Target, bands: Sequence[BandStatistics | None]
) -> None:
    """Give an output the colour table that was asked for, or warn of why there is none.

    Parameters
    ----------
    dataset : DatasetWriter
        The file, with all its pixels.
    target : Target
        The output.
    bands : sequence of BandStatistics or None
        Statistics of each band; empty where there are none.
    """
    kind, dtype = target.options.color_table, np.dtype(dataset.dtypes[0])
    if kind is None or not target.options.thematic or dtype.kind not in "iu":
        return
    reasons = [] if bands else ["it needs statistics"]
    for number, band in enumerate(bands, 1):
        reason = None if band is None else _add(dataset, target, number, band, ramp_of(kind))
        if reason is not None:
            reasons.append(reason)
    for reason in reasons:
        logger.warning("No colour table for '%s': %s", target.path, reason)


def _add(
    dataset: DatasetWriter, target: Target, number: int, band: BandStatistics, ramp: str
) -> str | None:
    """Give a band a colour table, or return why not."""
    entries = int(band.maximum) + 1
    if not 1 <= entries <= MOST_COLORS:
        return f"values go up to {band.maximum}, and colours from 0 to {MOST_COLORS - 1}"
    reason = reason_against(target.format.driver, dataset.dtypes[0], number, entries)
    if reason is None:
        try:
            setTable(dataset, genTable(entries, ramp), number)
        except ColorTableException as error:
            reason = str(error)
    return reason
