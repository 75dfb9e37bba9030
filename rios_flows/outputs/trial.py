"""Whether a compression can hold an output, tried on a small file in memory.

GDAL compresses in threads of its own, and what fails there is told to nobody: the file has zeros in
place of its pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from affine import Affine

from rios_flows import rioserrors
from rios_flows.gdal.closing import close_written, copy_written
from rios_flows.gdal.fulldisk import cause_of
from rios_flows.gdal.private import IO_ERRORS

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from rios_flows.outputs.targets import Target

#: Compressions that hold pixels of any type, in any number of bands.
SAFE = ("NONE", "LZW", "DEFLATE", "ZSTD", "PACKBITS", "LZMA")

#: Compressions and what else decides on how pixels are kept, with the values that are no trouble.
_TRIED = {
    "COMPRESS": SAFE,
    "OVERVIEW_COMPRESS": SAFE,
    "PHOTOMETRIC": ("MINISBLACK", "MINISWHITE", "RGB"),
}

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
    name, driver, options = np.dtype(dtype).name, target.format.driver, target.format.options
    asked = {name: options[name] for name in (*_TRIED, "COMPRESSION") if name in options}
    if target.format.makes_others(name, bands):
        reason = ": it would make other numbers of them"
    elif driver not in ("GTiff", "COG") or all(
        options.get(name, safe[0]).upper() in safe for name, safe in _TRIED.items()
    ):
        return
    else:
        found = _reason_against(target, bands, name)
        if found is None:
            return
        reason = found
    chosen = ", ".join(f"{name}={value}" for name, value in asked.items())
    raise rioserrors.ImageOpenError(
        f"Output '{target.label}' ('{target.path}'): {driver} with {chosen} cannot hold {bands} "
        f"band(s) of {name}{reason}; call setCreationOptions with another "
        "compression, such as DEFLATE, or convert the pixels in the user function"
    )


def _reason_against(target: Target, bands: int, dtype: str) -> str | None:
    """Return why a file of these options cannot hold such pixels; None where it can."""
    pixels = np.empty((bands, _SIDE, _SIDE), dtype)
    limits = target.format.limits(dtype)
    most = 100 if limits is None else int(min(limits.highest, 100))
    pixels[:, ::2] = np.arange(_SIDE) % (most + 1)
    pixels[:, 1::2] = most
    try:
        made = _try(target, pixels)
    except (*IO_ERRORS, ValueError) as error:
        return f": {cause_of(error)}"
    if len(made) != bands:
        return f", but makes {len(made)} of them"
    if target.format.lossy_option(dtype) is None and not np.array_equal(made, pixels):
        return ": other pixels come out of the file"
    return None


def _try(target: Target, pixels: NDArray[Any]) -> NDArray[Any]:
    """Write the pixels as a file like the output, and return what is read back."""
    driver, options = target.format.driver, target.format.options
    _, written = target.format.written
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
            read: NDArray[Any] = made.read()
            return read
