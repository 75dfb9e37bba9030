"""The automatic colour table of an output with classes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from rasterio.io import DatasetWriter

from rios_flows.files.colorrows import genColorTable
from rios_flows.files.colors import setTable
from rios_flows.files.ramps import MOST_COLORS, ColorTableException
from rios_flows.outputs.targets import Target
from rios_flows.reducers.statistics import BandStatistics

logger = logging.getLogger(__name__)


def may_wait(target: Target, dataset: DatasetWriter) -> bool:
    """Tell whether an output gets colours that can be written after its overviews."""
    kind = _kind(target, np.dtype(dataset.dtypes[0]))
    return kind is not None and target.format.written.colors_after_overviews


def add_colors(
    dataset: DatasetWriter, target: Target, bands: Sequence[BandStatistics | None]
) -> None:
    """Give an output the colour table that the user asked for, or warn why it gets none."""
    kind = _kind(target, np.dtype(dataset.dtypes[0]))
    if kind is None:
        if target.options.thematic and target.options.color_table is not None:
            logger.warning(
                "No colour table for '%s': only whole numbers have one, and not %s",
                target.path,
                dataset.dtypes[0],
            )
        return
    reasons = [] if bands else ["it needs statistics"]
    for number, band in enumerate(bands, 1):
        reason = None if band is None else _add(dataset, target, number, band, kind)
        if reason is not None:
            reasons.append(reason)
    for reason in reasons:
        logger.warning("No colour table for '%s': %s", target.path, reason)


def colored_bands(
    target: Target, dtype: np.dtype[Any], bands: Sequence[BandStatistics | None]
) -> list[int]:
    """Return the bands that :func:`add_colors` gives a colour table, from 1."""
    if _kind(target, dtype) is None:
        return []
    known = [(number, band) for number, band in enumerate(bands, 1) if band is not None]
    return [number for number, band in known if 1 <= int(band.maximum) + 1 <= MOST_COLORS]


def _kind(target: Target, dtype: np.dtype[Any]) -> str | None:
    """Return which colours an output gets: only classes get some."""
    classes = target.options.thematic and dtype.kind in "iu"
    return target.options.color_table if classes else None


def _add(
    dataset: DatasetWriter, target: Target, number: int, band: BandStatistics, kind: str
) -> str | None:
    """Give a band a colour table, or return why not."""
    entries = int(band.maximum) + 1
    if not 1 <= entries <= MOST_COLORS:
        return f"values go up to {band.maximum}, and colours from 0 to {MOST_COLORS - 1}"
    try:
        setTable(dataset, genColorTable(entries, kind).T, number)
    except ColorTableException as error:
        return str(error)
    return None
