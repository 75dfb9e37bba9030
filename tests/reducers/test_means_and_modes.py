"""Cells of overviews, worked out by hand: means that are rounded, and the most frequent values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.reducers.means import Means
from rios_flows.reducers.modes import Modes

Maker = Means | Modes


def in_one_block(made: Maker, pixels: NDArray[Any]) -> list[Any]:
    """Give a raster of cells of 2 x 2 as one block; return the values of its cells."""
    rows, cols = pixels.shape
    [tile] = made.tiles(ApplierBlockDefn(0, 0, rows, cols), pixels[np.newaxis], (2,))
    assert (tile.row, tile.col) == (0, 0)
    values: list[Any] = tile.values[0].reshape(-1).tolist()
    return values


def in_columns(made: Maker, pixels: NDArray[Any]) -> list[Any]:
    """Give each column of the raster as a block of its own, the last one first."""
    rows, cols = pixels.shape
    strip = made.blank((1, -(-rows // 2), -(-cols // 2)))
    rest = []
    for col in reversed(range(cols)):
        block = ApplierBlockDefn(0, col, rows, 1)
        [tile] = made.tiles(block, pixels[np.newaxis, :, col : col + 1], (2,))
        height, width = tile.values.shape[1:]
        strip[:, tile.row : tile.row + height, tile.col : tile.col + width] = tile.values
        rest.append(tile.rest)
    made.finish(strip, 0, [one for one in rest if one])
    values: list[Any] = strip[0].reshape(-1).tolist()
    return values


#: Four cells of 2 x 2 side by side, and the rest of a fifth.
ROWS = [
    [1, 2, -1, -2, 0, 0, 9, 9, 7],
    [3, 4, -3, -4, 0, 5, 9, 9, 8],
]


@pytest.mark.parametrize("give", [in_one_block, in_columns])
@pytest.mark.parametrize(
    ("dtype", "nodata", "squares", "expected"),
    [
        # halves go away from zero
        ("int16", None, False, [3, -3, 1, 9, 8]),
        # of 0, 0, 0 and 5 only the last one counts
        ("int16", 0, False, [3, -3, 5, 9, 8]),
        # a mean that happens to be nodata gives way; a cell of nothing else is nodata
        ("int16", 3, False, [2, -3, 1, 9, 8]),
        ("int16", 9, False, [3, -3, 1, 9, 8]),
        ("float64", None, False, [2.5, -2.5, 1.25, 9, 7.5]),
        # the root of the mean of 1, 4, 9 and 16 is 2.7...
        ("int16", None, True, [3, 3, 3, 9, 8]),
        ("float64", None, True, [7.5**0.5, 7.5**0.5, 2.5, 9, 56.5**0.5]),
    ],
)
def test_means(
    give: Any, dtype: str, nodata: int | None, squares: bool, expected: list[float]
) -> None:
    pixels = np.array(ROWS, dtype)
    made = Means(pixels.shape, pixels.dtype, nodata, squares=squares)
    assert give(made, pixels) == pytest.approx(expected)


@pytest.mark.parametrize("give", [in_one_block, in_columns])
def test_the_range_of_a_type_is_kept(give: Any) -> None:
    pixels = np.full((2, 4), 2**63 - 1, "int64")
    [first, _] = give(Means(pixels.shape, pixels.dtype, None, squares=False), pixels)
    # float64 has no number nearer to it
    assert first == 2**63 - 1024
    pixels = np.full((2, 4), 255, "uint8")
    assert give(Means(pixels.shape, pixels.dtype, None, squares=True), pixels) == [255, 255]


@pytest.mark.parametrize("give", [in_one_block, in_columns])
@pytest.mark.parametrize(
    ("dtype", "nodata", "expected"),
    [
        # of several that are as frequent it is the smallest
        ("int16", None, [1, -4, 0, 9, 7]),
        ("int16", 0, [1, -4, 5, 9, 7]),
        ("int16", 9, [1, -4, 0, 9, 7]),
        ("uint8", 1, [2, 252, 0, 9, 7]),
        ("float32", None, [1, -4, 0, 9, 7]),
    ],
)
def test_modes(give: Any, dtype: str, nodata: int | None, expected: list[float]) -> None:
    pixels = np.array(ROWS).astype(dtype)
    assert give(Modes(pixels.shape, pixels.dtype, nodata), pixels) == expected


@pytest.mark.parametrize("give", [in_one_block, in_columns])
@pytest.mark.parametrize("large", [2**64 - 1, 2**40])
def test_modes_of_values_far_apart(give: Any, large: int) -> None:
    pixels = np.array([[large, 5, large, 5], [large, 5, 6, 5]], "uint64")
    assert give(Modes(pixels.shape, pixels.dtype, None), pixels) == [5, 5]
    pixels = np.array([[large, 5, large, large], [large, large, 6, 5]], "uint64")
    assert give(Modes(pixels.shape, pixels.dtype, None), pixels) == [large, large]


def test_cells_without_a_valid_pixel() -> None:
    shape = (4, 4)
    for nodata, expected in ((7, 7), (None, 0)):
        assert (Modes(shape, np.dtype("int16"), nodata).blank((1, 2, 2)) == expected).all()
    nothing = Means(shape, np.dtype("float32"), None, squares=False).blank((1, 2, 2))
    assert np.isnan(nothing).all()
