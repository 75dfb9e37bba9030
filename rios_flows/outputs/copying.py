"""Files of drivers that can only copy: made from a working file, once that is finished.

Statistics and overviews of a lossy copy must be those of its own pixels. So it is made twice: the
working file has the pixels of the first copy while statistics and overviews are made, and then its
own again for the copy that counts.
"""

from __future__ import annotations

import os
import shutil
from typing import Any

import rasterio
from rasterio.io import DatasetWriter

from rios_flows.gdal.closing import close_written, copy_written
from rios_flows.gdal.updating import reopened, updating
from rios_flows.outputs.targets import Target


def make_copy(target: Target, path: str, copy: str, **options: str) -> None:
    """Let an output's driver copy the working file, which is closed, or raise OSError."""
    copy_written(path, copy, target.format.driver, **target.format.options | options)


def take_copied_pixels(
    target: Target, dataset: DatasetWriter, path: str, **options: Any
) -> DatasetWriter:
    """Put its copy's pixels into a working file, keep its own beside it, and open it again."""
    close_written(dataset)
    copy = f"{path}.copy"
    make_copy(target, path, copy, **target.format.pixels_only)
    shutil.copyfile(path, _own(path))
    _put_pixels(copy, path, **options)
    os.remove(copy)
    return reopened(path, **options)


def give_own_pixels(path: str, **options: Any) -> None:
    """Put a working file's own pixels back; it is closed."""
    _put_pixels(_own(path), path, **options)
    os.remove(_own(path))


def _own(path: str) -> str:
    return f"{path}.own"


def _put_pixels(source: str, path: str, **options: Any) -> None:
    """Write the pixels of one file over those of another, tile by tile."""
    with rasterio.open(source) as given, updating(path, **options) as dataset:
        for _, window in dataset.block_windows(1):
            dataset.write(given.read(window=window), window=window)
