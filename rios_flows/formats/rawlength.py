"""Whether a file of bare pixels is as long as its header says.

GDAL takes what an ENVI file lacks at its end for zeros; of other formats it refuses that.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rasterio.io import DatasetReader


def check_length(dataset: DatasetReader) -> None:
    """Raise OSError if pixels of a local file are missing."""
    told = dataset.tags(ns="ENVI") if dataset.driver == "ENVI" else {}
    if not told or told.get("file_compression", "0").strip() != "0":
        return
    if not os.path.isfile(dataset.name):
        return
    kinds = [np.dtype(name).itemsize for name in dataset.dtypes]
    needed = int(told.get("header_offset", 0)) + dataset.width * dataset.height * sum(kinds)
    size = os.path.getsize(dataset.name)
    if size < needed:
        raise OSError(
            f"it has {size:,} of the {needed:,} bytes that its header tells of; copy it again"
        )
