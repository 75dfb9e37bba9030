"""Calls of pyogrio, with the settings and credentials of the caller's ``rasterio.Env``.

pyogrio has a GDAL of its own, which does not see rasterio's settings, and has one group of settings
for the whole process. They are set for one call at a time, and only if a file is in a store.
pyogrio is imported when the first vector is opened, so jobs on rasters need no time for it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rios_flows import rioserrors
from rios_flows.basics.errortext import why_not_opened
from rios_flows.gdal.settings import caller_options

# each GDAL has its own files in these directories
_OWN_FILES = ("GDAL_DATA", "PROJ_LIB", "PROJ_DATA", "GDAL_DRIVER_PATH")

_STORES = (
    *("://", "/vsis3", "/vsicurl", "/vsigs", "/vsiaz", "/vsiadls", "/vsioss", "/vsiswift"),
    "/vsiwebhdfs",
)

# settings of one run must not reach the calls of another
_LOCK = threading.Lock()


def call_pyogrio(what: str, function: str, path: str, **arguments: Any) -> Any:
    """Call pyogrio's function of this name on a file; ``what`` is its name in messages."""
    import pyogrio
    import pyogrio.raw

    called = pyogrio.raw.read if function == "raw.read" else getattr(pyogrio, function)
    try:
        if not any(mark in path for mark in _STORES):
            return called(path, **arguments)
        with _settings(caller_options()):
            return called(path, **arguments)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as error:
        told = why_not_opened(path, error)
        raise rioserrors.FileOpenError(f"Unable to read {what} as a vector: {told}") from error
    except UnicodeDecodeError as error:
        raise not_encoded(f"A name or a text in {what} is", error) from error


def not_encoded(what_is: str, error: UnicodeDecodeError) -> rioserrors.VectorAttributeError:
    """Return an error about text that cannot be decoded."""
    return rioserrors.VectorAttributeError(
        f"{what_is} not encoded as {error.encoding}: {error.object[:80]!r}; say which encoding it "
        "is in (beside a shapefile in a .cpg file), or repair it"
    )


@contextmanager
def _settings(options: dict[str, Any]) -> Iterator[None]:
    """Set options of pyogrio's GDAL for a while; one thread at a time."""
    import pyogrio

    options = {
        name: value
        for name, value in options.items()
        if name not in _OWN_FILES and isinstance(value, str | bool | int)
    }
    with _LOCK:
        before = {name: pyogrio.get_gdal_config_option(name) for name in options}
        # GDAL falls back on the environment by itself
        before.update({name: None for name in before if name in os.environ})
        pyogrio.set_gdal_config_options(options)
        try:
            yield
        finally:
            pyogrio.set_gdal_config_options(before)
