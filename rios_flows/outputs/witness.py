"""What sees the pixels of an output pass, so that the file can be held against them.

Only for drivers that leave out pixels without a word where the system cannot write them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from zlib import crc32

import numpy as np
import rasterio
from rasterio.windows import Window

from rios_flows.basics.types import BlockArray
from rios_flows.formats.zarrchunks import FilledChunks
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.outputs.targets import Target
from rios_flows.reducers.overviews import Overviews

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rasterio.io import DatasetWriter


class Witness(Protocol):
    """Sees the pixels of one output pass."""

    def add(self, block: ApplierBlockDefn, pixels: BlockArray) -> None:
        """Take in a block, shape ``(bands, rows, cols)``; each block once."""

    def check(self) -> None:
        """Raise OSError if the finished file, which is closed, is not as was seen."""


def witness_of(target: Target, dataset: DatasetWriter, path: str) -> Witness | None:
    """Return who is to see an output's pixels; None for a driver that tells what it cannot write.

    Parameters
    ----------
    target : Target
        The output.
    dataset : DatasetWriter
        The file, just created.
    path : str
        Where it is.
    """
    if dataset.driver == "Zarr":
        return FilledChunks(path, target.options.nodata)
    if is_silent(target):
        return Checksums(path, np.dtype(dataset.dtypes[0]))
    return None


def is_silent(target: Target) -> bool:
    """Tell whether a driver does not say that it could not write a block: HFA, compressed."""
    compressed = target.format.options.get("COMPRESSED", "NO").upper()
    return target.format.driver == "HFA" and compressed in ("YES", "TRUE", "ON", "1")


class Checksums:
    """The checksum of every block; the file is read once to hold it against them.

    Parameters
    ----------
    path : str
        The file.
    dtype : dtype
        Type of its pixels.
    """

    def __init__(self, path: str, dtype: np.dtype[Any]) -> None:
        self._path, self._dtype = path, dtype
        self._sums: dict[ApplierBlockDefn, int] = {}

    def add(self, block: ApplierBlockDefn, pixels: BlockArray) -> None:
        """Take in a block."""
        self._sums[block] = crc32(np.ascontiguousarray(pixels, self._dtype).data)

    def check(self) -> None:
        """Hold the file against them."""
        with rasterio.open(self._path) as dataset:
            for block, known in self._sums.items():
                window = Window(block.left, block.top, block.ncols, block.nrows)
                if crc32(dataset.read(window=window).data) != known:
                    raise OSError(
                        f"the pixels of rows {block.top}-{block.top + block.nrows - 1}, columns "
                        f"{block.left}-{block.left + block.ncols - 1} are not in the file; is the "
                        "disk full, or not sound?"
                    )


def check_poured(path: str, overviews: Overviews) -> None:
    """Raise OSError if a file's overviews are not those that were poured in."""
    for index, factor in enumerate(overviews.levels):
        with rasterio.open(path, OVERVIEW_LEVEL=index) as dataset:
            for first, strip in overviews.strips(index, dataset.block_shapes[0][0]):
                window = Window(0, first, dataset.width, strip.shape[1])
                kept = dataset.read(window=window)
                if kept.tobytes() != strip.astype(kept.dtype, copy=False).tobytes():
                    raise OSError(f"overview {factor} lacks pixels; is the disk full?")


def sums_of_overviews(path: str, levels: Sequence[int]) -> list[int]:
    """Return a checksum of each overview of a file, to be held against those of a second try."""
    sums = []
    for index in range(len(levels)):
        with rasterio.open(path, OVERVIEW_LEVEL=index) as dataset:
            known = 0
            for _, window in dataset.block_windows(1):
                known = crc32(dataset.read(window=window).data, known)
        sums.append(known)
    return sums
