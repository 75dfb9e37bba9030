"""Statistics of whole rasters, from their blocks."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid
from rios_flows.reducers.nodata import nodata_of
from rios_flows.reducers.statistics import BandStatistics, RasterStatistics

Array = NDArray[Any]

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]


def gather(
    raster: Array, window: tuple[int, int] = (50, 40), order: Array | None = None, **options: Any
) -> list[BandStatistics | None]:
    """Give a raster to the accumulator block by block."""
    grid = BlockGrid(raster.shape[2], raster.shape[1], window)
    made = RasterStatistics(raster.dtype, raster.shape[0], **options)
    for place in range(len(grid)) if order is None else order:
        block = grid[place]
        rows = slice(block.top, block.top + block.nrows)
        made.add(block, raster[:, rows, block.left : block.left + block.ncols])
    return made.finish()


def check(band: BandStatistics | None, values: Array) -> None:
    assert band is not None
    assert band.count == values.size
    assert (band.minimum, band.maximum) == (values.min(), values.max())
    assert band.mean == pytest.approx(values.mean(dtype=np.float64), rel=1e-12, abs=1e-300)
    assert band.stddev == pytest.approx(values.std(dtype=np.float64), rel=1e-12, abs=1e-300)
    assert band.histogram is not None
    assert band.histogram.counts.sum() == values.size


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("nodata", [None, 0, -10, 100, -9999, float("nan"), 0.5, 1e30])
def test_integers(dtype: str, nodata: float | None) -> None:
    limits = np.iinfo(dtype)
    rng = np.random.default_rng(10)
    raster = rng.integers(max(limits.min, -20), min(limits.max, 2000), (2, 93, 111)).astype(dtype)
    if nodata is not None and limits.min <= nodata <= limits.max:
        raster[rng.random(raster.shape) < 0.3] = int(nodata)
    for band, pixels in zip(gather(raster, nodata=nodata), raster, strict=True):
        check(band, pixels[pixels != nodata])
        assert band is not None
        assert isinstance(band.minimum, int)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("nodata", [None, 0, -9999, float("nan"), -3.5, 0.1])
def test_floats(dtype: str, nodata: float | None) -> None:
    rng = np.random.default_rng(11)
    raster = rng.normal(0.3, 2, (2, 93, 111)).astype(dtype)
    absent = rng.random(raster.shape) < 0.3
    raster[absent] = np.nan if nodata is None else nodata
    for band, pixels, gone in zip(gather(raster, nodata=nodata), raster, absent, strict=True):
        check(band, pixels[~gone])


@pytest.mark.parametrize("dtype", [*DTYPES, "float32", "float64"])
@pytest.mark.parametrize("nodata", [7, None])
def test_bands_without_a_valid_pixel(dtype: str, nodata: float | None) -> None:
    raster = np.full((3, 30, 30), 7, dtype)
    raster[1, 29, 29] = 9
    if dtype.startswith("float") and nodata is None:
        raster[[0, 2]] = np.nan
        nodata = 7
    first, second, third = gather(raster, nodata=nodata)
    if nodata is None:
        assert first is not None
        assert (first.stddev, first.mean, first.count) == (0, 7, 900)
    else:
        assert first is None
        assert third is None
        assert second is not None
        assert (second.count, second.minimum, second.mean) == (1, 9, 9)


def test_what_is_neither_nodata_nor_finite_is_left_out_and_counted() -> None:
    raster = np.array([[[1, np.nan, np.inf, 3], [-np.inf, -9, np.nan, 2]]])
    grid = BlockGrid(4, 2, (4, 1))
    for nodata, bad, values in ((-9, 4, [1, 3, 2]), (np.nan, 2, [1, 3, -9, 2])):
        made = RasterStatistics(raster.dtype, 1, nodata=nodata)
        made.add(grid[0], raster[:, :1])
        made.add(grid[1], raster[:, 1:])
        assert made.nonfinite == bad
        check(made.finish()[0], np.array(values))


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("int16", -32768, 32768),
        ("uint8", 0, 256),
        ("int32", -1000, 1000),
        ("int32", -(2**31), 2**31),
        ("uint32", 2**32 - 70_000, 2**32),
        ("int64", -(2**62), 2**62),
        ("float32", 0, 1),
        ("float64", 0, 1),
    ],
)
def test_the_order_of_blocks_changes_no_bit(dtype: str, low: int, high: int) -> None:
    rng = np.random.default_rng(12)
    if dtype.startswith("float"):
        raster = (rng.standard_cauchy((1, 640, 900)) * 1e3 + 1e6).astype(dtype)
    else:
        raster = rng.integers(low, high, (1, 640, 900), dtype=np.int64).astype(dtype)
    expected = gather(raster)[0]
    assert expected is not None
    grid = BlockGrid(900, 640, (50, 40))
    for _ in range(3):
        made = RasterStatistics(raster.dtype, 1)
        for place in rng.permutation(len(grid)):
            block = grid[place]
            rows = slice(block.top, block.top + block.nrows)
            pixels = raster[:, rows, block.left : block.left + block.ncols]
            made.add(block, pixels)
        band = made.finish()[0]
        assert band is not None
        assert (band.mean, band.stddev) == (expected.mean, expected.stddev)
        assert (band.minimum, band.maximum) == (expected.minimum, expected.maximum)
        assert band.histogram is not None
        assert expected.histogram is not None
        np.testing.assert_array_equal(band.histogram.counts, expected.histogram.counts)


def shaped(shape: str, rng: np.random.Generator, size: tuple[int, int, int]) -> Array:
    """Return pixels that are spread in one of several awkward ways."""
    if shape == "normal":
        return rng.normal(0.3, 0.1, size)
    if shape == "cauchy":
        return rng.standard_cauchy(size)
    if shape == "stripes":
        return np.broadcast_to(np.arange(size[2]) % 8 / 8, size).copy()
    if shape == "steps":
        return np.floor(np.linspace(0, 20, size[1] * size[2])).reshape(size)
    if shape == "spikes":
        return rng.choice([0.0, 1e-9, 0.1, 0.1000001, 5.0, 1e12], size)
    return np.where(np.arange(size[1])[:, None] > 1490, 1e6, 0) + rng.random(size)


@pytest.mark.parametrize("shape", ["normal", "cauchy", "stripes", "steps", "spikes", "late"])
def test_histograms_of_many_floats_are_right_to_one_percent(shape: str) -> None:
    rng = np.random.default_rng(13)
    size = (1, 1500, 2000)
    raster = np.asarray(shaped(shape, rng, size), np.float32)
    if shape == "late":
        raster[:, 100:1400] = -1
    band = gather(raster, (512, 512), nodata=-1)[0]
    valid = raster[raster != -1]
    check(band, valid)
    assert band is not None
    assert band.histogram is not None
    limits = float(valid.min()), float(valid.max())
    expected, _ = np.histogram(valid.astype(np.float64), 256, limits)
    error = np.abs(np.cumsum(band.histogram.counts) - np.cumsum(expected)).max() / valid.size
    assert error < 0.005


def test_few_classes_in_many_wide_integers_are_counted_exactly() -> None:
    raster = np.random.default_rng(14).integers(0, 60_000, (1, 1500, 1000)).astype(np.int32)
    band = gather(raster, (512, 512), thematic=True)[0]
    assert band is not None
    assert band.histogram is not None
    expected = np.bincount(raster.reshape(-1))
    np.testing.assert_array_equal(band.histogram.counts, expected)


def test_strided_blocks_and_empty_ones() -> None:
    raster = np.arange(600, dtype=np.uint8).reshape(1, 20, 30)
    made = RasterStatistics(raster.dtype, 1)
    grid = BlockGrid(30, 20, (30, 20))
    made.add(grid[0], raster[:, ::-2, ::3])
    made.add(grid[0], raster[:, :0])
    check(made.finish()[0], raster[:, ::-2, ::3].reshape(-1))


def test_no_histogram_unless_wanted() -> None:
    for dtype in ("uint8", "float32"):
        band = gather(np.ones((1, 5, 5), dtype), histogram=False)[0]
        assert band is not None
        assert band.histogram is None
        assert band.mean == 1


def test_complex_pixels_have_no_statistics() -> None:
    with pytest.raises(TypeError, match="complex64"):
        RasterStatistics(np.dtype(np.complex64), 1)


@pytest.mark.parametrize(
    ("dtype", "nodata", "expected"),
    [
        ("uint8", -1, None),
        ("uint8", 255.0, 255),
        ("int8", 0.5, None),
        ("int16", float("inf"), None),
        ("uint64", 2**64 - 1, 2**64 - 1),
        ("float32", 0.1, float(np.float32(0.1))),
        ("float32", 1e300, None),
        ("float32", float("inf"), float("inf")),
        ("complex64", -9, -9),
    ],
)
def test_nodata_as_the_type_has_it(dtype: str, nodata: float, expected: float | None) -> None:
    assert nodata_of(np.dtype(dtype), nodata) == expected


def test_the_memory_for_a_histogram_does_not_grow_with_the_values() -> None:
    values = np.random.default_rng(1).integers(0, 2**32, (1, 600, 600), dtype="uint32")
    tracemalloc.start()
    try:
        statistics = RasterStatistics(np.dtype("uint32"), 1)
        statistics.add(ApplierBlockDefn(0, 0, 600, 600), values)
        (band,) = statistics.finish()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert band is not None
    assert band.histogram is not None
    # a count for each value up to the largest would take 16 GB and more
    assert peak < 100e6
