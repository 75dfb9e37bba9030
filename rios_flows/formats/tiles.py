"""Tiles and chunks that follow the window in which blocks are written."""

from __future__ import annotations

#: GDAL's tile of a tiled GTiff, and its bound on one (pixels).
GTIFF_TILE = 256
LARGEST_TILE = 4096


def tile_side(window: int, size: int) -> int:
    """Return the largest multiple of 16 that divides the window (pixels); 256 if none does."""
    if window >= size:
        # one window holds the whole side, so any tile will do
        whole = -(-size // 16) * 16
        return whole if whole <= LARGEST_TILE else GTIFF_TILE
    sides = range(min(window, LARGEST_TILE) // 16 * 16, 0, -16)
    return next((side for side in sides if window % side == 0), GTIFF_TILE)
