"""What GDAL tells of its drivers: which there are, and the creation options of each."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple
from xml.etree import ElementTree

import rasterio
from rasterio.drivers import is_blacklisted

from rios_flows.targets.gdal_c import GDAL

GDAL.GDALGetDriverByName.restype = ctypes.c_void_p
GDAL.GDALGetDriverByName.argtypes = [ctypes.c_char_p]
GDAL.GDALGetMetadataItem.restype = ctypes.c_char_p
GDAL.GDALGetMetadataItem.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]

#: Drivers that make no file with pixels in it.
_WITHOUT_PIXELS = ("MEM", "VRT")


class Driver(NamedTuple):
    """What is known of a driver.

    Attributes
    ----------
    name : str
        GDAL's short name.
    creates : bool
        It can make a file that is then written block by block.
    options : dict
        By the name of each creation option: the values to choose from, or None where there is no
        such list. Empty where the driver does not tell.
    """

    name: str
    creates: bool
    options: dict[str, tuple[str, ...] | None]


@cache
def driver_names() -> tuple[str, ...]:
    """Return the short names of all drivers in this GDAL."""
    with rasterio.Env() as env:
        return tuple(sorted(env.drivers()))


@cache
def find_driver(name: str) -> Driver | None:
    """Return what is known of a driver, by its name in upper or lower case; None without one."""
    known = {driver.upper(): driver for driver in driver_names()}
    if name.upper() not in known:
        return None
    name = known[name.upper()]
    # GDAL looks for files of its own when it lists some options
    with rasterio.Env():
        creates = _tells(name, "DCAP_RASTER") == "YES" and _tells(name, "DCAP_CREATE") == "YES"
        options = _options(_tells(name, "DMD_CREATIONOPTIONLIST"))
    usable = name not in _WITHOUT_PIXELS and not is_blacklisted(name, "w")
    return Driver(name, creates and usable, options)


@cache
def creating_drivers() -> tuple[str, ...]:
    """Return the drivers that make files which are written block by block."""
    found = map(find_driver, driver_names())
    return tuple(driver.name for driver in found if driver is not None and driver.creates)


def _tells(name: str, item: str) -> str:
    handle = GDAL.GDALGetDriverByName(name.encode())
    value: bytes | None = GDAL.GDALGetMetadataItem(handle, item.encode(), None)
    return "" if value is None else value.decode()


def _options(text: str) -> dict[str, tuple[str, ...] | None]:
    if not text:
        return {}
    found: dict[str, tuple[str, ...] | None] = {}
    for option in ElementTree.fromstring(text).iter("Option"):
        values = None
        if option.get("type") == "string-select":
            values = tuple(_words(option.iter("Value"))) or None
        for name in (option.get("name"), option.get("alias")):
            if name:
                found[name.upper()] = values
    return found


def _words(values: Iterable[ElementTree.Element]) -> Iterable[str]:
    for value in values:
        yield from filter(None, ((value.text or "").strip(), value.get("alias")))
