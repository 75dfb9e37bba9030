"""Positions in a raster and in the world; and the footprint constants."""

from rios_flows.geometry.positions import (
    BOUNDS_FROM_REFERENCE,
    INTERSECTION,
    UNION,
    Coord,
    pix2wld,
    wld2pix,
)

__all__ = [
    "BOUNDS_FROM_REFERENCE",
    "INTERSECTION",
    "UNION",
    "Coord",
    "pix2wld",
    "wld2pix",
]
