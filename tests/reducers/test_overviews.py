"""Overviews from blocks, against plain loops over the whole raster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rios_flows.geometry.grid import BlockGrid
from rios_flows.reducers.cells import overview_levels
from rios_flows.reducers.overviews import Overviews
from rios_flows.reducers.tilestore import TileStore

Array = NDArray[Any]


def build(
    raster: Array,
    levels: Sequence[int],
    window: tuple[int, int],
    *,
    height: int = 7,
    order: Array | None = None,
    memory: int = 1 << 30,
    **options: Any,
) -> list[Array]:
    """Give a raster to the accumulator block by block, and put the strips together."""
    grid = BlockGrid(raster.shape[2], raster.shape[1], window)
    shape = (raster.shape[0], raster.shape[1], raster.shape[2])
    with closing(TileStore(memory_limit=memory)) as store:
        made = Overviews(shape, raster.dtype, levels, store, **options)
        for place in range(len(grid)) if order is None else order.tolist():
            block = grid[place]
            rows = slice(block.top, block.top + block.nrows)
            made.add(block, raster[:, rows, block.left : block.left + block.ncols])
        return [
            np.concatenate([strip for _, strip in made.strips(index, height)], axis=1)
            for index in range(len(levels))
        ]


def nearest(raster: Array, level: int) -> Array:
    rows, cols = (
        np.minimum(np.arange(0, size, level) + level // 2, size - 1) for size in raster.shape[1:]
    )
    return np.asarray(raster[:, rows[:, None], cols])


def by_cell(
    raster: Array, level: int, nodata: float | None, reduce: Callable[[Array], float], empty: float
) -> Array:
    bands, rows, cols = raster.shape
    made = np.empty((bands, -(-rows // level), -(-cols // level)), raster.dtype)
    for band, row, col in np.ndindex(made.shape):
        top, left = row * level, col * level
        pixels = raster[band, top : top + level, left : left + level].reshape(-1)
        if raster.dtype.kind == "f":
            pixels = pixels[~np.isnan(pixels)]
        pixels = pixels[pixels != nodata]
        made[band, row, col] = reduce(pixels) if pixels.size else empty
    return made


def rounded(value: float) -> float:
    return float(np.trunc(value + np.copysign(0.5, value)))


def average(pixels: Array) -> float:
    mean = float(pixels.mean(dtype=np.float64))
    return rounded(mean) if pixels.dtype.kind in "iu" else mean


def rms(pixels: Array) -> float:
    root = float(np.sqrt(np.square(pixels, dtype=np.float64).mean()))
    return rounded(root) if pixels.dtype.kind in "iu" else root


def mode(pixels: Array) -> float:
    values, counts = np.unique(pixels, return_counts=True)
    return float(values[np.argmax(counts)])


@pytest.mark.parametrize(
    ("rows", "cols", "expected"),
    [
        (100, 1000, ()),
        (516, 5000, (4,)),
        (515, 5000, ()),
        (5000, 1032, (4, 8)),
        (70_000, 70_000, (4, 8, 16, 32, 64, 128, 256, 512)),
    ],
)
def test_levels(rows: int, cols: int, expected: tuple[int, ...]) -> None:
    levels = (4, 8, 16, 32, 64, 128, 256, 512)
    assert overview_levels((rows, cols), levels, 128) == expected


@pytest.mark.parametrize("shape", [(1, 770, 1026), (3, 37, 41), (2, 1, 50), (1, 64, 64)])
@pytest.mark.parametrize("window", [(64, 64), (50, 30), (7, 11), (2000, 2000)])
def test_nearest(shape: tuple[int, int, int], window: tuple[int, int]) -> None:
    raster = np.random.default_rng(15).integers(1, 60_000, shape).astype(np.uint16)
    levels = (2, 3, 4, 8, 16, 32, 100, 512)
    for level, made in zip(levels, build(raster, levels, window), strict=True):
        np.testing.assert_array_equal(made, nearest(raster, level))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("nodata", [None, 3, -9999])
@pytest.mark.parametrize("window", [(16, 16), (13, 9)])
@pytest.mark.parametrize(("method", "reduce"), [("AVERAGE", average), ("RMS", rms), ("MODE", mode)])
def test_of_all_pixels(
    dtype: str,
    nodata: float | None,
    window: tuple[int, int],
    method: str,
    reduce: Callable[[Array], float],
) -> None:
    rng = np.random.default_rng(16)
    low = 0 if dtype.startswith("u") else -40
    raster = rng.integers(low, 60, (2, 45, 53)).astype(dtype)
    if raster.dtype.kind == "f":
        raster /= 7
        raster[rng.random(raster.shape) < 0.2] = np.nan
    if nodata is not None and (nodata > 0 or low < 0):
        raster[rng.random(raster.shape) < 0.4] = nodata
        raster[:, :20, 30:] = nodata
    empty = float("nan") if nodata is None else nodata
    levels = (2, 4, 6, 8, 32, 64)
    for level, made in zip(
        levels, build(raster, levels, window, method=method, nodata=nodata), strict=True
    ):
        expected = by_cell(raster, level, nodata, reduce, empty)
        if nodata is not None and method != "MODE" and raster.dtype.kind in "iu":
            # a mean that happens to be nodata gives way to its neighbour
            valid = by_cell(raster, level, nodata, lambda _: 1, 0).astype(bool)
            expected[valid & (expected == nodata)] += 1
        if raster.dtype.kind == "f" and method != "MODE":
            np.testing.assert_allclose(made, expected, rtol=1e-6, atol=1e-14)
        else:
            np.testing.assert_array_equal(made, expected)


@pytest.mark.parametrize("method", ["NEAREST", "AVERAGE", "RMS", "MODE"])
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_order_of_blocks_and_scratch_file_change_nothing(method: str, dtype: str) -> None:
    rng = np.random.default_rng(17)
    raster = (rng.random((2, 131, 155)) * 1000).astype(dtype)
    if method == "MODE":
        raster = raster // 300
    levels = (4, 8, 64)
    expected = build(raster, levels, (20, 30), method=method)
    for memory in (0, 3000, 1 << 30):
        order = rng.permutation(len(BlockGrid(155, 131, (20, 30))))
        # a block that is given twice counts once
        order = np.append(order, order[:3])
        made = build(raster, levels, (20, 30), method=method, order=order, memory=memory, height=50)
        for one, other in zip(made, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_the_neighbour_of_nodata() -> None:
    for dtype, nodata, expected in (
        ("int8", 127, 126),
        ("uint8", 5, 6),
        ("float32", 5, np.nextafter(np.float32(5), np.float32(9))),
        ("float64", np.finfo(np.float64).max, np.nextafter(np.finfo(np.float64).max, 0)),
    ):
        raster = np.full((1, 4, 4), nodata, dtype)
        other = 1 if nodata == 5 else nodata
        raster[0, 0, :2] = other, 9 if nodata == 5 else nodata
        made = build(raster, (4,), (4, 4), method="AVERAGE", nodata=nodata)[0]
        assert made[0, 0, 0] == (expected if nodata == 5 else nodata)


def test_infinite_pixels_are_no_reason_to_stop() -> None:
    raster = np.array([[[np.inf, -np.inf, 1, 2], [np.inf, 3, np.nan, 3]]], np.float32)
    for method, expected in (("AVERAGE", [np.nan, 2]), ("RMS", [np.inf, (14 / 3) ** 0.5])):
        made = build(raster, (2,), (3, 2), method=method)[0]
        np.testing.assert_allclose(made[0, 0], expected)
    assert build(raster, (2,), (3, 2), method="MODE")[0][0, 0].tolist() == [np.inf, 1]


def test_largest_integers_of_64_bits() -> None:
    for dtype in ("uint64", "int64"):
        raster = np.full((1, 8, 8), np.iinfo(dtype).max, dtype)
        for method in ("AVERAGE", "RMS", "MODE"):
            made = build(raster, (4,), (5, 8), method=method)[0]
            assert (made >= raster.max() - 2048).all()
            assert method != "MODE" or (made == raster.max()).all()


def test_unknown_method() -> None:
    with pytest.raises(
        ValueError, match="'CUBIC' cannot be made in a single pass, only by NEAREST"
    ):
        build(np.zeros((1, 9, 9)), (2,), (9, 9), method="CUBIC")
