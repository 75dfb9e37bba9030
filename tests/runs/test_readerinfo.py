"""What ``info`` tells, against values worked out by hand.

The grid has 23 x 17 pixels of 20 x 30 m, and blocks of 10 x 6 pixels with a margin of 2: 3 rows of
3 blocks, of which the last column is 3 pixels wide and the last row 5 pixels high.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from rasterio.crs import CRS

from rios_flows.controls.options import Options
from rios_flows.geometry.grid import BlockGrid, PixelGrid
from rios_flows.geometry.pixelgriddefn import PixelGridDefn
from rios_flows.jobs.plan import Plan
from rios_flows.runs.blockinfo import ReaderInfo
from rios_flows.structures import ApplierBlockDefn, FilenameAssociations
from tests.support.scene import FIRST, LAST, MIDDLE, Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_the_working_grid(scene: Scene) -> None:
    for where in (FIRST, MIDDLE, LAST):
        info, _ = scene.at(*where)
        assert (info.xsize, info.ysize) == info.getTotalSize() == (23, 17)
        assert info.getTransform() == (500000, 20, 0, 7000000, 0, -30)
        assert info.getPixelSize() == (20, 30)
        assert CRS.from_wkt(info.getProjection()) == CRS.from_epsg(32633)
        grid = info.workingGrid
        assert isinstance(grid, PixelGridDefn)
        assert (grid.xMin, grid.xMax, grid.yMin, grid.yMax) == (500000, 500460, 6999490, 7000000)
        assert (grid.xRes, grid.yRes) == (20, 30)
        assert grid.getDimensions() == (17, 23)


def test_the_cut_into_blocks(scene: Scene) -> None:
    for where in (FIRST, MIDDLE, LAST):
        info, _ = scene.at(*where)
        assert (info.windowxsize, info.windowysize) == info.getWindowSize() == (10, 6)
        assert info.overlap == info.getOverlapSize() == 2
        assert (info.xtotalblocks, info.ytotalblocks) == info.getTotalBlocks() == (3, 3)


@pytest.mark.parametrize(
    ("where", "size", "top_left", "bottom_right"),
    [
        ((0, 0), (10, 6), (500000, 7000000), (500200, 6999820)),
        ((0, 2), (3, 6), (500400, 7000000), (500460, 6999820)),
        ((1, 1), (10, 6), (500200, 6999820), (500400, 6999640)),
        ((2, 0), (10, 5), (500000, 6999640), (500200, 6999490)),
        ((2, 2), (3, 5), (500400, 6999640), (500460, 6999490)),
    ],
)
def test_one_block(
    scene: Scene,
    where: tuple[int, int],
    size: tuple[int, int],
    top_left: tuple[float, float],
    bottom_right: tuple[float, float],
) -> None:
    info, inputs = scene.at(*where)
    assert (info.yblock, info.xblock) == where
    assert info.getBlockCount() == where[::-1]
    assert (info.blockwidth, info.blockheight) == info.getBlockSize() == size
    assert inputs.image.shape == (1, size[1] + 4, size[0] + 4)
    assert (info.blocktl.x, info.blocktl.y) == top_left
    assert (info.blockbr.x, info.blockbr.y) == bottom_right


def test_the_stream_of_rios_scripts(scene: Scene) -> None:
    assert scene.at(*FIRST)[0].loggingstream is sys.stdout


def test_order_and_percent(scene: Scene) -> None:
    infos = [scene.at(row, col)[0] for row in range(3) for col in range(3)]
    assert [info.isFirstBlock() for info in infos] == [True] + 8 * [False]
    assert [info.isLastBlock() for info in infos] == 8 * [False] + [True]
    assert [info.getPercent() for info in infos] == [0, 11, 22, 33, 44, 55, 66, 77, 88]


def test_coordinates_of_a_corner_block(scene: Scene) -> None:
    info, inputs = scene.at(*FIRST)
    x, y = info.getBlockCoordArrays()
    assert x.shape == y.shape == inputs.image.shape[1:] == (10, 14)
    # two pixels outside the grid: -1.5 pixels of 20 and of 30 m from the corner
    assert (x[0, 0], y[0, 0]) == (499970, 7000045)
    # the first pixel of the grid
    assert (x[2, 2], y[2, 2]) == (500010, 6999985)
    assert (x[-1, -1], y[-1, -1]) == (500230, 6999775)
    np.testing.assert_array_equal(x, np.tile(499970 + 20 * np.arange(14), (10, 1)))
    np.testing.assert_array_equal(y, np.tile(7000045 - 30 * np.arange(10), (14, 1)).T)


def test_coordinates_of_a_cut_block(scene: Scene) -> None:
    info, _ = scene.at(*LAST)
    x, y = info.getBlockCoordArrays()
    assert x.shape == y.shape == (9, 7)
    # columns 18 to 24, and rows 10 to 18, of which the grid ends at 22 and 16
    np.testing.assert_array_equal(x[0], [500370, 500390, 500410, 500430, 500450, 500470, 500490])
    assert (y[0, 0], y[-1, 0]) == (6999685, 6999445)


def test_coordinate_arrays_are_the_users_own(scene: Scene) -> None:
    info, _ = scene.at(*FIRST)
    x, y = info.getBlockCoordArrays()
    x += 1
    y += 1
    again = info.getBlockCoordArrays()
    assert (again[0][0, 0], again[1][0, 0]) == (499970, 7000045)


@pytest.mark.parametrize(
    ("where", "point", "expected"),
    [
        # middle of the first pixel of the grid; the margin counts
        (FIRST, (500010, 6999985), (2, 2)),
        # its corners: an edge belongs to the pixel right of it and below
        (FIRST, (500000, 7000000), (2, 2)),
        (FIRST, (500020, 6999970), (3, 3)),
        # first and last pixel of the arrays
        (FIRST, (499960, 7000060), (0, 0)),
        (FIRST, (500239.9, 6999760.1), (9, 13)),
        # half a pixel outside on each side: RIOS would take the upper left ones for pixel 0
        (FIRST, (499950, 7000045), (None, None)),
        (FIRST, (499970, 7000075), (None, None)),
        (FIRST, (500250, 6999985), (None, None)),
        (FIRST, (500010, 6999745), (None, None)),
        # the edge just behind the last pixel: RIOS would give an index past the end
        (FIRST, (500240, 6999985), (None, None)),
        (FIRST, (500010, 6999760), (None, None)),
        (MIDDLE, (500210, 6999805), (2, 2)),
        (MIDDLE, (500161, 6999879), (0, 0)),
        # a cut block ends earlier: 7 columns and 9 rows
        (LAST, (500499, 6999431), (8, 6)),
        (LAST, (500501, 6999431), (None, None)),
        (LAST, (500499, 6999429), (None, None)),
        (LAST, (0, 0), (None, None)),
        (LAST, (float("nan"), 6999500), (None, None)),
        (LAST, (500420, float("inf")), (None, None)),
    ],
)
def test_pixel_of_a_point(
    scene: Scene,
    where: tuple[int, int],
    point: tuple[float, float],
    expected: tuple[int | None, int | None],
) -> None:
    info, _ = scene.at(*where)
    assert info.getPixRowColBlock(*point) == expected


def test_pixel_of_a_point_is_where_its_value_is(scene: Scene) -> None:
    # the raster counts its pixels row by row
    for where in (FIRST, MIDDLE, LAST):
        info, inputs = scene.at(*where)
        x, y = info.getBlockCoordArrays()
        for row, col in np.ndindex(x.shape):
            assert info.getPixRowColBlock(x.item(row, col), y.item(row, col)) == (row, col)
            col_grid, row_grid = info.getPixColRow(col, row)
            if 0 <= col_grid < 23 and 0 <= row_grid < 17:
                assert inputs.image[0, row, col] == row_grid * 23 + col_grid


def test_negative_coordinates() -> None:
    # a grid west and south of the origin, in degrees
    info = small_info(PixelGrid(-10.5, -20.25, 0.25, 0.25, 8, 8))
    assert info.getPixRowColBlock(-10.4, -20.3) == (0, 0)
    assert info.getPixRowColBlock(-10.6, -20.3) == (None, None)
    assert info.getPixRowColBlock(-10.4, -20.2) == (None, None)
    assert info.getPixRowColBlock(-9.55, -21.2) == (3, 3)
    assert info.getPixRowColBlock(-9.5, -21.2) == (None, None)


@pytest.mark.parametrize("origin", [147.1, -0.3, 1e5 / 3])
@pytest.mark.parametrize("res", [0.1, 0.00025, 1 / 3, 300.0379266750948])
def test_rounding_does_not_move_a_corner_out_of_its_block(origin: float, res: float) -> None:
    grid = PixelGrid(origin, origin, res, res, 4000, 4000)
    blocks = BlockGrid(4000, 4000, (7, 7))
    for index in range(0, len(blocks), 997):
        info = small_info(grid, blocks, blocks[index])
        assert info.getPixRowColBlock(*info.blocktl) == (0, 0)
        assert info.getPixRowColBlock(*info.blockbr) == (None, None)


def small_info(
    grid: PixelGrid, blocks: BlockGrid | None = None, block: ApplierBlockDefn | None = None
) -> ReaderInfo:
    blocks = blocks or BlockGrid(grid.ncols, grid.nrows, (4, 4))
    nothing = FilenameAssociations()
    plan = Plan(grid, blocks, (), (), nothing, nothing, Options())
    return ReaderInfo(plan, block or blocks[0])


@pytest.mark.parametrize(
    ("where", "pixel", "expected"),
    [
        (FIRST, (0, 0), (-2, -2)),
        (FIRST, (2, 2), (0, 0)),
        (MIDDLE, (2, 2), (10, 6)),
        (MIDDLE, (0, 5), (8, 9)),
        (LAST, (6, 8), (24, 18)),
    ],
)
def test_place_in_the_grid(
    scene: Scene, where: tuple[int, int], pixel: tuple[int, int], expected: tuple[int, int]
) -> None:
    info, _ = scene.at(*where)
    assert info.getPixColRow(*pixel) == expected


def test_place_in_the_grid_without_overlap(tmp_path: Path) -> None:
    info, inputs = Scene(tmp_path, overlap=0).at(*MIDDLE)
    assert info.getOverlapSize() == 0
    assert info.getPixColRow(0, 0) == (10, 6)
    assert info.getPixRowColBlock(500200, 6999820) == (0, 0)
    assert inputs.image.shape == (1, 6, 10)
    assert info.getBlockCoordArrays()[0][0, 0] == 500210
