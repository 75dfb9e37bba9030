"""Statistics and overviews from blocks: the same as from the whole raster, whatever it holds."""

from __future__ import annotations

import math
from contextlib import closing
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid
from rios_flows.reducers import finebins
from rios_flows.reducers.distribution import Binned, Listed
from rios_flows.reducers.finebins import FineBins
from rios_flows.reducers.histogram import choose_bins
from rios_flows.reducers.overviews import Overviews
from rios_flows.reducers.statistics import BandStatistics, RasterStatistics
from rios_flows.reducers.tilestore import TileStore

Array = NDArray[Any]

INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
FLOATS = ["float32", "float64"]

#: Twice the allowed error of a standard deviation, relative.
ALMOST = Fraction(2, 10**12)

shapes = st.tuples(st.integers(1, 2), st.integers(1, 9), st.integers(1, 9))
windows = st.tuples(st.integers(1, 6), st.integers(1, 6))


@st.composite
def rasters(draw: st.DrawFn, dtypes: list[str]) -> tuple[Array, float | None]:
    """Any pixels of a type, and a nodata value that some of them may have."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    raster = draw(hnp.arrays(dtype, shapes, elements=hnp.from_dtype(dtype)))
    nodata = draw(st.one_of(st.none(), st.sampled_from(raster.reshape(-1).tolist())))
    return raster, nodata


def blocks_of(raster: Array, window: tuple[int, int], order: Any) -> list[Any]:
    grid = list(BlockGrid(raster.shape[2], raster.shape[1], window))
    order.shuffle(grid)
    return [(block, cut(raster, block)) for block in grid]


def cut(raster: Array, block: ApplierBlockDefn) -> Array:
    rows = slice(block.top, block.top + block.nrows)
    return raster[:, rows, block.left : block.left + block.ncols]


def valid_of(pixels: Array, nodata: float | None) -> list[Any]:
    flat = pixels.reshape(-1).tolist()
    return [value for value in flat if value != nodata and math.isfinite(value)]


def gathered(
    raster: Array, window: tuple[int, int], order: Any, **options: Any
) -> list[BandStatistics | None]:
    made = RasterStatistics(raster.dtype, raster.shape[0], **options)
    for block, pixels in blocks_of(raster, window, order):
        made.add(block, pixels)
    return made.finish()


@given(rasters(INTEGERS + FLOATS), windows, st.booleans(), st.randoms(use_true_random=False))
def test_statistics(
    raster_and_nodata: tuple[Array, float | None],
    window: tuple[int, int],
    thematic: bool,
    order: Any,
) -> None:
    raster, nodata = raster_and_nodata
    bands = gathered(raster, window, order, nodata=nodata, thematic=thematic)
    for band, pixels in zip(bands, raster, strict=True):
        values = valid_of(pixels, nodata)
        if not values:
            assert band is None
            continue
        assert band is not None
        assert (band.count, band.minimum, band.maximum) == (len(values), min(values), max(values))
        exact = [Fraction(value) for value in values]
        mean = sum(exact, Fraction(0)) / len(exact)
        spread = sum(((value - mean) ** 2 for value in exact), Fraction(0)) / len(exact)
        # what is rounded is the deviation from the mean, and so by no more than a share of that
        slack = float(max(exact) - min(exact)) * 1e-15 if raster.dtype.kind == "f" else 0
        assert math.isclose(band.mean, float(mean), rel_tol=1e-15, abs_tol=slack)
        # squared, since the root of a fraction like this may be beyond what sqrt() takes
        tiny = Fraction(1, 1 << 1073)
        low, high = Fraction(band.stddev) - tiny, Fraction(band.stddev) + tiny
        assert low * abs(low) * (1 - ALMOST) <= spread <= high * high * (1 + ALMOST)
        check_histogram(band, values, raster.dtype, thematic)


def check_histogram(
    band: BandStatistics, values: list[Any], dtype: np.dtype[Any], thematic: bool
) -> None:
    """With no more pixels than there is room for, each bin is exact."""
    assert band.histogram is not None
    bins = choose_bins(dtype, band.minimum, band.maximum, thematic)
    assert band.histogram.bins == bins
    counts = [0] * bins.number
    for value in values:
        counts[bin_of(value, bins, dtype)] += 1
    assert band.histogram.counts.tolist() == counts


def bin_of(value: Any, bins: Any, dtype: np.dtype[Any]) -> int:
    """Look for the bin of one value, from the last one on."""
    for index in range(bins.number - 1, 0, -1):
        if dtype.kind in "iu":
            edge = bins.minimum + int(index * bins.step)
        else:
            edge = bins.minimum + (index - 0.5 if bins.direct else index * bins.step)
        if value >= edge:
            return int(index)
    return 0


@given(
    rasters(INTEGERS + FLOATS),
    windows,
    st.randoms(use_true_random=False),
    st.randoms(use_true_random=False),
)
def test_no_order_of_blocks_changes_a_bit(
    raster_and_nodata: tuple[Array, float | None], window: tuple[int, int], one: Any, other: Any
) -> None:
    raster, nodata = raster_and_nodata
    first = gathered(raster, window, one, nodata=nodata)
    second = gathered(raster, window, other, nodata=nodata)
    for left, right in zip(first, second, strict=True):
        assert repr(left) == repr(right)


@st.composite
def wide_blocks(draw: st.DrawFn) -> list[Array]:
    """Draw blocks of a type whose values are counted in fine bins, of any size and spread."""
    dtype = np.dtype(draw(st.sampled_from(["int32", "uint32", "int64", "uint64", *FLOATS])))
    values = hnp.from_dtype(dtype, allow_nan=False, allow_infinity=False)
    near = hnp.from_dtype(dtype, min_value=0, max_value=100)
    lists = st.lists(draw(st.sampled_from([values, near])), min_size=1, max_size=60)
    # no minus zero, which is equal and looks different
    return [
        np.array(block, dtype) + dtype.type(0)
        for block in draw(st.lists(lists, min_size=1, max_size=8))
    ]


@given(
    wide_blocks(),
    st.sampled_from([0, 20, 1000]),
    st.sampled_from([16, 1 << 10]),
    st.randoms(use_true_random=False),
)
def test_fine_bins(blocks: list[Array], kept: int, most: int, order: Any) -> None:
    everything = np.sort(np.concatenate(blocks))
    edges = [value.item() for value in everything[:: max(1, everything.size // 9)]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finebins, "KEPT", kept)
        patch.setattr(finebins, "FINE_BINS", most)
        results = []
        for _ in range(3):
            order.shuffle(blocks)
            gathering = FineBins(everything.dtype)
            for block in blocks:
                gathering.add(block, block.min().item(), block.max().item())
            assert gathering.total == everything.size
            results.append(gathering.distribution())
    assert repr(results[0]) == repr(results[1]) == repr(results[2])
    below = [result.below(edges).tolist() for result in results]
    assert below[0] == below[1] == below[2]
    exact = np.searchsorted(everything, np.array(edges, everything.dtype))
    if isinstance(results[0], Listed):
        assert below[0] == exact.tolist()
    else:
        bins = results[0]
        assert isinstance(bins, Binned)
        assert bins.counts.size <= most
        # no pixel is further off than its bin
        assert (np.abs(below[0] - exact) <= bins.counts.max()).all()
        assert bins.counts.sum() == everything.size


@given(
    rasters(INTEGERS + FLOATS),
    windows,
    st.integers(2, 7),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_nearest(
    raster_and_nodata: tuple[Array, float | None],
    window: tuple[int, int],
    level: int,
    height: int,
    order: Any,
) -> None:
    raster, nodata = raster_and_nodata
    made = overview(raster, window, level, height, order, method="NEAREST", nodata=nodata)
    rows, cols = (
        [min(start + level // 2, size - 1) for start in range(0, size, level)]
        for size in raster.shape[1:]
    )
    np.testing.assert_array_equal(made, raster[:, np.array(rows)[:, None], cols])


@pytest.mark.parametrize("method", ["AVERAGE", "RMS", "MODE"])
@given(
    raster_and_nodata=rasters(["uint8", "int8", "int16", "uint32"]),
    window=windows,
    level=st.integers(2, 7),
    height=st.integers(1, 4),
    order=st.randoms(use_true_random=False),
)
def test_cells(
    method: str,
    raster_and_nodata: tuple[Array, float | None],
    window: tuple[int, int],
    level: int,
    height: int,
    order: Any,
) -> None:
    raster, nodata = raster_and_nodata
    made = overview(raster, window, level, height, order, method=method, nodata=nodata)
    for band, row, col in np.ndindex(made.shape):
        top, left = row * level, col * level
        values = valid_of(raster[band, top : top + level, left : left + level], nodata)
        if not values:
            assert made[band, row, col] == nodata
            continue
        assert made[band, row, col] != nodata
        if method == "MODE":
            expected = min(values, key=lambda value: (-values.count(value), value))
        elif method == "AVERAGE":
            mean = Fraction(sum(values), len(values))
            expected = int(mean + Fraction(1, 2)) if mean >= 0 else -int(Fraction(1, 2) - mean)
        else:
            root = math.sqrt(Fraction(sum(value * value for value in values), len(values)))
            expected = min(int(root + 0.5), int(np.iinfo(raster.dtype).max))
        # 1 off, where the mean happens to be nodata, and where a root of large squares is rounded
        slack = method == "RMS" or (expected == nodata and method == "AVERAGE")
        assert abs(int(made[band, row, col]) - expected) <= slack


def overview(
    raster: Array, window: tuple[int, int], level: int, height: int, order: Any, **options: Any
) -> Array:
    shape = (raster.shape[0], raster.shape[1], raster.shape[2])
    with closing(TileStore(memory_limit=200)) as store:
        made = Overviews(shape, raster.dtype, (level,), store, **options)
        for block, pixels in blocks_of(raster, window, order):
            made.add(block, pixels)
        return np.concatenate([strip for _, strip in made.strips(0, height)], axis=1)
