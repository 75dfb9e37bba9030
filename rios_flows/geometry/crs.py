"""Coordinate reference systems as well-known text: when two are the same, where they wrap."""

from __future__ import annotations

import math
import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.warp import transform

from rios_flows.gdal.private import GdalError, GdalNotSupportedError
from rios_flows.geometry.grid import Bounds
from rios_flows.geometry.localcrs import LocalCRS, difference, local_crs

# Rasters are always addressed as x, y, so the axis order of the authority does not matter. Only
# east and north are dropped: Krovak 5513 and 5514 differ in nothing but their axes.
_AXES = re.compile(r',AXIS\["[^"]*",(?:EAST|NORTH)\]')
_AUTHORITY = re.compile(r',AUTHORITY\["[^"]*","[^"]*"\]\]$')
_NO_SHIFT = re.compile(r",TOWGS84\[0(?:\.0)?(?:,0(?:\.0)?)*\]")
# Australian files carry the GDA94 datum under short names that PROJ does not know
_GDA94 = re.compile(r'DATUM\["GDA94(?:-ICSM)?"')

#: PROJ's names of projections in which x is proportional to the longitude.
_CYLINDRICAL = frozenset({"merc", "webmerc", "eqc", "cea", "mill", "gall"})

# PROJ's names of the parameters for the figure of the Earth
_FIGURE = frozenset({"datum", "ellps", "a", "b", "rf", "R"})


@lru_cache(maxsize=1024)
def same_crs(a: str, b: str) -> bool:
    """Return whether two texts mean the same CRS, whatever the spelling, axis order and codes."""
    if a == b:
        return True
    if not a or not b:
        return False
    first, second = CRS.from_wkt(a), CRS.from_wkt(b)
    local = _local(a), _local(b)
    if local[0] and local[1]:
        return not difference(local[0], local[1])
    return bool(first == second or _canonical(first) == _canonical(second))


@lru_cache(maxsize=256)
def _local(wkt: str) -> LocalCRS | None:
    return local_crs(CRS.from_wkt(wkt).to_wkt())


def _canonical(crs: CRS) -> CRS:
    text = _AXES.sub("", crs.to_wkt())
    text = _GDA94.sub('DATUM["Geocentric_Datum_of_Australia_1994"', _NO_SHIFT.sub("", text))
    try:
        return CRS.from_wkt(_AUTHORITY.sub("]", text))
    except CRSError:
        return crs


@lru_cache(maxsize=256)
def crs_code(wkt: str) -> str | None:
    """Return what an authority calls a CRS, as "EPSG:32622"; None if none does."""
    authority = CRS.from_wkt(wkt).to_authority() if wkt else None
    return ":".join(authority) if authority else None


@lru_cache(maxsize=256)
def crs_name(wkt: str) -> str:
    """Return a short name of a CRS for messages: its code, or else the name in the text."""
    if not wkt:
        return "no CRS"
    code = crs_code(wkt)
    if code is not None:
        return code
    found = re.search(r'\["([^"]+)"', wkt)
    return found.group(1) if found else wkt


def crs_difference(a: str, b: str) -> str:
    """Say how two CRSs differ, for a message; empty if their short names show it."""
    local = [_local(text) if text else None for text in (a, b)]
    if local[0] and local[1]:
        return (
            f"these local CRSs differ in {difference(local[0], local[1])}; if they are the "
            "same, write that of one file into the other (`gdal_edit.py -a_srs`, `ogr2ogr -a_srs`)"
        )
    return f"one is {a}, the other {b}" if crs_name(a) == crs_name(b) else ""


@lru_cache(maxsize=256)
def period(wkt: str) -> float | None:
    """Return the length of x once round the world (CRS units), or None if x does not wrap."""
    crs = CRS.from_wkt(wkt)
    if crs.is_geographic:
        return round(math.tau / float(crs.units_factor[1]), 9)  # the factor is in radians per unit
    words = dict(re.findall(r"\+(\w+)=(\S+)", crs.to_proj4()))
    if words.get("proj") not in _CYLINDRICAL:
        return None
    centre = float(words.get("lon_0", 0))
    figure = {key: word for key, word in words.items() if key in _FIGURE}
    geographic = CRS.from_dict(proj="longlat", **figure)
    x, _ = transform(geographic, crs, [centre - 45, centre + 45], [0, 0])
    return float(4 * (x[1] - x[0]))


def turn_of(wkt: str, bounds: Bounds) -> float | None:
    """Return the length of x once round the world; None if the bounds are no such longitudes."""
    turn = period(wkt) if wkt else None
    if turn is None or not (counts_turns(bounds.xmin, turn) and counts_turns(bounds.xmax, turn)):
        return None
    # pixels with centres on the poles reach a little beyond them
    if CRS.from_wkt(wkt).is_geographic and max(-bounds.ymin, bounds.ymax) > 1.1 * turn / 4:
        return None
    return turn


def counts_turns(x: float, turn: float) -> bool:
    """Return whether a coordinate can be a longitude, counted from -180 or from 0 degrees."""
    return abs(x) <= 1.5 * turn


def transform_points(
    source: str, target: str, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Transform points from one CRS to another; those that have no place there become infinite."""
    nowhere = np.full(len(x), np.inf), np.full(len(y), np.inf)
    if _local(source) and _local(target) and not same_crs(source, target):
        # GDAL treats these as the same, whatever their names
        return nowhere
    try:
        xs, ys = transform(CRS.from_wkt(source), CRS.from_wkt(target), x.tolist(), y.tolist())
        return np.array(xs, np.float64), np.array(ys, np.float64)
    except GdalNotSupportedError:
        # no transformation between the CRSs: a local grid, or another planet
        return nowhere
    except GdalError:
        # one bad point is an error for all, and rasterio does not say which
        if len(x) == 1:
            return nowhere
    half = len(x) // 2
    first = transform_points(source, target, x[:half], y[:half])
    second = transform_points(source, target, x[half:], y[half:])
    return np.concatenate([first[0], second[0]]), np.concatenate([first[1], second[1]])
