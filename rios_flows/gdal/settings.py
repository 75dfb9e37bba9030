"""GDAL's settings during a run: the caller's hold in every lane, and the block cache is limited."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import rasterio
import rasterio.env

from rios_flows.basics.forks import forked
from rios_flows.gdal.heldpixels import MODULE

#: Limit of GDAL's block cache during a run that needs no tile twice (bytes). By default GDAL takes
#: 5 % of the machine's memory, which such a run fills without any use.
CACHE_BYTES = 64 * 2**20

#: A run that needs tiles again may take this many times GDAL's default: a quarter of the memory.
MOST_OF_BEFORE = 5

#: Modules whose functions a virtual raster may call.
_TRUSTED = "GDAL_VRT_PYTHON_TRUSTED_MODULES"

#: Give up a store that sends less than a byte a second for this many seconds. GDAL itself would
#: wait for ever.
PATIENCE = {"GDAL_HTTP_LOW_SPEED_TIME": 30, "GDAL_HTTP_LOW_SPEED_LIMIT": 1}


def pool_options() -> dict[str, Any]:
    """Have GDAL keep more than 100 files of virtual rasters open, as many as the process may.

    Bands that are warped each by itself are such files: opened again for each window, 120 bands
    would take ten times as long.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = 1000 if limit == resource.RLIM_INFINITY else min(1000, limit // 4)
    return {"GDAL_MAX_DATASET_POOL_SIZE": max(100, most)}


def caller_options() -> dict[str, Any]:
    """Return GDAL options and credentials of this thread's ``rasterio.Env``; none without one."""
    return dict(rasterio.env.getenv()) if rasterio.env.hasenv() else {}


def run_options() -> dict[str, Any]:
    """Return GDAL options for a run: the caller's, else ``PATIENCE`` and a larger pool."""
    given = caller_options()
    if forked():
        given["GDAL_NUM_THREADS"] = "1"
    known = given.keys() | os.environ.keys()
    trusted = (given.get(_TRUSTED) or os.environ.get(_TRUSTED), MODULE)
    given[_TRUSTED] = ",".join(dict.fromkeys(",".join(filter(None, trusted)).split(",")))
    defaults = PATIENCE | pool_options()
    return {name: value for name, value in defaults.items() if name not in known} | given


@contextmanager
def inherited(options: dict[str, Any]) -> Iterator[None]:
    """Set the options of another thread in this one; rasterio keeps them per thread."""
    with rasterio.Env():
        # not as arguments of Env: it refuses credentials there
        rasterio.env.setenv(**options)
        yield


class CacheShare:
    """The share of one run in GDAL's block cache; the last run restores the old limit."""

    _lock = threading.Lock()
    _shares: ClassVar[dict[CacheShare, int]] = {}
    _before: ClassVar[int] = 0

    def __init__(self) -> None:
        # under one lock: the last other run may be about to end
        with self._lock:
            if not self._shares:
                CacheShare._before = int(rasterio.env.get_gdal_config("GDAL_CACHEMAX"))
            self._shares[self] = CACHE_BYTES
            self._set()
            # the most that it can take (bytes)
            self.most = int(MOST_OF_BEFORE * self._before)

    def take(self, nbytes: int) -> None:
        """Take this much from now on, at least ``CACHE_BYTES`` and at most ``most``."""
        with self._lock:
            self._shares[self] = max(CACHE_BYTES, min(nbytes, self.most))
            self._set()

    def end(self) -> None:
        """Give it back."""
        with self._lock:
            del self._shares[self]
            self._set()

    def _set(self) -> None:
        # all runs share the minimum of each
        beyond = sum(nbytes - CACHE_BYTES for nbytes in self._shares.values())
        limit = CACHE_BYTES + beyond if self._shares else self._before
        rasterio.env.set_gdal_config("GDAL_CACHEMAX", limit)


@contextmanager
def bounded_cache(options: dict[str, Any]) -> Iterator[CacheShare | None]:
    """Limit GDAL's block cache; yield the run's share, or None if the user has set a limit."""
    if "GDAL_CACHEMAX" in options or "GDAL_CACHEMAX" in os.environ:
        yield None
        return
    share = CacheShare()
    try:
        yield share
    finally:
        share.end()
