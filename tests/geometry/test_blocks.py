"""Blocks and tiles: what holds for any size of raster, window and margin."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rios_flows.controls.options import InputOptions, Options
from rios_flows.formats.tiles import GTIFF_TILE, LARGEST_TILE, tile_side
from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid, PixelGrid, SomeBlocks
from rios_flows.inputs.inputplan import InputPlan
from rios_flows.inputs.reading import DatasetPool, read_input
from rios_flows.inputs.sources import RasterSource, open_source
from rios_flows.jobs.plan import Plan
from rios_flows.reducers.nodata import as_pixel
from rios_flows.runs.blockinfo import ReaderInfo
from rios_flows.structures import FilenameAssociations
from tests.support.rasters import Array, coordinates, write_raster

sizes = st.integers(1, 60)
windows = st.tuples(st.integers(1, 70), st.integers(1, 70))
margins = st.integers(0, 5)


@st.composite
def grids(draw: st.DrawFn) -> BlockGrid:
    return BlockGrid(draw(sizes), draw(sizes), draw(windows), draw(margins))


def plan_of(blocks: BlockGrid) -> Plan:
    grid = PixelGrid(1000.0, 2000.0, 10.0, 20.0, blocks.ncols, blocks.nrows)
    nothing = FilenameAssociations()
    return Plan(grid, blocks, (), (), nothing, nothing, Options())


@given(grids(), st.data())
def test_some_blocks_of_a_grid(blocks: BlockGrid, data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, len(blocks) - 1)))
    some, every = SomeBlocks(blocks, numbers), list(blocks)
    assert (len(some), list(some)) == (len(numbers), [every[number] for number in numbers])


@given(grids())
def test_every_pixel_is_in_one_block(blocks: BlockGrid) -> None:
    hits = np.zeros((blocks.nrows, blocks.ncols), int)
    for block in blocks:
        rows = slice(block.top, block.top + block.nrows)
        hits[rows, block.left : block.left + block.ncols] += 1
        assert block.top + block.nrows <= blocks.nrows
        assert block.left + block.ncols <= blocks.ncols
    assert (hits == 1).all()


@given(grids())
def test_blocks_go_row_by_row(blocks: BlockGrid) -> None:
    listed = list(blocks)
    assert listed == sorted(listed)
    assert listed == [blocks[index] for index in range(len(blocks))]
    assert len(listed) == blocks.xblocks * blocks.yblocks
    assert len(set(listed)) == len(listed)
    for index, block in enumerate(listed):
        assert blocks.position(block) == divmod(index, blocks.xblocks)


@given(grids())
def test_only_the_last_blocks_are_cut(blocks: BlockGrid) -> None:
    width, height = blocks.window
    for block in blocks:
        row, col = blocks.position(block)
        assert block.nrows == height or (block.nrows < height and row == blocks.yblocks - 1)
        assert block.ncols == width or (block.ncols < width and col == blocks.xblocks - 1)
        assert block.nrows > 0
        assert block.ncols > 0


@given(grids())
def test_every_block_has_a_name_of_its_own(blocks: BlockGrid) -> None:
    names = [blocks.describe(block) for block in blocks]
    assert len(set(names)) == len(blocks)
    assert names[0] == "block row 0, column 0"
    assert names[-1] == f"block row {blocks.yblocks - 1}, column {blocks.xblocks - 1}"


@given(grids(), st.integers())
def test_there_are_no_other_blocks(blocks: BlockGrid, index: int) -> None:
    assume(not 0 <= index < len(blocks))
    with pytest.raises(IndexError):
        blocks[index]


@given(grids())
def test_blocks_survive_a_pickle(blocks: BlockGrid) -> None:
    copy = pickle.loads(pickle.dumps(blocks))
    assert copy == blocks
    assert list(copy) == list(blocks)
    assert isinstance(copy[0], ApplierBlockDefn)


@given(grids())
def test_coordinates_of_blocks_make_up_the_grid(blocks: BlockGrid) -> None:
    plan = plan_of(blocks)
    margin = blocks.overlap
    x = np.full((blocks.nrows, blocks.ncols), np.nan)
    y = x.copy()
    for block in blocks:
        place = np.s_[block.top : block.top + block.nrows, block.left : block.left + block.ncols]
        inner = np.s_[margin : margin + block.nrows, margin : margin + block.ncols]
        x_block, y_block = ReaderInfo(plan, block).getBlockCoordArrays()
        assert x_block.shape == (block.nrows + 2 * margin, block.ncols + 2 * margin)
        x[place], y[place] = x_block[inner], y_block[inner]
    np.testing.assert_allclose(x, np.tile(1005 + 10 * np.arange(blocks.ncols), (blocks.nrows, 1)))
    np.testing.assert_allclose(y, np.tile(1990 - 20 * np.arange(blocks.nrows), (blocks.ncols, 1)).T)


@given(grids(), st.data())
def test_a_pixel_and_its_centre_are_the_same_place(blocks: BlockGrid, data: st.DataObject) -> None:
    info = ReaderInfo(plan_of(blocks), blocks[data.draw(st.integers(0, len(blocks) - 1))])
    x, y = info.getBlockCoordArrays()
    row = data.draw(st.integers(0, x.shape[0] - 1))
    col = data.draw(st.integers(0, x.shape[1] - 1))
    assert info.getPixRowColBlock(x.item(row, col), y.item(row, col)) == (row, col)
    col_in_grid, row_in_grid = info.getPixColRow(col, row)
    assert x.item(row, col) == 1000 + 10 * (col_in_grid + 0.5)
    assert y.item(row, col) == 2000 - 20 * (row_in_grid + 0.5)


FILE_ROWS, FILE_COLS, FILL = 37, 45, -7


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[RasterSource, Array]:
    """Make a file, and return its source and pixels with their surroundings of 100 pixels."""
    pixels = coordinates(2, FILE_ROWS, FILE_COLS, "int32")
    path = write_raster(tmp_path_factory.mktemp("scene") / "scene.tif", pixels, nodata=FILL)
    source = open_source(("image", None), str(path), InputOptions())
    return source, np.pad(pixels, ((0, 0), (100, 100), (100, 100)), constant_values=FILL)


@given(st.data())
def test_a_margin_shows_the_neighbours_and_cropping_it_gives_the_block(
    scene: tuple[RasterSource, Array], data: st.DataObject
) -> None:
    source, around = scene
    # a working grid somewhere, partly outside the file
    left, top = data.draw(st.integers(-20, 44)), data.draw(st.integers(-20, 36))
    blocks = BlockGrid(
        data.draw(sizes), data.draw(sizes), data.draw(windows), margin := data.draw(margins)
    )
    item = InputPlan(source, (-left, -top), (FILE_COLS, FILE_ROWS), source.bands)
    plan = plan_of(blocks)
    block = blocks[data.draw(st.integers(0, len(blocks) - 1))]
    with DatasetPool(1) as pool:
        array = read_input(pool, plan.blocks, item, block)
    first_row, first_col = 100 + top + block.top, 100 + left + block.left
    seen = around[
        :,
        first_row - margin : first_row + block.nrows + margin,
        first_col - margin : first_col + block.ncols + margin,
    ]
    np.testing.assert_array_equal(array, seen)
    cropped = array[:, margin : array.shape[1] - margin, margin : array.shape[2] - margin]
    np.testing.assert_array_equal(
        cropped,
        around[:, first_row : first_row + block.nrows, first_col : first_col + block.ncols],
    )


# tiles of a GTiff


@given(st.integers(1, 20000), st.integers(1, 50000))
def test_a_tile_is_what_gdal_takes(window: int, size: int) -> None:
    side = tile_side(window, size)
    assert side % 16 == 0
    assert 16 <= side <= LARGEST_TILE


@given(st.integers(1, 20000), st.integers(1, 50000))
def test_a_tile_is_written_by_one_block_where_it_can_be(window: int, size: int) -> None:
    assume(window < size)
    side = tile_side(window, size)
    fitting = [side for side in range(16, LARGEST_TILE + 1, 16) if window % side == 0]
    assert side == (max(fitting) if fitting else GTIFF_TILE)


@given(st.integers(1, 20000), st.integers(0, 20000))
def test_one_block_across_needs_no_tile_beyond_the_raster(size: int, more: int) -> None:
    side = tile_side(size + more, size)
    if size <= LARGEST_TILE:
        assert size <= side < size + 16
    else:
        assert side == GTIFF_TILE


# nodata as pixels have it


@given(st.sampled_from(["int8", "uint8", "int16", "uint16", "int32", "uint32"]), st.data())
def test_a_whole_number_that_fits_is_kept(dtype: str, data: st.DataObject) -> None:
    limits = np.iinfo(dtype)
    value = data.draw(st.integers(int(limits.min), int(limits.max)))
    for given_as in (value, float(value)):
        pixel = as_pixel(given_as, dtype)
        assert pixel is not None
        assert pixel.dtype == dtype
        assert pixel == value


@given(st.sampled_from(["int8", "uint8", "int16", "uint16", "int32", "uint32"]), st.floats())
def test_any_other_number_is_none(dtype: str, value: float) -> None:
    limits = np.iinfo(dtype)
    assume(not (value.is_integer() and limits.min <= value <= limits.max))
    assert as_pixel(value, dtype) is None


@given(st.floats(width=32))
def test_a_float_is_kept(value: float) -> None:
    pixel = as_pixel(value, "float32")
    assert pixel is not None
    np.testing.assert_equal(pixel.item(), value)
