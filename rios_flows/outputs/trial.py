"""Whether a compression can hold an output, tried on a small file in memory.

GDAL compresses in threads of its own, and what fails there is told to nobody: the file has zeros in
place of its pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from rios_flows import rioserrors
from rios_flows.gdalfiles.closing import close_written, copy_written
from rios_flows.gdalfiles.fulldisk import cause_of

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from rios_flows.targets import Target

#: Compressions that hold pixels of any type, in any number of bands.
SAFE = ("NONE", "LZW", "DEFLATE", "ZSTD", "PACKBITS", "LZMA")

_COMPRESSIONS = ("COMPRESS", "OVERVIEW_COMPRESS")

#: Side of the file (pixels): four tiles, and one of its overview.
_SIDE = 32


def check_compression(target: Target, bands: int, dtype: DTypeLike) -> None:
    """Refuse a compression that cannot hold the pixels.

    Parameters
    ----------
    target : Target
        The output.
    bands : int
        How many bands it has.
    dtype : dtype
        Type of its pixels.

    Raises
    ------
    ImageOpenError
        If the same driver with the same options fails in one thread.
    """
    driver = target.format.driver
    options = _named(target.format.creation_options)
    asked = {name: options[name] for name in _COMPRESSIONS if name in options}
    if driver not in ("GTiff", "COG") or all(value.upper() in SAFE for value in asked.values()):
        return
    pixels = np.full((bands, _SIDE, _SIDE), 100, dtype)
    try:
        count = _try(driver, _named(target.format.written[1]), options, pixels)
    except (RasterioError, CPLE_BaseError, OSError, ValueError) as error:
        reason = f": {cause_of(error)}"
    else:
        if count == bands:
            return
        reason = f", but makes {count} of them"
    chosen = ", ".join(f"{name}={value}" for name, value in asked.items())
    raise rioserrors.ImageOpenError(
        f"Output '{target.label}' ('{target.path}'): {driver} with {chosen} cannot hold {bands} "
        f"band(s) of {pixels.dtype.name}{reason}; call setCreationOptions with another "
        "compression, such as DEFLATE, or convert the pixels in the user function"
    )


def _try(driver: str, written: dict[str, str], options: dict[str, str], pixels: Any) -> int:
    """Write the pixels as a file of this driver, and return how many bands are read back."""
    bands, rows, columns = pixels.shape
    profile: dict[str, Any] = {"count": bands, "dtype": pixels.dtype.name}
    tile = {"BLOCKXSIZE": "16", "BLOCKYSIZE": "16"} if "BLOCKXSIZE" in written else {}
    with rasterio.MemoryFile() as file, rasterio.MemoryFile() as copy:
        dataset = file.open(
            driver="GTiff",
            width=columns,
            height=rows,
            transform=Affine.scale(2),
            **profile,
            **{**written, **tile, "NUM_THREADS": "1"},
        )
        try:
            dataset.write(pixels)
            if driver == "COG":
                dataset.build_overviews([2])
        finally:
            close_written(dataset)
        name = file.name
        if driver == "COG":
            copy_written(name, copy.name, driver, **{**options, "NUM_THREADS": "1"})
            name = copy.name
        with rasterio.open(name) as made:
            made.read()
            return int(made.count)


def _named(options: tuple[str, ...]) -> dict[str, str]:
    return dict(option.split("=", 1) for option in options)
