"""The working grid and its blocks, as plain values: no file is opened here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rasterio.transform import Affine


class ApplierBlockDefn(NamedTuple):
    """One block of the working grid, without its margin; hashable, and ordered row by row.

    Attributes
    ----------
    top, left : int
        First row and column of the block in the working grid (pixels).
    nrows, ncols : int
        Height and width of the block (pixels).
    """

    top: int
    left: int
    nrows: int
    ncols: int


class Bounds(NamedTuple):
    """Outer edges of a grid (CRS units)."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float


@dataclass(frozen=True, slots=True)
class PixelGrid:
    """A north-up grid of pixels in one coordinate reference system."""

    xmin: float
    ymax: float
    xres: float
    yres: float
    ncols: int
    nrows: int
    crs: str = ""

    @property
    def xmax(self) -> float:
        """Right edge (CRS units)."""
        return self.xmin + self.ncols * self.xres

    @property
    def ymin(self) -> float:
        """Lower edge (CRS units)."""
        return self.ymax - self.nrows * self.yres

    @property
    def bounds(self) -> Bounds:
        """Outer edges (CRS units)."""
        return Bounds(self.xmin, self.ymin, self.xmax, self.ymax)

    @property
    def transform(self) -> Affine:
        """Affine transform from (column, row) to CRS coordinates."""
        return Affine(self.xres, 0.0, self.xmin, 0.0, -self.yres, self.ymax)

    @property
    def gdal_transform(self) -> tuple[float, float, float, float, float, float]:
        """The same as GDAL's six numbers."""
        return (self.xmin, self.xres, 0.0, self.ymax, 0.0, -self.yres)


@dataclass(frozen=True, slots=True)
class BlockGrid:
    """How a grid is cut into blocks: row by row, the last row and column cut to the grid."""

    ncols: int
    nrows: int
    window: tuple[int, int]
    overlap: int = 0

    @property
    def xblocks(self) -> int:
        """Number of blocks in a row."""
        return math.ceil(self.ncols / self.window[0])

    @property
    def yblocks(self) -> int:
        """Number of rows of blocks."""
        return math.ceil(self.nrows / self.window[1])

    def __len__(self) -> int:
        return self.xblocks * self.yblocks

    def __getitem__(self, index: int) -> ApplierBlockDefn:
        if not 0 <= index < len(self):
            raise IndexError(f"block {index} of {len(self)}")
        row, col = divmod(index, self.xblocks)
        width, height = self.window
        top, left = row * height, col * width
        return ApplierBlockDefn(
            top, left, min(height, self.nrows - top), min(width, self.ncols - left)
        )

    def __iter__(self) -> Iterator[ApplierBlockDefn]:
        width, height = self.window
        columns = [(left, min(width, self.ncols - left)) for left in range(0, self.ncols, width)]
        for top in range(0, self.nrows, height):
            nrows = min(height, self.nrows - top)
            for left, ncols in columns:
                yield ApplierBlockDefn(top, left, nrows, ncols)

    def position(self, block: ApplierBlockDefn) -> tuple[int, int]:
        """Row and column of a block among the blocks, counted from 0."""
        return block.top // self.window[1], block.left // self.window[0]

    def describe(self, block: ApplierBlockDefn) -> str:
        """Name a block in a message."""
        row, col = self.position(block)
        return f"block row {row}, column {col}"


@dataclass(frozen=True, slots=True)
class SomeBlocks:
    """Some blocks of a grid, by their numbers; they are made on demand, as those of the grid."""

    grid: BlockGrid
    numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[ApplierBlockDefn]:
        return map(self.grid.__getitem__, self.numbers)
