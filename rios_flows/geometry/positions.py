"""Positions in a raster and in the world; and the footprint constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rios_flows.basics.defaults import BOUNDS_FROM_REFERENCE, INTERSECTION, UNION
from rios_flows.rioserrors import ParameterError

__all__ = ["BOUNDS_FROM_REFERENCE", "INTERSECTION", "UNION", "Coord", "pix2wld", "wld2pix"]


class Coord(NamedTuple):
    """A position: CRS units, or columns and rows (pixels)."""

    x: float
    y: float


def pix2wld(transform: Sequence[float], x: float, y: float) -> Coord:
    """Turn a column and row into a position in the world.

    Parameters
    ----------
    transform : sequence of float
        GDAL's six numbers: x origin, pixel width, row rotation, y origin, column rotation, and the
        negative pixel height.
    x, y : float
        Column and row (pixels); whole numbers are the top left corner of a pixel.
    """
    return Coord(
        transform[0] + transform[1] * x + transform[2] * y,
        transform[3] + transform[4] * x + transform[5] * y,
    )


def wld2pix(transform: Sequence[float], geox: float, geoy: float) -> Coord:
    """Turn a position in the world into a column and row (pixels), with their fractions.

    Parameters
    ----------
    transform : sequence of float
        GDAL's six numbers.
    geox, geoy : float
        Position (CRS units).

    Raises
    ------
    ParameterError
        If the transform cannot be inverted: its pixels have no area.
    """
    area = transform[1] * transform[5] - transform[2] * transform[4]
    if area == 0:
        raise ParameterError(f"wld2pix: transform={tuple(transform)} gives pixels without area")
    x, y = geox - transform[0], geoy - transform[3]
    return Coord(
        (x * transform[5] - y * transform[2]) / area,
        (y * transform[1] - x * transform[4]) / area,
    )
