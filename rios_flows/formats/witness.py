"""Checksums of the pixels of an output, for drivers that do not report what they cannot write."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np
import rasterio
from rasterio.windows import Window

from rios_flows.basics.types import BlockArray
from rios_flows.geometry.grid import ApplierBlockDefn


class Checksums:
    """Keeps the checksum of every block, and compares the file with them."""

    def __init__(self, path: str, dtype: np.dtype[Any]) -> None:
        self._path, self._dtype = path, dtype
        self._sums: dict[ApplierBlockDefn, int] = {}

    def add(self, block: ApplierBlockDefn, pixels: BlockArray) -> None:
        """Take in a block."""
        self._sums[block] = crc32(np.ascontiguousarray(pixels, self._dtype).data)

    def finish(self) -> None:
        """Raise OSError if the closed file has other pixels."""
        with rasterio.open(self._path) as dataset:
            for block, known in self._sums.items():
                window = Window(block.left, block.top, block.ncols, block.nrows)
                if crc32(dataset.read(window=window).data) != known:
                    raise OSError(
                        f"the pixels of rows {block.top}-{block.top + block.nrows - 1}, columns "
                        f"{block.left}-{block.left + block.ncols - 1} are not in the file; is the "
                        "disk full, or not sound?"
                    )

    def close(self) -> None:
        """Nothing is held."""
