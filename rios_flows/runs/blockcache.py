"""How large GDAL's block cache has to be, so that no tile or strip of an input is decoded twice."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rios_flows.files.layout import CacheNeed, FileLayout, cache_need
from rios_flows.gdal.settings import CacheShare
from rios_flows.inputs.inputplan import InputPlan
from rios_flows.inputs.sources import RasterSource
from rios_flows.jobs.plan import Plan

logger = logging.getLogger(__name__)

#: Room for what is not reckoned with, such as windows that are read at the same time.
SPARE_BYTES = 16 * 2**20
SPARE_SHARE = 1.25


class _File(NamedTuple):
    what: str
    layout: FileLayout
    need: CacheNeed
    copies: int


def fit_cache(share: CacheShare, plan: Plan) -> None:
    """Give a run as much of the block cache as it needs, or as much as there is.

    Parameters
    ----------
    share : CacheShare
        The run's part of the cache.
    plan : Plan
        The plan of the run.
    """
    files = list(_inputs(plan))
    row, window = _bytes_by_row(files), _bytes_by_window(files)
    wanted = max(row, window)
    # where a row is too much, a part of it is of no use: its blocks go before they are needed again
    share.take(wanted if wanted <= share.most else window)
    if wanted > share.most:
        _tell(files, wanted, share.most)


def _inputs(plan: Plan) -> Iterator[_File]:
    lanes = max(1, plan.options.style.numReadWorkers)
    for item in plan.inputs:
        if isinstance(item.source, RasterSource) and item.source.layout is not None:
            need = cache_need(item.source.layout, plan.blocks, item.offset, _scale(item))
            # each lane decodes for itself
            copies = lanes if need.shared else 1
            yield _File(item.source.what, item.source.layout, need, copies)


def _scale(item: InputPlan) -> tuple[float, float] | None:
    return None if item.warp is None else item.warp.definition.scale


def _bytes_by_row(files: Iterable[_File]) -> int:
    """Return what the cache must hold from one row of windows to the next; 0 where nothing."""
    if not any(file.need.by_row for file in files):
        return 0
    return _with_spare(file.need.row_bytes * file.copies for file in files)


def _bytes_by_window(files: Iterable[_File]) -> int:
    """Return what the cache must hold from one window to the next; 0 where nothing."""
    if not any(file.need.by_window for file in files):
        return 0
    return _with_spare(2 * file.need.window_bytes * file.copies for file in files)


def _with_spare(sizes: Iterable[int]) -> int:
    return int(SPARE_SHARE * sum(sizes)) + SPARE_BYTES


def _tell(files: Sequence[_File], wanted: int, most: int) -> None:
    worst = max(
        (file for file in files if file.need.shared),
        key=lambda file: file.need.row_bytes * file.copies,
    )
    layout = worst.layout
    logger.warning(
        "Parts of files are decoded several times: windows share them, and GDAL's block "
        "cache would need %d MiB of the %d MiB that it may take. The largest share is that of %s, "
        "which is stored in blocks of %d x %d pixels; with windows of whole blocks (setWindowSize) "
        "or a larger GDAL_CACHEMAX it goes faster",
        wanted >> 20,
        most >> 20,
        worst.what,
        layout.block_cols,
        layout.block_rows,
    )
