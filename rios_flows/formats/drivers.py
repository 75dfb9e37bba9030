"""What GDAL tells of its drivers: which there are, and the creation options of each."""

from __future__ import annotations

import ctypes
import re
from functools import cache
from typing import NamedTuple
from xml.etree import ElementTree

import rasterio
from rasterio.drivers import is_blacklisted

from rios_flows.formats.known import class_of
from rios_flows.gdal.private import GDAL

GDAL.GDALGetDriverByName.restype = ctypes.c_void_p
GDAL.GDALGetDriverByName.argtypes = [ctypes.c_char_p]
GDAL.GDALGetMetadataItem.restype = ctypes.c_char_p
GDAL.GDALGetMetadataItem.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]

#: Drivers whose files hold no pixels.
_WITHOUT_PIXELS = ("MEM", "VRT")

_BOOLEANS = ("YES", "NO", "TRUE", "FALSE", "ON", "OFF", "1", "0")
_WHOLE = ("int", "integer", "unsigned int")


class Option(NamedTuple):
    """What a driver tells of one creation option."""

    # GDAL's word for the type; "" where it tells none
    kind: str = ""
    values: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    # it is an older name of another option
    is_alias: bool = False

    @property
    def is_text(self) -> bool:
        """Whether its value may be any text."""
        return self.kind in ("", "string") and not self.values

    def takes(self, value: str) -> bool:
        """Whether this is a value for it."""
        if self.values:
            return value.upper() in map(str.upper, self.values)
        if self.kind == "boolean":
            return value.upper() in _BOOLEANS
        if self.kind == "threads" and value.upper() == "ALL_CPUS":
            return True
        if self.kind not in (*_WHOLE, "float", "threads"):
            return True
        return self._is_number(value)

    def describe(self) -> str:
        """Return what it takes, for a message."""
        if self.values or self.kind == "boolean":
            return ", ".join(self.values or _BOOLEANS)
        text = "a number" if self.kind == "float" else "a whole number"
        if self.lowest is not None:
            text += f" from {self.lowest:g}"
        if self.highest is not None:
            text += f" up to {self.highest:g}"
        return text + (" or ALL_CPUS" if self.kind == "threads" else "")

    def _is_number(self, value: str) -> bool:
        if self.kind != "float" and not re.fullmatch(r"[+-]?[0-9]+", value.strip()):
            return False
        try:
            number = float(value)
        except ValueError:
            return False
        above = self.lowest is None or number >= self.lowest
        return above and (self.highest is None or number <= self.highest)


class Driver(NamedTuple):
    """What is known of a driver."""

    name: str
    # it can make a file that is then written block by block
    creates: bool
    # empty where the driver does not tell
    options: dict[str, Option]
    # without the dot, in lower case
    extensions: tuple[str, ...] = ()


@cache
def driver_names() -> tuple[str, ...]:
    """Return the short names of all drivers in this GDAL."""
    with rasterio.Env() as env:
        return tuple(sorted(env.drivers()))


@cache
def find_driver(name: str) -> Driver | None:
    """Return what is known of a driver, by its name in any case; None if there is none."""
    known = {driver.upper(): driver for driver in driver_names()}
    if name.upper() not in known:
        return None
    name = known[name.upper()]
    # GDAL looks for files of its own when it lists some options
    with rasterio.Env():
        creates = _tells(name, "DCAP_RASTER") == "YES" and _tells(name, "DCAP_CREATE") == "YES"
        options = _options(name, _tells(name, "DMD_CREATIONOPTIONLIST"))
        extensions = tuple(_tells(name, "DMD_EXTENSIONS").lower().split())
    usable = name not in _WITHOUT_PIXELS and not is_blacklisted(name, "w")
    return Driver(name, creates and usable, options, extensions)


@cache
def creating_drivers() -> tuple[str, ...]:
    """Return the drivers that can write files block by block."""
    found = map(find_driver, driver_names())
    return tuple(driver.name for driver in found if driver is not None and driver.creates)


@cache
def drivers_of(extension: str) -> tuple[str, ...]:
    """Return the drivers of an extension, which begins with its dot."""
    found = map(find_driver, driver_names())
    ending = extension.lower().removeprefix(".")
    return tuple(driver.name for driver in found if driver and ending in driver.extensions)


def _tells(name: str, item: str) -> str:
    handle = GDAL.GDALGetDriverByName(name.encode())
    value: bytes | None = GDAL.GDALGetMetadataItem(handle, item.encode(), None)
    return "" if value is None else value.decode()


def _options(driver: str, text: str) -> dict[str, Option]:
    if not text:
        return {}
    found: dict[str, Option] = {}
    bounds = class_of(driver).bounds
    for element in ElementTree.fromstring(text).iter("Option"):
        for name in (element.get("name"), element.get("alias")):
            if name:
                option = _option(element, bounds.get(name.upper(), (None, None)))
                found[name.upper()] = option._replace(is_alias=name != element.get("name"))
    return found


def _option(element: ElementTree.Element, bounds: tuple[float | None, float | None]) -> Option:
    kind = element.get("type", "").lower()
    if element.get("name", "").upper().endswith("NUM_THREADS"):
        return Option("threads", lowest=1)
    if kind == "string-select":
        values = element.iter("Value")
        words = [word for v in values for word in ((v.text or "").strip(), v.get("alias")) if word]
        return Option(kind, tuple(words))
    lowest, highest = element.get("min"), element.get("max")
    return Option(
        kind,
        lowest=float(lowest) if lowest else bounds[0],
        highest=float(highest) if highest else bounds[1],
    )
