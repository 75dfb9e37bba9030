"""Local (engineering) coordinate reference systems; formats keep different parts of them.

A GeoTIFF keeps name and unit, and calls its axes easting and northing whatever they were; others
also keep the datum and the axes. A part that one of two texts lacks is no difference.
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

# what formats write without a name
_NAMELESS = re.compile(r"|(?:un(?:named|known|defined|specified)\b.*)")

# rasters always have x to the east and y to the north, so these do not matter
_USUAL = frozenset({"EAST", "NORTH", "OTHER", "UP"})


class LocalCRS(NamedTuple):
    """The parts of a local CRS that a text has; empty or None if it lacks one."""

    name: str
    datum: str
    unit: float | None
    axes: tuple[str, ...]


def local_crs(wkt: str) -> LocalCRS | None:
    """Parse a local CRS from well-known text of version 1; None if it is of another kind."""
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
    """Say how two local CRSs differ, with both values; empty if they may be the same."""
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
