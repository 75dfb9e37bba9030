"""Whether a compression can hold an output, tried on a small file in memory.

GDAL compresses in threads of its own, and does not report what fails there: the file has zeros in
place of its pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

from rios_flows.formats.format import Format
from rios_flows.gdal.closing import close_written, copy_written
from rios_flows.gdal.fulldisk import cause_of
from rios_flows.gdal.private import IO_ERRORS

#: Compressions that hold pixels of any type, in any number of bands.
SAFE = ("NONE", "LZW", "DEFLATE", "ZSTD", "PACKBITS", "LZMA")

#: Options that decide how pixels are kept, with the values that are safe.
_TRIED = {
    "COMPRESS": SAFE,
    "OVERVIEW_COMPRESS": SAFE,
    "PHOTOMETRIC": ("MINISBLACK", "MINISWHITE", "RGB"),
}

#: Side of the file (pixels): four tiles, and one of its overview.
_SIDE = 32


def reason_found(given: Format, bands: int, dtype: str) -> str | None:
    """Return why a file of a format cannot hold such pixels; None if it can."""
    if all(given.options.get(name, safe[0]).upper() in safe for name, safe in _TRIED.items()):
        return None
    pixels = np.empty((bands, _SIDE, _SIDE), dtype)
    limits = given.limits(dtype)
    most = 100 if limits is None else int(min(limits.highest, 100))
    pixels[:, ::2] = np.arange(_SIDE) % (most + 1)
    pixels[:, 1::2] = most
    try:
        made = _try(given, pixels)
    except (*IO_ERRORS, ValueError) as error:
        return f": {cause_of(error)}"
    if len(made) != bands:
        return f", but makes {len(made)} of them"
    if given.lossy_option(dtype) is None and not np.array_equal(made, pixels):
        return ": other pixels come out of the file"
    return None


def _try(given: Format, pixels: NDArray[Any]) -> NDArray[Any]:
    """Write the pixels as a file like the output, and return what is read back."""
    written = given.written.options
    bands, rows, columns = pixels.shape
    profile: dict[str, Any] = {"count": bands, "dtype": pixels.dtype.name}
    tile = {"BLOCKXSIZE": "16", "BLOCKYSIZE": "16"} if "BLOCKXSIZE" in written else {}
    with rasterio.MemoryFile() as file, rasterio.MemoryFile() as copy:
        options = profile | written | tile | {"NUM_THREADS": "1", "transform": Affine.scale(2)}
        dataset = file.open(driver=given.written.driver, width=columns, height=rows, **options)
        try:
            dataset.write(pixels)
            if given.working:
                dataset.build_overviews([2])
        finally:
            close_written(dataset)
        name = file.name
        if given.working:
            copy_written(name, copy.name, given.driver, **given.options | {"NUM_THREADS": "1"})
            name = copy.name
        with rasterio.open(name) as made:
            read: NDArray[Any] = made.read()
            return read
