"""GDAL's settings during a run: the caller's hold in every lane, and the block cache is limited."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import rasterio
import rasterio.env

from rios_flows.basics.forks import forked

#: Limit of GDAL's block cache during a run that needs no tile twice (bytes). By default GDAL takes
#: 5 % of the machine's memory, which such a run fills without any use.
CACHE_BYTES = 64 * 2**20

#: A run that needs tiles again may take this many times GDAL's default: a quarter of the memory.
MOST_OF_BEFORE = 5

#: Give up a store that sends less than a byte a second for this many seconds. GDAL itself would
#: wait for ever.
PATIENCE = {"GDAL_HTTP_LOW_SPEED_TIME": 30, "GDAL_HTTP_LOW_SPEED_LIMIT": 1}


def caller_options() -> dict[str, Any]:
    """Return GDAL options and credentials of this thread's ``rasterio.Env``; none without one."""
    return dict(rasterio.env.getenv()) if rasterio.env.hasenv() else {}


def run_options() -> dict[str, Any]:
    """Return GDAL options for a run: the caller's, and by default ``PATIENCE``."""
    given = caller_options()
    if forked():
        given["GDAL_NUM_THREADS"] = "1"
    known = given.keys() | os.environ.keys()
    return {name: value for name, value in PATIENCE.items() if name not in known} | given


@contextmanager
def inherited(options: dict[str, Any]) -> Iterator[None]:
    """Set the options of another thread in this one; rasterio keeps them per thread."""
    with rasterio.Env():
        # not as arguments of Env: it refuses credentials there
        rasterio.env.setenv(**options)
        yield


class _CacheBound:
    """The cache sizes of all runs of this process; the last run restores the old limit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shares: dict[CacheShare, int] = {}
        self._before: int | None = None

    def enter(self, share: CacheShare) -> int:
        """Add a run; return the limit before all runs (bytes)."""
        with self._lock:
            if self._before is None:
                self._before = int(rasterio.env.get_gdal_config("GDAL_CACHEMAX"))
            # under one lock: the last other run may be about to end
            self._shares[share] = CACHE_BYTES
            self._set()
            return self._before

    def take(self, share: CacheShare, nbytes: int) -> None:
        """Set how much one run may take (bytes)."""
        with self._lock:
            self._shares[share] = nbytes
            self._set()

    def leave(self, share: CacheShare) -> None:
        """Remove a run."""
        with self._lock:
            del self._shares[share]
            self._set()

    def _set(self) -> None:
        assert self._before is not None
        if not self._shares:
            rasterio.env.set_gdal_config("GDAL_CACHEMAX", self._before)
            self._before = None
            return
        # all runs share the minimum of each
        beyond = sum(nbytes - CACHE_BYTES for nbytes in self._shares.values())
        rasterio.env.set_gdal_config("GDAL_CACHEMAX", CACHE_BYTES + beyond)


_CACHE_BOUND = _CacheBound()


class CacheShare:
    """The share of one run in GDAL's block cache."""

    def __init__(self) -> None:
        # bytes
        self.most = int(MOST_OF_BEFORE * _CACHE_BOUND.enter(self))

    def take(self, nbytes: int) -> None:
        """Take this much from now on, at least ``CACHE_BYTES`` and at most ``most``."""
        _CACHE_BOUND.take(self, max(CACHE_BYTES, min(nbytes, self.most)))

    def end(self) -> None:
        """Give it back."""
        _CACHE_BOUND.leave(self)


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
