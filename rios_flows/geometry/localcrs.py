"""Local (engineering) coordinate reference systems, of which formats keep more or less.

A GeoTIFF keeps name and unit, and calls its axes easting and northing whatever they were; others
keep the datum and the axes, too. What one of two texts does not say is no difference.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

_TEXT = r'\["((?:[^"]|"")*)"'
_NAME = re.compile("LOCAL_CS" + _TEXT)
_DATUM = re.compile("LOCAL_DATUM" + _TEXT)
_UNIT = re.compile(r",UNIT\[" + r'"(?:[^"]|"")*",([-+.\deE]+)')
_AXIS = re.compile(r'AXIS\["(?:[^"]|"")*",(\w+)')

# what formats write where there is no name
_NAMELESS = re.compile(r"|(?:un(?:named|known|defined|specified)\b.*)")

# rasters are always addressed as x to the east, y to the north, so these say nothing
_USUAL = frozenset({"EAST", "NORTH", "OTHER", "UP"})


class LocalCRS(NamedTuple):
    """What a text says of a local CRS; empty or None where it says nothing.

    Attributes
    ----------
    name : str
        Its name.
    datum : str
        Name of the local datum.
    unit : float or None
        Length of its unit (m).
    axes : tuple of str
        Unusual directions of its axes.
    """

    name: str
    datum: str
    unit: float | None
    axes: tuple[str, ...]


def local_crs(wkt: str) -> LocalCRS | None:
    """Take a local CRS out of well-known text of version 1; None where it is of another kind."""
    name = _NAME.match(wkt)
    if name is None:
        return None
    datum, unit = _DATUM.search(wkt), _UNIT.search(wkt)
    axes = tuple(_AXIS.findall(wkt))
    return LocalCRS(
        name=name[1],
        datum=datum[1] if datum else "",
        unit=float(unit[1]) if unit else None,
        axes=() if _USUAL.issuperset(axes) else axes,
    )


def difference(a: LocalCRS, b: LocalCRS) -> str:
    """Say in what two local CRSs differ, with both values; empty where they may be one."""
    found = [
        f"{what} ({one!r} and {other!r})"
        for what, one, other in (("name", a.name, b.name), ("datum", a.datum, b.datum))
        if not _alike(one, other)
    ]
    if a.unit and b.unit and not math.isclose(a.unit, b.unit, rel_tol=1e-8):
        found.append(f"unit ({a.unit:.9g} and {b.unit:.9g} m)")
    if a.axes != b.axes:
        one, other = (" and ".join(crs.axes or ("EAST", "NORTH")).lower() for crs in (a, b))
        found.append(f"axes (to {one}, to {other})")
    return ", ".join(found)


def _alike(a: str, b: str) -> bool:
    a, b = (re.sub(r"[\W_]+", " ", name).strip().casefold() for name in (a, b))
    return a == b or any(_NAMELESS.fullmatch(name) for name in (a, b))
