"""Raster files that osgeo has open: it has a GDAL of its own in the same process."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import Any, Protocol, TypeAlias, cast

from rios_flows import rioserrors
from rios_flows.files.opening import Raster


class OsgeoDataset(Protocol):
    """The methods of osgeo's dataset that are used here; osgeo itself is not needed."""

    def GetDescription(self) -> str:
        """Return its file name."""

    def FlushCache(self) -> int | None:
        """Write what is still in memory."""


#: A raster file, by name or open; osgeo may have it open too, but not for writing.
AnyRaster: TypeAlias = Raster | OsgeoDataset


def named(raster: AnyRaster) -> Raster:
    """Return a raster; if osgeo has it open for reading, return its name."""
    osgeo: Any = raster
    # the dataset of setCallBeforeClose is rasterio's, and also has these methods
    if hasattr(osgeo, "indexes") or not hasattr(osgeo, "FlushCache"):
        return cast(Raster, osgeo)
    name: str = osgeo.GetDescription()
    if not os.path.exists(name):
        raise rioserrors.ParameterError(
            f"rasterio's own GDAL cannot open osgeo's dataset '{name}', since it is not in a file; "
            "write it to one, close it, and give the file's name"
        )
    if _may_be_written(name):
        # even after a flush, a part may be missing in the file, or be written later
        raise rioserrors.ParameterError(
            f"osgeo has '{name}' open for writing, and one file cannot be changed by two GDALs at "
            "once; close it (ds = None), and give its name"
        )
    _flush(osgeo, name)
    return name


def _flush(dataset: OsgeoDataset, name: str) -> None:
    """Make osgeo write what it knows of a file that it reads, such as statistics, beside it."""
    try:
        failed = dataset.FlushCache()
    except RuntimeError as error:
        raise rioserrors.ImageWriteError(
            f"osgeo is unable to write what it has of '{name}': {error}"
        ) from error
    if failed:
        raise rioserrors.ImageWriteError(f"osgeo is unable to write what it has of '{name}'")


def _may_be_written(name: str) -> bool:
    """Return whether this process has a file open for writing; True if that is not known."""
    file = os.stat(name)
    handles = "/proc/self/fd"
    if not os.path.isfile(name) or not os.path.isdir(handles):
        return True
    for handle in os.listdir(handles):
        # one descriptor is that of the directory itself, and closed by now
        with suppress(OSError):
            flags = fcntl.fcntl(int(handle), fcntl.F_GETFL)
            same = os.path.samestat(os.fstat(int(handle)), file)
            if same and flags & os.O_ACCMODE != os.O_RDONLY:
                return True
    return False
