"""GDAL's settings during a run: the caller's reach every lane, and the block cache is bounded."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import rasterio
import rasterio.env

#: Bound of GDAL's block cache during a run (bytes). By default GDAL takes 5 % of the machine's
#: memory, which a run that reads every block once fills for nothing.
CACHE_BYTES = 64 * 2**20

#: When a store that sends nothing is given up, after so many seconds with less than a byte each.
#: GDAL itself would wait for ever, and take the whole process with it.
PATIENCE = {"GDAL_HTTP_LOW_SPEED_TIME": 30, "GDAL_HTTP_LOW_SPEED_LIMIT": 1}


def caller_options() -> dict[str, Any]:
    """Return GDAL options and credentials of this thread's ``rasterio.Env``; none without one."""
    return dict(rasterio.env.getenv()) if rasterio.env.hasenv() else {}


def run_options() -> dict[str, Any]:
    """Return GDAL options for a run: the caller's, and ``PATIENCE`` where nothing else is set."""
    given = caller_options()
    known = given.keys() | os.environ.keys()
    return {name: value for name, value in PATIENCE.items() if name not in known} | given


@contextmanager
def inherited(options: dict[str, Any]) -> Iterator[None]:
    """Give this thread the options of another; rasterio keeps them per thread."""
    with rasterio.Env():
        # not as arguments of Env: it refuses credentials there
        rasterio.env.setenv(**options)
        yield


class _CacheBound:
    """Counts the runs of this process: the first sets the bound, the last restores what was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs = 0
        self._before: int | None = None

    def enter(self, caller_decides: bool) -> None:
        with self._lock:
            if self._runs == 0 and not caller_decides:
                self._before = int(rasterio.env.get_gdal_config("GDAL_CACHEMAX"))
                rasterio.env.set_gdal_config("GDAL_CACHEMAX", CACHE_BYTES)
            self._runs += 1

    def leave(self) -> None:
        with self._lock:
            self._runs -= 1
            if self._runs == 0 and self._before is not None:
                rasterio.env.set_gdal_config("GDAL_CACHEMAX", self._before)
                self._before = None


_CACHE_BOUND = _CacheBound()


@contextmanager
def bounded_cache(options: dict[str, Any]) -> Iterator[None]:
    """Bound GDAL's block cache to ``CACHE_BYTES``, unless the user has set GDAL_CACHEMAX.

    Parameters
    ----------
    options : dict
        What :func:`caller_options` returned. The bound is one for the whole process, so runs at the
        same time share it.
    """
    _CACHE_BOUND.enter(caller_decides="GDAL_CACHEMAX" in options or "GDAL_CACHEMAX" in os.environ)
    try:
        yield
    finally:
        _CACHE_BOUND.leave()
