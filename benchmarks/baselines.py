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
from rios_flows.gdalfiles.bandtags import write_band_tags
from rios_flows.gdalfiles.pyramids import pour_overviews, reserve_overviews
from rios_flows.grid import ApplierBlockDefn
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
    results: queue.Queue[tuple[Window, Pixels] | Exception | None] = queue.Queue(2 * workers)
    with _inputs(job) as sources:
        windows, lock = _windows(sources[0], job.window), threading.Lock()
        threads = [
            threading.Thread(target=_work, args=(job, windows, lock, results), daemon=True)
            for _ in range(workers)
        ]
        for thread in threads:
            thread.start()
        with _output(job, sources[0], target, single) as out:
            working = workers
            while working:
                result = results.get()
                if result is None:
                    working -= 1
                elif isinstance(result, Exception):
                    raise result
                else:
                    out.write(result[1], window=result[0])
                    if single is not None:
                        single.add(_block(result[0]), result[1])
            if single is not None:
                write_band_tags(out, single.finish(), nodata=[0] * out.count)


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
