"""The overviews of one output: room for them at first, their pixels at last."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zlib import crc32

import rasterio
from rasterio.io import DatasetWriter
from rasterio.windows import Window

from rios_flows.files.pyramids import (
    OverviewSizeError,
    build_overviews,
    pour_overviews,
    reserve_overviews,
)
from rios_flows.outputs.choices import Choices
from rios_flows.outputs.targets import Target
from rios_flows.reducers.overviews import Overviews

logger = logging.getLogger(__name__)


def begin_pyramids(target: Target, chosen: Choices, dataset: DatasetWriter) -> Choices:
    """Reserve room for overviews that are made while blocks pass; without it, make them later."""
    if not chosen.single_pass_pyramids or reserve_overviews(dataset, chosen.levels):
        return chosen
    why = f"{target.format.driver} has no room for pyramids that are filled later"
    return _without_single_pass(target, chosen, why)


def finish_pyramids(
    target: Target, chosen: Choices, path: str, gathered: Overviews | None, **options: Any
) -> Choices:
    """Write the overviews into a closed file; return what it got, or raise OSError."""
    if gathered is not None:
        try:
            pour_overviews(path, gathered, **options)
        except OverviewSizeError as error:
            chosen = _without_single_pass(target, chosen, str(error))
        else:
            if target.format.is_silent:
                _check_poured(path, gathered)
            return chosen
    if not build_overviews(path, chosen.levels, chosen.method, **options):
        driver = target.format.driver
        logger.warning("%s goes without pyramids: %s has no room for them", target.title, driver)
        return replace(chosen, levels=())
    if target.format.is_silent:
        _check_built(path, chosen, **options)
    return chosen


def _check_built(path: str, chosen: Choices, **options: Any) -> None:
    """Make overviews a second time: nothing else tells whether all of their pixels are there."""
    known = _sums_of_overviews(path, chosen.levels)
    build_overviews(path, chosen.levels, chosen.method, **options)
    if _sums_of_overviews(path, chosen.levels) != known:
        raise OSError("overviews lack pixels; is the disk full?")


def _without_single_pass(target: Target, chosen: Choices, why: str) -> Choices:
    target.refuse_single_pass(pyramids=why)
    return replace(chosen, single_pass_pyramids=False)


def _check_poured(path: str, overviews: Overviews) -> None:
    """Raise OSError if a file's overviews are not those that were poured in."""
    for index, factor in enumerate(overviews.levels):
        with rasterio.open(path, OVERVIEW_LEVEL=index) as dataset:
            for first, strip in overviews.strips(index, dataset.block_shapes[0][0]):
                window = Window(0, first, dataset.width, strip.shape[1])
                kept = dataset.read(window=window)
                if kept.tobytes() != strip.astype(kept.dtype, copy=False).tobytes():
                    raise OSError(f"overview {factor} lacks pixels; is the disk full?")


def _sums_of_overviews(path: str, levels: Sequence[int]) -> list[int]:
    """Return a checksum of each overview of a file."""
    sums = []
    for index in range(len(levels)):
        with rasterio.open(path, OVERVIEW_LEVEL=index) as dataset:
            known = 0
            for _, window in dataset.block_windows(1):
                known = crc32(dataset.read(window=window).data, known)
        sums.append(known)
    return sums
