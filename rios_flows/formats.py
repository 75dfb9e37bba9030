"""Output formats: which driver a file gets, and with which creation options."""

from __future__ import annotations

import os
from typing import NamedTuple

from rios_flows import rioserrors
from rios_flows.options import OutputOptions

#: Driver by the ending of the file name, where none was asked for.
DRIVER_BY_EXTENSION = {".tif": "GTiff", ".tiff": "GTiff", ".img": "HFA"}

#: Driver of a file whose ending says nothing, as in RIOS.
FALLBACK_DRIVER = "HFA"

#: Creation options of a driver where the user gives none.
DEFAULT_CREATION_OPTIONS = {
    "GTiff": ("TILED=YES", "COMPRESS=DEFLATE", "INTERLEAVE=BAND", "BIGTIFF=IF_SAFER"),
    "HFA": ("COMPRESSED=YES", "IGNOREUTM=YES"),
}

#: GDAL's tile of a tiled GTiff, and its bound on one (pixels).
GTIFF_TILE = 256
LARGEST_TILE = 4096

#: Numpy types that a driver cannot hold.
MISSING_DTYPES = {"HFA": ("int64", "uint64")}

_TRUE = ("YES", "TRUE", "ON", "1")


class Format(NamedTuple):
    """Driver and creation options of one output."""

    driver: str
    creation_options: tuple[str, ...]


def format_of(
    path: str, label: str, options: OutputOptions, window: tuple[int, int], size: tuple[int, int]
) -> Format:
    """Choose driver and creation options of one output.

    Parameters
    ----------
    path, label : str
        File, and what messages call it.
    options : OutputOptions
        What the user asked for.
    window, size : tuple of int
        Width and height of a block and of the whole output (pixels).

    Raises
    ------
    ImageOpenError
        If a GTiff's own blocks do not divide the window: every block would be compressed anew for
        each window that touches it.
    ParameterError
        If a creation option is not NAME=VALUE, or the driver is not built in.
    """
    driver = options.driver or DRIVER_BY_EXTENSION.get(
        os.path.splitext(path)[1].lower(), FALLBACK_DRIVER
    )
    if driver not in DEFAULT_CREATION_OPTIONS:
        raise rioserrors.ParameterError(
            f"setOutputDriverName: driver '{driver}' of output '{label}' ('{path}') is not one of "
            f"{', '.join(sorted(DEFAULT_CREATION_OPTIONS))}"
        )
    given = options.creation_options
    if given is None:
        given = options.default_creation_options.get(driver, DEFAULT_CREATION_OPTIONS[driver])
    chosen = _parse(given, label)
    if driver == "GTiff":
        chosen = _gtiff_options(chosen, label, path, window, size)
    return Format(driver, tuple(f"{name}={value}" for name, value in chosen.items()))


def _parse(options: tuple[str, ...], label: str) -> dict[str, str]:
    for option in options:
        if "=" not in option:
            raise rioserrors.ParameterError(
                f"setCreationOptions: '{option}' of output '{label}' is not NAME=VALUE"
            )
    return {name.upper(): value for name, value in (option.split("=", 1) for option in options)}


def _gtiff_options(
    options: dict[str, str], label: str, path: str, window: tuple[int, int], size: tuple[int, int]
) -> dict[str, str]:
    tiled = options.get("TILED", "NO").upper() in _TRUE
    _check_divides(options, label, path, window)
    if tiled:
        options.setdefault("BLOCKXSIZE", str(tile_side(window[0], size[0])))
        options.setdefault("BLOCKYSIZE", str(tile_side(window[1], size[1])))
    if "COMPRESS" in options:
        options.setdefault("NUM_THREADS", "ALL_CPUS")
    return options


def tile_side(window: int, size: int) -> int:
    """Return the side of a tile that follows the window (pixels).

    It is the largest multiple of 16 that divides the window, else 256; never much more than the
    raster itself, nor than ``LARGEST_TILE``.
    """
    if window >= size:
        # one block holds the whole side: any tile is written by one block only
        whole = -(-size // 16) * 16
        return whole if whole <= LARGEST_TILE else GTIFF_TILE
    sides = (
        side for side in range(min(window, LARGEST_TILE) // 16 * 16, 0, -16) if window % side == 0
    )
    return next(sides, GTIFF_TILE)


def _check_divides(options: dict[str, str], label: str, path: str, window: tuple[int, int]) -> None:
    for name, across in (("BLOCKXSIZE", window[0]), ("BLOCKYSIZE", window[1])):
        text = options.get(name, "1")
        if not text.isdigit() or int(text) < 1:
            raise rioserrors.ParameterError(
                f"setCreationOptions: {name}={text} of output '{label}' is not a number of pixels"
            )
        if across % int(text):
            raise rioserrors.ImageOpenError(
                f"{name}={text} of output '{label}' ('{path}') does not divide the block size of "
                f"{window[0]} x {window[1]} pixels; leave it out, or call setWindowSize with "
                f"multiples of it"
            )
