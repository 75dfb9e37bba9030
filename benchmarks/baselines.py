"""What a careful person writes by hand for one job: the engine is compared with these."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.windows import Window

from benchmarks.jobs import Job, Pixels
from rios_flows.files.bandtags import write_band_tags
from rios_flows.files.pyramids import pour_overviews, reserve_overviews
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.reducers.singlepass import SinglePass

#: The bound of GDAL's block cache, the engine's own (bytes).
CACHE_BYTES = 64 * 2**20


def loop(job: Job, target: Path) -> None:
    """Read, compute and write block after block in one thread."""
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
        loop_with_gdals_cache(job, target)


def loop_with_gdals_cache(job: Job, target: Path) -> None:
    """Do the same, with all the cache that GDAL takes where nobody tells it otherwise."""
    with (
        _inputs(job) as sources,
        _output(job, sources[0], target) as out,
    ):
        for window in _windows(sources[0], job.window):
            out.write(job.kernel(_read(job, sources, window)), window=window)


def pipeline(job: Job, target: Path, workers: int = 2, single: SinglePass | None = None) -> None:
    """Read and compute in some threads, each with its own datasets; write in this one."""
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
        pipeline_with_gdals_cache(job, target, workers, single)


def pipeline_with_gdals_cache(
    job: Job, target: Path, workers: int = 2, single: SinglePass | None = None
) -> None:
    """Do the same, with all the cache that GDAL takes where nobody tells it otherwise."""
    with _inputs(job) as sources, _output(job, sources[0], target, single) as out:
        for window, pixels in _results(job, sources, workers):
            out.write(pixels, window=window)
            if single is not None:
                single.add(_block(window), pixels)
        if single is not None:
            write_band_tags(out, single.finish(), nodata=[0] * out.count)


def gathering_pipeline(job: Job, target: Path, workers: int = 2) -> None:
    """Do the same, and put windows together to whole tiles, or to rows of strips, for writing."""
    with _inputs(job) as sources, _output(job, sources[0], target) as out:
        canvas = _Canvas(out)
        for window, pixels in _results(job, sources, workers):
            canvas.put(window, pixels)


class _Canvas:
    """Whole tiles of a file, or rows of strips about as high as a tile."""

    def __init__(self, out: Any) -> None:
        self._out = out
        height, self._width = out.block_shapes[0]
        self._height = height * max(1, 256 // height)
        self._begun: dict[tuple[int, int], list[Any]] = {}

    def put(self, window: Window, pixels: Pixels) -> None:
        top, left = window.row_off, window.col_off
        bottom, right = top + window.height, left + window.width
        for row in range(top // self._height * self._height, bottom, self._height):
            for col in range(left // self._width * self._width, right, self._width):
                self._put(row, col, top, left, pixels)

    def _put(self, row: int, col: int, top: int, left: int, pixels: Pixels) -> None:
        height = min(self._height, self._out.height - row)
        width = min(self._width, self._out.width - col)
        if (row, col) not in self._begun:
            self._begun[row, col] = [np.empty((1, height, width), pixels.dtype), height * width]
        tile = self._begun[row, col]
        part = pixels[
            :,
            max(row - top, 0) : max(row - top + height, 0),
            max(col - left, 0) : max(col - left + width, 0),
        ]
        first, start = max(top - row, 0), max(left - col, 0)
        tile[0][:, first : first + part.shape[1], start : start + part.shape[2]] = part
        tile[1] -= part.size
        if not tile[1]:
            self._out.write(tile[0], window=Window(col, row, width, height))
            del self._begun[row, col]


def _results(job: Job, sources: Sequence[Any], workers: int) -> Iterator[tuple[Window, Pixels]]:
    """Yield windows as threads have read and computed them."""
    results: queue.Queue[tuple[Window, Pixels] | Exception | None] = queue.Queue(2 * workers)
    windows, lock = _windows(sources[0], job.window), threading.Lock()
    for _ in range(workers):
        arguments = (job, windows, lock, results)
        threading.Thread(target=_work, args=arguments, daemon=True).start()
    while workers:
        result = results.get()
        if isinstance(result, Exception):
            raise result
        if result is None:
            workers -= 1
        else:
            yield result


def _block(window: Window) -> ApplierBlockDefn:
    return ApplierBlockDefn(window.row_off, window.col_off, window.height, window.width)


def pipeline_with_extras(job: Job, target: Path, workers: int = 2) -> None:
    """Do the same, and gather statistics, histogram and overviews while pixels pass."""
    with rasterio.open(job.files[0]) as like:
        shape = (1, like.height, like.width)
    levels = tuple(level for level in (4, 8, 16, 32, 64) if min(shape[1:]) // level > 128)
    single = SinglePass(
        shape, np.dtype(job.dtype), nodata=0, levels=levels, scratch=str(target.parent)
    )
    with contextlib.closing(single):
        pipeline(job, target, workers, single)
        if single.overviews is not None:
            pour_overviews(str(target), single.overviews, NUM_THREADS="2")


def _work(
    job: Job,
    windows: Iterator[Window],
    lock: threading.Lock,
    results: queue.Queue[tuple[Window, Pixels] | Exception | None],
) -> None:
    try:
        with rasterio.Env(), _inputs(job) as sources:
            while True:
                with lock:
                    window = next(windows, None)
                if window is None:
                    break
                results.put((window, job.kernel(_read(job, sources, window))))
        results.put(None)
    except Exception as error:
        results.put(error)


@contextmanager
def _inputs(job: Job) -> Iterator[list[Any]]:
    with ExitStack() as stack:
        yield [stack.enter_context(rasterio.open(path)) for path in job.files]


@contextmanager
def _output(job: Job, like: Any, target: Path, single: SinglePass | None = None) -> Iterator[Any]:
    with rasterio.open(
        target, "w", driver="GTiff", width=like.width, height=like.height, count=1,
        dtype=job.dtype, crs=like.crs, transform=like.transform,
        nodata=None if single is None else 0, **job.creation,
    ) as out:  # fmt: skip
        if single is not None and single.overviews is not None:
            reserve_overviews(out, single.overviews.levels)
        yield out


def _windows(like: Any, size: int) -> Iterator[Window]:
    for row in range(0, like.height, size):
        for col in range(0, like.width, size):
            yield Window(col, row, min(size, like.width - col), min(size, like.height - row))


def _read(job: Job, sources: Sequence[Any], window: Window) -> list[Pixels]:
    return [source.read(list(job.bands), window=window) for source in sources]
