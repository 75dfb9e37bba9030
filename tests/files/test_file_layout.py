"""What files need of the block cache, against counting every tile that every window touches."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from rios_flows.files.layout import FileLayout, cache_need
from rios_flows.geometry.grid import BlockGrid

sizes = st.tuples(st.integers(1, 90), st.integers(1, 90))
cuts = st.tuples(st.integers(1, 40), st.integers(1, 40))

Tile = tuple[int, int]


def tiles_of(
    layout: FileLayout, blocks: BlockGrid, offset: Tile
) -> Iterator[tuple[int, set[Tile]]]:
    """Yield each window's row, and the tiles that it touches."""
    margin = blocks.overlap
    for block in blocks:
        left, top = block.left - offset[0], block.top - offset[1]
        cols = range(max(0, left - margin), min(layout.ncols, left + block.ncols + margin))
        rows = range(max(0, top - margin), min(layout.nrows, top + block.nrows + margin))
        across = {col // layout.block_cols for col in cols}
        down = {row // layout.block_rows for row in rows}
        yield blocks.position(block)[0], {(row, col) for row in down for col in across}


@given(
    size=sizes,
    block=cuts,
    grid=sizes,
    window=cuts,
    offset=st.tuples(st.integers(-20, 20), st.integers(-20, 20)),
    overlap=st.sampled_from([0, 0, 1, 7]),
)
def test_no_tile_that_is_shared_is_overlooked(
    size: Tile, block: Tile, grid: Tile, window: Tile, offset: Tile, overlap: int
) -> None:
    layout = FileLayout(*size, *block, pixel_bytes=4)
    blocks = BlockGrid(*grid, window, overlap)
    need = cache_need(layout, blocks, offset)
    seen: dict[Tile, int] = {}
    rows: dict[int, set[Tile]] = {}
    tile_bytes = 4 * block[0] * block[1]
    for row, tiles in tiles_of(layout, blocks, offset):
        assert len(tiles) * tile_bytes <= need.window_bytes
        for tile in tiles:
            if tile in seen:
                assert need.by_window if seen[tile] == row else need.by_row
            seen[tile] = row
        rows.setdefault(row, set()).update(tiles)
    assert all(len(tiles) * tile_bytes <= need.row_bytes for tiles in rows.values())


@given(cuts, st.integers(1, 4), st.integers(1, 4))
def test_windows_of_whole_tiles_share_none(block: Tile, across: int, down: int) -> None:
    layout = FileLayout(200, 200, *block, pixel_bytes=2)
    window = (across * block[0], down * block[1])
    assert not cache_need(layout, BlockGrid(200, 200, window), (0, 0)).shared


def test_strips_are_shared_by_windows_beside_each_other() -> None:
    layout = FileLayout(5000, 3000, 5000, 8, pixel_bytes=6)
    need = cache_need(layout, BlockGrid(5000, 3000, (256, 256)))
    assert (need.by_window, need.by_row) == (True, False)
    assert need.window_bytes == 5000 * 256 * 6
    assert not cache_need(layout, BlockGrid(5000, 3000, (5000, 256))).shared


def test_a_warped_file_is_touched_at_its_own_scale() -> None:
    layout = FileLayout(4000, 4000, 256, 256, pixel_bytes=2)
    need = cache_need(layout, BlockGrid(1000, 1000, (100, 100)), (-8192, -8192), (0.25, 0.25))
    assert need.shared
    # windows of 400 pixels, in the middle of tiles
    assert need.window_bytes == (3 * 256) ** 2 * 2
    assert need.row_bytes == 16 * 256 * 3 * 256 * 2
