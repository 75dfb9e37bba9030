"""Tiles and chunks that follow the window in which blocks are written."""

from __future__ import annotations

#: GDAL's tile of a tiled GTiff, and its bound on one (pixels).
GTIFF_TILE = 256
LARGEST_TILE = 4096


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
