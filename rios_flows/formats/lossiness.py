"""What creation options do to pixels: which of them change values, and what a narrow type holds.

Drivers and options that are not named here keep every bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Words for yes in a creation option.
YES = ("YES", "TRUE", "ON", "1")

#: The option of a driver that names the compression.
_COMPRESSION = {
    "GTiff": "COMPRESS",
    "COG": "COMPRESS",
    "MRF": "COMPRESS",
    "RMF": "COMPRESS",
    "PCIDSK": "COMPRESSION",
}

#: Fewest and most bits to a pixel that a driver makes of NBITS; it takes the nearest.
_BITS = {
    "GTiff": {"uint8": (1, 8), "uint16": (9, 16), "uint32": (17, 32)},
    "HFA": {"uint8": (1, 8)},
}


class Limits(NamedTuple):
    """What an option leaves of a type of pixels.

    Attributes
    ----------
    option : str
        The option, such as ``NBITS=4``.
    lowest, highest : int or float
        The smallest and the largest value that is held.
    """

    option: str
    lowest: int | float
    highest: int | float

    def keeps(self, value: int | float) -> bool:
        """Tell whether a value comes out of the file as it went in."""
        if isinstance(self.highest, int):
            return self.lowest <= value <= self.highest
        with np.errstate(over="ignore"):
            return value != value or float(np.float16(value)) == value

    def beyond(self, pixels: NDArray[Any]) -> int | float | None:
        """Return a pixel's value that is not held; None where all are. NaN and infinity are."""
        values = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels
        if values.size:
            for value in (values.min().item(), values.max().item()):
                if not self.lowest <= value <= self.highest:
                    return value  # type: ignore[no-any-return]
        return None


def lossy_option(driver: str, options: Mapping[str, str], dtype: str) -> str | None:
    """Return the option by which pixels come out of a file with other values; None without one.

    Parameters
    ----------
    driver : str
        GDAL's short name.
    options : mapping
        Value of each creation option, by its name in upper case.
    dtype : str
        Numpy's name of the type of the pixels.
    """
    name = _COMPRESSION.get(driver, "")
    compression = options.get(name, "").upper()
    if _changes_values(driver, compression, options, np.dtype(dtype).kind):
        return f"{name}={compression}"
    if driver == "GTiff" and options.get("DISCARD_LSB", "0") != "0":
        return f"DISCARD_LSB={options['DISCARD_LSB']}"
    limits = limits_of(driver, options, dtype)
    return limits.option if limits is not None and np.dtype(dtype).kind == "f" else None


def limits_of(driver: str, options: Mapping[str, str], dtype: str) -> Limits | None:
    """Return what the options leave of a type of pixels; None where that is all of it."""
    driver = "GTiff" if driver == "COG" else driver
    option = f"NBITS={options.get('NBITS')}"
    if driver == "MRF" and dtype == "uint16" and options.get("COMPRESS", "").upper() == "JPEG":
        return Limits("COMPRESS=JPEG", 0, 4095)
    if driver == "GTiff" and dtype == "float32" and option == "NBITS=16":
        largest = float(np.finfo(np.float16).max)
        return Limits(option, -largest, largest)
    if "NBITS" not in options or dtype not in _BITS.get(driver, {}):
        return None
    fewest, most = _BITS[driver][dtype]
    bits = min(max(int(options["NBITS"]), fewest), most)
    # HFA knows 1, 2 and 4 bits, and takes a whole byte for others
    if bits == most or (driver == "HFA" and bits not in (1, 2, 4)):
        return None
    return Limits(option, 0, 2**bits - 1)


def makes_others(driver: str, options: Mapping[str, str], dtype: str, bands: int) -> bool:
    """Tell whether quite other numbers come out of a file, and nothing tells of it."""
    compression = options.get(_COMPRESSION.get(driver, ""), "").upper()
    if compression == "JPEG":
        # it knows no negative numbers: -1 would lie beside 255
        return dtype != "uint8" if driver == "PCIDSK" else np.dtype(dtype).kind != "u"
    if driver != "MRF":
        return False
    together = bands > 1 and options.get("INTERLEAVE", "PIXEL").upper() == "PIXEL"
    return compression == "PPNG" or (together and compression in ("TIF", "LERC"))


def _changes_values(driver: str, compression: str, options: Mapping[str, str], kind: str) -> bool:
    if compression in ("JPEG", "JPNG"):
        return True
    if compression == "WEBP":
        whole = options.get("QUALITY") == "100" if driver == "COG" else _is_on(options, "WEBP")
        return not whole
    if compression == "JXL":
        return not _is_on(options, "JXL", "YES")
    if compression.startswith("LERC"):
        return _lerc_changes(driver, options, kind)
    return False


def _lerc_changes(driver: str, options: Mapping[str, str], kind: str) -> bool:
    if driver == "MRF":
        return kind == "f" or "LERC_PREC" in options.get("OPTIONS", "").upper()
    error = float(options.get("MAX_Z_ERROR", "0"))
    # integers may be off by whole numbers only
    return error >= 1 or (kind == "f" and error > 0)


def _is_on(options: Mapping[str, str], compression: str, default: str = "NO") -> bool:
    return options.get(f"{compression}_LOSSLESS", default).upper() in YES
