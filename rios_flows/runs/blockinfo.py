"""What the user function is told of the block in hand: its first argument, ``info``."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from rios_flows.geometry.pixelgriddefn import PixelGridDefn
from rios_flows.geometry.positions import Coord, pix2wld
from rios_flows.runs.blockarrays import BlockArrays

if TYPE_CHECKING:
    from rios_flows.basics.types import BlockArray
    from rios_flows.controls.associations import BlockAssociations
    from rios_flows.geometry.grid import ApplierBlockDefn
    from rios_flows.inputs.sources import Source
    from rios_flows.jobs.plan import Plan
    from rios_flows.runs.blockarrays import BoolArray, FindValid


class ReaderInfo:
    """Where a block lies, and what its arrays come from.

    Parameters
    ----------
    plan : Plan
        The plan of the run.
    block : ApplierBlockDefn
        The block in hand.
    inputs : BlockAssociations, optional
        Its arrays, as the user function gets them.
    find_valid : callable, optional
        Tells which pixels of an input are valid.
    """

    __slots__ = ("_arrays", "_block", "_plan")

    def __init__(
        self,
        plan: Plan,
        block: ApplierBlockDefn,
        inputs: BlockAssociations | None = None,
        find_valid: FindValid | None = None,
    ) -> None:
        self._plan = plan
        self._block = block
        self._arrays = BlockArrays(plan, block, inputs, find_valid)

    # the working grid

    @property
    def workingGrid(self) -> PixelGridDefn:
        """The working grid."""
        return PixelGridDefn.from_grid(self._plan.grid)

    @property
    def xsize(self) -> int:
        """Width of the working grid (pixels)."""
        return self._plan.grid.ncols

    @property
    def ysize(self) -> int:
        """Height of the working grid (pixels)."""
        return self._plan.grid.nrows

    def getTotalSize(self) -> tuple[int, int]:
        """Return width and height of the working grid (pixels)."""
        return self.xsize, self.ysize

    def getTransform(self) -> tuple[float, float, float, float, float, float]:
        """Return GDAL's six numbers of the working grid."""
        return self._plan.grid.gdal_transform

    def getProjection(self) -> str:
        """Return the CRS of the working grid as well-known text."""
        return self._plan.grid.crs

    def getPixelSize(self) -> tuple[float, float]:
        """Return width and height of a pixel, both positive (CRS units)."""
        return self._plan.grid.xres, self._plan.grid.yres

    # the cut into blocks

    @property
    def windowxsize(self) -> int:
        """Width of a whole block, margin excluded (pixels)."""
        return self._plan.blocks.window[0]

    @property
    def windowysize(self) -> int:
        """Height of a whole block, margin excluded (pixels)."""
        return self._plan.blocks.window[1]

    @property
    def overlap(self) -> int:
        """Margin on every side of each block (pixels)."""
        return self._plan.blocks.overlap

    @property
    def xtotalblocks(self) -> int:
        """Number of blocks in a row."""
        return self._plan.blocks.xblocks

    @property
    def ytotalblocks(self) -> int:
        """Number of rows of blocks."""
        return self._plan.blocks.yblocks

    def getWindowSize(self) -> tuple[int, int]:
        """Return width and height of a whole block, margin excluded (pixels)."""
        return self._plan.blocks.window

    def getOverlapSize(self) -> int:
        """Return the margin on every side of each block (pixels)."""
        return self.overlap

    def getTotalBlocks(self) -> tuple[int, int]:
        """Return the number of blocks in a row, and of rows of blocks."""
        return self.xtotalblocks, self.ytotalblocks

    # this block

    @property
    def xblock(self) -> int:
        """Column of this block among the blocks, from 0."""
        return self._plan.blocks.position(self._block)[1]

    @property
    def yblock(self) -> int:
        """Row of this block among the blocks, from 0."""
        return self._plan.blocks.position(self._block)[0]

    @property
    def blockwidth(self) -> int:
        """Width of this block, margin excluded (pixels)."""
        return self._block.ncols

    @property
    def blockheight(self) -> int:
        """Height of this block, margin excluded (pixels)."""
        return self._block.nrows

    @property
    def blocktl(self) -> Coord:
        """Top left corner of this block, margin excluded (CRS units)."""
        return pix2wld(self.getTransform(), self._block.left, self._block.top)

    @property
    def blockbr(self) -> Coord:
        """Bottom right corner of this block, margin excluded (CRS units)."""
        block = self._block
        return pix2wld(self.getTransform(), block.left + block.ncols, block.top + block.nrows)

    def getBlockSize(self) -> tuple[int, int]:
        """Return width and height of this block, margin excluded (pixels)."""
        return self._block.ncols, self._block.nrows

    def getBlockCount(self) -> tuple[int, int]:
        """Return column and row of this block among the blocks, from 0."""
        row, col = self._plan.blocks.position(self._block)
        return col, row

    def isFirstBlock(self) -> bool:
        """Tell whether this is the first block, at the top left."""
        return self._index() == 0

    def isLastBlock(self) -> bool:
        """Tell whether this is the last block, at the bottom right."""
        return self._index() == len(self._plan.blocks) - 1

    def getPercent(self) -> int:
        """Return how far this block lies through the grid, in whole percent."""
        return self._index() * 100 // len(self._plan.blocks)

    # pixels and coordinates

    def getBlockCoordArrays(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return the coordinates of the pixel centres of this block, margin included (CRS units).

        Returns
        -------
        tuple of ndarray
            X and Y, both float64 of shape ``(rows + 2 * overlap, cols + 2 * overlap)``.
        """
        grid, block, margin = self._plan.grid, self._block, self.overlap
        cols = np.arange(block.left - margin, block.left + block.ncols + margin)
        rows = np.arange(block.top - margin, block.top + block.nrows + margin)
        x = grid.xmin + (cols + 0.5) * grid.xres
        y = grid.ymax - (rows + 0.5) * grid.yres
        shape = (len(rows), len(cols))
        return np.broadcast_to(x, shape).copy(), np.broadcast_to(y[:, None], shape).copy()

    def getPixRowColBlock(self, x: float, y: float) -> tuple[int | None, int | None]:
        """Return row and column, in the arrays of this block, of the pixel that holds a point.

        The margin counts; outside the arrays the answer is ``(None, None)``.
        """
        grid, block, margin = self._plan.grid, self._block, self.overlap
        if not (math.isfinite(x) and math.isfinite(y)):
            return None, None
        row = _floor((grid.ymax - y) / grid.yres) - block.top + margin
        col = _floor((x - grid.xmin) / grid.xres) - block.left + margin
        if 0 <= row < block.nrows + 2 * margin and 0 <= col < block.ncols + 2 * margin:
            return row, col
        return None, None

    def getPixColRow(self, x: int, y: int) -> tuple[int, int]:
        """Return column and row in the working grid of a pixel of this block's arrays.

        Parameters
        ----------
        x, y : int
            Column and row in the arrays, margin included (pixels).
        """
        return self._block.left + x - self.overlap, self._block.top + y - self.overlap

    # what the arrays come from

    @property
    def filenameLookup(self) -> dict[int, str]:
        """File name by the ``id()`` of each input array."""
        return {id(array): item.source.path for item, array in self._arrays.given}

    @property
    def nullvalLookup(self) -> dict[int, tuple[float | None, ...]]:
        """Nodata values of the bands by the ``id()`` of each input array."""
        return {id(array): item.source.nodata for item, array in self._arrays.given}

    def getFilenameFor(self, block: BlockArray) -> str:
        """Return the name of the file that an input array, or a view of one, came from.

        Raises
        ------
        KeysMismatch
            If the array is no input of this block, nor a view of one.
        """
        return self._arrays.input_of(block).source.path

    def getNoDataValueFor(self, block: BlockArray, band: int = 1) -> BlockArray | None:
        """Return the nodata value of a band of an input array.

        Parameters
        ----------
        block : ndarray
            An input array of this block, or a view of one.
        band : int
            Band of the array, from 1.

        Returns
        -------
        ndarray or None
            0-dimensional, in the type of the array; None where there is none, or where the type
            cannot hold it and so no pixel can have it.

        Raises
        ------
        KeysMismatch
            If the array is no input of this block, nor a view of one.
        GDALLayerNumberError
            If it has no such band.
        """
        return self._arrays.nodata_of(block, band)

    def getValidMask(self, block: BlockArray) -> BoolArray:
        """Return which pixels of an input array are valid, and not what is given in place of some.

        A pixel is valid where the image has one, a mask of the file (a ``.msk`` file, a mask inside
        the file, an alpha band) does not leave it out, and it has not the band's nodata value. For
        a vector it is where a feature is burnt. Ask before changing the array.

        Parameters
        ----------
        block : ndarray
            An input array of this block.

        Returns
        -------
        ndarray
            True where valid, in the shape of the array: ``(bands, rows, cols)``, margin included.

        Raises
        ------
        KeysMismatch
            If the array is no whole input of this block.
        ImageReadError
            If a mask cannot be read.
        """
        valid = self.valid_of(block)
        return np.ones(block.shape, bool) if valid is None else valid

    def valid_of(self, block: BlockArray) -> BoolArray | None:
        """Return which pixels of an input array are valid, as ``getValidMask``; None if all are."""
        return self._arrays.valid_of(block)

    def source_of(self, block: BlockArray) -> Source:
        """Return what is known of the input that an array, or a view of one, came from."""
        return self._arrays.input_of(block).source

    # what RIOS scripts may look at, too

    @property
    def loggingstream(self) -> TextIO:
        """Standard output; nothing is written to it."""
        return sys.stdout

    def _index(self) -> int:
        row, col = self._plan.blocks.position(self._block)
        return row * self._plan.blocks.xblocks + col


def _floor(position: float) -> int:
    """Return the number of the pixel that holds a position (pixels)."""
    # the edge of a block, turned into coordinates and back, is a rounding error off
    nearest = round(position)
    return nearest if abs(position - nearest) < 1e-6 else math.floor(position)
