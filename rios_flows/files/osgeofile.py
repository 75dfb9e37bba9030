"""Raster files that osgeo has open: another GDAL than rasterio's, in the same process."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import Any, Protocol, TypeAlias, cast

from rios_flows import rioserrors
from rios_flows.files.opening import Raster


class OsgeoDataset(Protocol):
    """A dataset of osgeo, as far as it is used here; osgeo itself is not needed."""

    def GetDescription(self) -> str:
        """Return its file name."""

    def FlushCache(self) -> int | None:
        """Write what is still in memory."""


#: A raster file, by name or open; by osgeo, too, but not for writing.
AnyRaster: TypeAlias = Raster | OsgeoDataset


def named(raster: AnyRaster) -> Raster:
    """Return a raster; of a file that osgeo has open for reading, return the name."""
    osgeo: Any = raster
    # what setCallBeforeClose hands over is rasterio's, and has these methods, too
    if hasattr(osgeo, "indexes") or not hasattr(osgeo, "FlushCache"):
        return cast(Raster, osgeo)
    name: str = osgeo.GetDescription()
    if not os.path.exists(name):
        raise rioserrors.ParameterError(
            f"osgeo's dataset '{name}' is in no file that rasterio's GDAL, which is another one, "
            "can open; write it to a file, close it, and give the file's name"
        )
    if _may_be_written(name):
        # after its flush a part may be missing in the file, or written over later
        raise rioserrors.ParameterError(
            f"osgeo has '{name}' open for writing, and one file cannot be changed by two GDALs at "
            "once; close it (ds = None), and give its name"
        )
    _flush(osgeo, name)
    return name


def _flush(dataset: OsgeoDataset, name: str) -> None:
    """Have what osgeo knows of a file that it reads, as statistics, written beside it."""
    try:
        failed = dataset.FlushCache()
    except RuntimeError as error:
        raise rioserrors.ImageWriteError(
            f"osgeo is unable to write what it has of '{name}': {error}"
        ) from error
    if failed:
        raise rioserrors.ImageWriteError(f"osgeo is unable to write what it has of '{name}'")


def _may_be_written(name: str) -> bool:
    """Tell whether this process has a file open for writing, or the system does not tell."""
    file = os.stat(name)
    handles = "/proc/self/fd"
    if not os.path.isfile(name) or not os.path.isdir(handles):
        return True
    for handle in os.listdir(handles):
        # one is that of the directory itself, and gone by now
        with suppress(OSError):
            flags = fcntl.fcntl(int(handle), fcntl.F_GETFL)
            same = os.path.samestat(os.fstat(int(handle)), file)
            if same and flags & os.O_ACCMODE != os.O_RDONLY:
                return True
    return False
