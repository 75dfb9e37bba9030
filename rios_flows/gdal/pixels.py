"""Reading pixels by the shortest way that rasterio has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rasterio.io import DatasetReader
    from rasterio.windows import Window

    from rios_flows.basics.types import BlockArray


def read_pixels(
    dataset: DatasetReader, bands: Sequence[int], window: Window, out: BlockArray
) -> None:
    """Read a window that lies inside a file into an array, whatever the bands' types.

    Where the array is smaller, it gets the nearest pixels, off an overview if there is one.

    Raises
    ------
    RasterioIOError
        If it cannot be read.
    """
    # what `read` ends in; before that it goes through each band's masks, nodata and type, which
    # for a small window takes longer than to read the pixels
    dataset._read(bands, out, window, out.dtype)
