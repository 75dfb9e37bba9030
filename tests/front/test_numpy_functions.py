"""All functions of numpy on masked blocks: what lies beneath a mask changes no result in silence.

Each public function is called twice, with other values beneath the mask; what is not masked must be
the same, and of the type that plain numpy gives. So a new function of numpy is tried, too.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rios_flows as rf
from rios_flows.front import keeping, reducing
from rios_flows.front.masked import MaskedBlock
from tests.support.rasters import read_raster, write_raster

ONE = np.array([[3, 8, 15], [20, 1, 12]])
TWO = np.array([[1, 2, 3], [4, 5, 6]])
MASK = np.array([[False, True, False], [False, False, False]])

Calls = Callable[[Any, Any], list[tuple[Any, ...]]]

#: How to call what does not take one array, or two if it is an operation.
CALLS: dict[str, Calls] = {
    "where": lambda a, b: [(a > 10, a, 1), (a > 10, a, b), (a > 10, b, 2)],
    "select": lambda a, b: [([a > 10, a > 5], [a, b], 3), ([a > 10, a > 5], [a, b])],
    "clip": lambda a, b: [(a, 5, 20), (a, None, 20), (a, b, None)],
    "full_like": lambda a, b: [(a, 7)],
    "piecewise": lambda a, b: [(a, [a > 10], [1, 0])],
    "digitize": lambda a, b: [(a, [5, 10])],
    "pad": lambda a, b: [(a, 1)],
    "interp": lambda a, b: [(a, [0, 30], [0.0, 60.0])],
    **{
        name: lambda a, b: [(a, 0.5), (a, 0.5, 0)]
        for name in ("quantile", "percentile", "nanquantile", "nanpercentile")
    },
    "take": lambda a, b: [(a, [0, 1], 0)],
    "repeat": lambda a, b: [(a, 2, 0)],
    "roll": lambda a, b: [(a, 1, 0)],
    "tile": lambda a, b: [(a, 2)],
    "reshape": lambda a, b: [(a, (-1,))],
    "resize": lambda a, b: [(a, (2, 2))],
    "expand_dims": lambda a, b: [(a, 0)],
    "moveaxis": lambda a, b: [(a, 0, 1)],
    "rollaxis": lambda a, b: [(a, 1)],
    "swapaxes": lambda a, b: [(a, 0, 1)],
    "delete": lambda a, b: [(a, 1, 0)],
    "insert": lambda a, b: [(a, 0, 1, 0)],
    "append": lambda a, b: [(a, b), (a, b, 0)],
    **{
        name: lambda a, b: [([a, b],)]
        for name in ("concatenate", "concat", "stack", "vstack", "hstack", "column_stack", "dstack")
    },
    "block": lambda a, b: [([[a, b], [b, a]],)],
    "split": lambda a, b: [(a, 2)],
    "array_split": lambda a, b: [(a, 2)],
    "hsplit": lambda a, b: [(a, 3)],
    "vsplit": lambda a, b: [(a, 2)],
    "apply_along_axis": lambda a, b: [(np.sum, 0, a)],
    "apply_over_axes": lambda a, b: [(np.sum, a, [0])],
    "einsum": lambda a, b: [("ij->ji", a), ("ij,kj->ik", a, b)],
    **{
        name: lambda a, b: [(a, b)]
        for name in ("tensordot", "kron", "outer", "inner", "vdot", "vecdot")
    },
    "dot": lambda a, b: [(a, b.T)],
    "matmul": lambda a, b: [(a, b.T), (b, a.T)],
    "matvec": lambda a, b: [(a, b[0])],
    "vecmat": lambda a, b: [(b[0], a.T)],
    "histogram2d": lambda a, b: [(a.ravel(), b.ravel())],
    "histogram": lambda a, b: [(a,), (a, 3)],
    "bincount": lambda a, b: [(a.ravel(),)],
    "isin": lambda a, b: [(a, [3, 8])],
    "searchsorted": lambda a, b: [([1, 5, 9], a)],
    "compress": lambda a, b: [([True, False], a, 0)],
    "extract": lambda a, b: [(a > 10, a)],
    "convolve": lambda a, b: [(a.ravel(), [1, 2, 1])],
    "correlate": lambda a, b: [(a.ravel(), [1, 2, 1])],
    "polyfit": lambda a, b: [(a.ravel().astype(float), b.ravel(), 1)],
    "polyval": lambda a, b: [([1, 2], a)],
    "broadcast_to": lambda a, b: [(a, (2, 2, 3))],
    "broadcast_arrays": lambda a, b: [(a, b)],
    "meshgrid": lambda a, b: [(a.ravel(), b.ravel())],
    "average": lambda a, b: [(a,), (a, 0), (a, 0, b), (b, 1, a)],
    "allclose": lambda a, b: [(a, a.copy())],
    "isclose": lambda a, b: [(a, b)],
    "take_along_axis": lambda a, b: [(a, np.zeros((1, 3), int), 0)],
    **{
        name: lambda a, b: [(a,), (a, 0)]
        for name in (
            *("sum", "mean", "std", "var", "min", "max", "median", "prod", "ptp", "cumsum"),
            *("cumprod", "any", "all", "count_nonzero", "amin", "amax", "argmax", "argmin"),
            *("nansum", "nanmean", "nanmax", "nanmin", "nanstd", "nanvar", "nanprod", "nanmedian"),
        )
    },
}

#: What by its name gives what lies beneath, sorts it, or changes an array in place.
OTHERS = {
    *("array", "asarray", "ascontiguousarray", "asfortranarray", "asarray_chkfinite"),
    *("array_equal", "array_equiv", "array_repr", "array_str", "array2string", "require"),
    *("lexsort", "partition", "argpartition", "putmask", "place", "put", "copyto"),
    *("asmatrix", "bmat", "from_dlpack", "frombuffer", "printoptions", "save"),
    *("put_along_axis", "fill_diagonal", "savetxt", "shares_memory", "may_share_memory"),
    # what is about numpy itself
    *("test", "info", "show_config", "show_runtime", "set_printoptions", "seterr", "seterrcall"),
    *("setbufsize", "savez", "savez_compressed", "load", "loadtxt", "genfromtxt", "fromfile"),
    # an order in which the masked pixel has a place
    *("argsort", "unique_all", "unique_counts", "unique_inverse", "empty_like"),
}


def ways(name: str, one: Any, two: Any) -> list[tuple[Any, ...]]:
    if name in CALLS:
        return CALLS[name](one, two)
    function = getattr(np, name)
    if isinstance(function, np.ufunc) and function.nin == 2:
        return [(one, two), (one, 2), (2, one)]
    return [(one,)]


def result(name: str, dtype: str, place: int, beneath: float | None) -> Any:
    """Call a function with that beneath the mask; plainly without."""
    function = getattr(np, name)
    one, two = ONE.astype(dtype), TWO.astype(dtype)
    if beneath is not None:
        one[MASK] = beneath
        one, two = MaskedBlock(one, mask=MASK), MaskedBlock(two)
    return function(*ways(name, one, two)[place])


def flat(found: Any) -> list[Any]:
    if isinstance(found, tuple | list):
        return [each for item in found for each in flat(item)]
    return [found]


def seen(found: Any) -> list[Any]:
    """Return what a result shows: masks, and what is not masked."""
    return [
        (np.ma.getmaskarray(each).tolist(), np.ma.filled(each, 0).tolist())
        for each in map(np.ma.asanyarray, flat(found))
    ]


def functions() -> list[str]:
    return [
        name
        for name in sorted(dir(np))
        if not name.startswith("_")
        and callable(getattr(np, name))
        and not inspect.isclass(getattr(np, name))
        and name not in OTHERS
    ]


def tried(name: str, dtype: str) -> list[tuple[int, Any]]:
    """Return the ways to call a function that plain numpy has, with their results."""
    found = []
    for place in range(len(ways(name, ONE.astype(dtype), TWO.astype(dtype)))):
        try:
            found.append((place, result(name, dtype, place, None)))
        except (TypeError, ValueError, AttributeError, IndexError, OSError, np.linalg.LinAlgError):
            continue
    return found


@pytest.mark.parametrize(("dtype", "other"), [("float32", np.nan), ("uint8", 200), ("int16", 77)])
def test_what_lies_beneath_a_mask_changes_no_result(dtype: str, other: float) -> None:
    wrong, count = [], 0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        calls = [(name, *each) for name in functions() for each in tried(name, dtype)]
    for name, place, plain in calls:
        with warnings.catch_warnings(record=True) as told, np.errstate(all="ignore"):
            warnings.simplefilter("always")
            try:
                first, second = (result(name, dtype, place, each) for each in (9, other))
            except (TypeError, ValueError, IndexError) as error:
                wrong.append(f"{name} {place}: {error}")
                continue
        if any(f"numpy.{name} drops the mask" in str(each.message) for each in told):
            continue
        count += 1
        if repr(seen(first)) != repr(seen(second)):
            wrong.append(f"{name} {place}: {first!r} became {second!r}")
        own = [each.dtype for each in flat(plain) if isinstance(each, np.ndarray)]
        given = [each.dtype for each in flat(first) if isinstance(each, np.ndarray)]
        if own and own != given and first is not np.ma.masked:
            wrong.append(f"{name} {place}: {given} for {own}")
    assert not wrong, "\n".join(wrong)
    assert count > 250


def test_a_function_that_drops_the_mask_says_so() -> None:
    block = MaskedBlock(ONE, mask=MASK)
    with pytest.warns(UserWarning, match="numpy.vander drops the mask: .*filled"):
        np.vander(block.ravel())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.vander(MaskedBlock(ONE).ravel())
        assert np.argmax(block) == 3
    assert len(reducing.plain([1])) == 1
    assert set(keeping.KEEPING).isdisjoint(keeping.PLAIN)


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_reductions_leave_masked_pixels_out(dtype: str) -> None:
    block = MaskedBlock(np.where(MASK, 99, ONE).astype(dtype), mask=MASK)
    known = np.where(MASK, np.nan, ONE)
    for name in ("sum", "mean", "std", "var", "min", "max", "prod", "median"):
        found = getattr(np, name)(block, axis=0)
        np.testing.assert_allclose(found, getattr(np, f"nan{name}")(known, axis=0), rtol=1e-6)
    weights = MaskedBlock(TWO.astype(dtype))
    expected = np.nansum(known * TWO, axis=0) / np.where(MASK, 0, TWO).sum(axis=0)
    np.testing.assert_allclose(np.average(block, axis=0, weights=weights), expected, rtol=1e-6)
    for reduced, expected in (
        (np.add.reduce(block), np.nansum(known, axis=0)),
        (np.minimum.reduce(block), np.nanmin(known, axis=0)),
        (np.maximum.reduce(block), np.nanmax(known, axis=0)),
        (np.multiply.reduce(block, axis=1), np.nanprod(known, axis=1)),
    ):
        np.testing.assert_array_equal(reduced, expected)
    assert np.count_nonzero(block) == 5
    assert np.histogram(block, 3)[0].sum() == 5
    nothing = MaskedBlock(ONE[:1].astype(dtype), mask=MASK[:1])
    assert np.ma.getmaskarray(np.maximum.reduce(nothing)).tolist() == MASK[0].tolist()


@pytest.mark.parametrize("module", [np.linalg, np.fft])
def test_what_is_made_of_whole_matrices_keeps_the_mask_or_says_so(module: Any) -> None:
    square = np.array([[3.0, 8, 1], [2, 7, 5], [4, 1, 6]])
    block = MaskedBlock(square, mask=np.eye(3, dtype=bool)[[1, 2, 0]])
    told: list[str] = []
    kept: list[str] = []
    for name, function in vars(module).items():
        if name.startswith("_") or not callable(function) or inspect.isclass(function):
            continue
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                found = function(block)
            except (TypeError, ValueError, np.linalg.LinAlgError):
                continue
        drops = any(f"{module.__name__}.{name} drops" in str(each.message) for each in said)
        (told if drops else kept).append(name)
        assert drops or name in ("diagonal", "trace") or any(map(np.ma.is_masked, flat(found)))
    assert {"inv", "svd"} < set(told) or {"fft", "rfft2"} < set(told)
    assert {"norm", "vector_norm"} < set(kept) or "fftshift" in kept
    length = np.linalg.norm(block, axis=0)
    assert np.ma.getmaskarray(length).all()
    assert np.linalg.norm(block[:, :1], axis=1).tolist() == [3, 2, None]


def test_products_are_masked_where_a_term_is() -> None:
    block = MaskedBlock(ONE, mask=MASK)
    mixed = np.array([[1, 0, 2], [0, 1, 0]])
    for found in (block @ mixed.T, block.dot(mixed.T), np.einsum("ij,kj->ik", block, mixed)):
        assert isinstance(found, MaskedBlock)
        assert np.ma.getmaskarray(found).tolist() == [[True, True], [False, False]]
        assert found[1].tolist() == [44, 1]
    assert np.ma.getmaskarray(mixed.T @ block).tolist() == [[False, True, False]] * 3
    outer: Any = np.add.outer(block[0], [1])
    assert outer.mask.ravel().tolist() == [False, True, False]


def test_into_an_array_that_is_there() -> None:
    block = MaskedBlock(ONE.copy(), mask=MASK.copy())
    other = MaskedBlock(TWO.copy(), mask=MASK[:, ::-1] | (TWO == 1))
    assert np.add(block, other, out=block) is block
    assert block.mask.sum() == 2
    block &= 1
    assert block.compressed().tolist() == [18 & 1, 24 & 1, 6 & 1, 18 & 1]


def test_means_of_blocks_with_and_without_masks_are_of_one_type(tmp_path: Path) -> None:
    # the first block is whole, and the second not
    pixels = np.array([[[1, 2, 3, 0]]], "uint8")
    paths = [write_raster(tmp_path / f"{n}.tif", pixels * n, nodata=0) for n in (1, 2, 4)]
    rf.apply(lambda dates: dates.mean(axis=0), paths, tmp_path / "mean.tif", window=2, workers=1)
    mean = read_raster(tmp_path / "mean.tif")
    assert mean.dtype == "float32"
    np.testing.assert_allclose(mean, np.where(pixels == 0, np.nan, pixels * 7 / 3), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_operations_on_some_pixels(dtype: str) -> None:
    # as people guard a division; beneath the mask lies what is not 0
    one = MaskedBlock(np.array([4, 9, 6, 5], dtype), mask=[False, True, False, False])
    two = MaskedBlock(np.array([2, 3, 7, 0], dtype), mask=[False, False, True, False])
    for asked in (two != 0, np.ma.getdata(two) != 0):
        into = np.full_like(one, -1, dtype="float32")
        assert np.divide(one, two, out=into, where=asked) is into
        assert into.tolist() == [2, None, None, -1]
        plainly = np.full(4, -1, "float32")
        with pytest.warns(UserWarning, match="numpy.divide drops the mask"):
            assert np.divide(one, two, out=plainly, where=asked) is plainly
        assert plainly[[0, 3]].tolist() == [2, -1]
    # a pixel that is not asked for stays masked
    assert np.negative(two, out=two, where=two > 2).tolist() == [2, -3, None, 0]
    assert np.add.reduce(one, where=one > 4) == 11


def test_a_mask_lost_in_an_array_that_is_there_is_told() -> None:
    total = np.zeros(MASK.shape)
    with pytest.warns(UserWarning, match="numpy.add drops the mask"):
        total += MaskedBlock(ONE, mask=MASK)


def test_sums_of_parts() -> None:
    block = MaskedBlock(np.array([[1, 99, 3], [4, 5, 6]]), mask=MASK)
    for found in (np.add.reduceat(block, [0, 1], 1), np.add.reduceat(block, [0, 1], axis=1)):
        assert found.tolist() == [[1, 3], [4, 11]]
    assert np.add.reduceat(block, [0, 1, 2], axis=1).tolist() == [[1, None, 3], [4, 5, 6]]


def test_powers_with_another_base_keep_the_mask() -> None:
    block = MaskedBlock(np.array([1, 9, 3], "float32"), mask=[False, True, False])
    for power in (2**block, np.array([2, 2, 2], "float32") ** block):
        assert isinstance(power, MaskedBlock)
        assert power.dtype == "float32"
        assert np.where(power > 4, 1, 0).tolist() == [0, None, 1]


def test_how_close_arrays_must_be() -> None:
    block = MaskedBlock(ONE.astype(float), mask=MASK)
    other = MaskedBlock(np.where(MASK, 5, ONE * 1.001))
    assert not np.allclose(block, other)
    assert np.allclose(block, other, 1e-2)
    assert np.allclose(block, other, equal_nan=True, rtol=1e-2)


def test_a_result_has_a_mask_of_its_own() -> None:
    hole = MaskedBlock(np.ones(3), mask=[True, False, False])
    functions: list[Any] = [np.negative, np.abs, lambda x: np.modf(x)[1], np.round, np.copy]
    for function in functions:
        block: Any = MaskedBlock(np.array([1.0, 2, 3]), mask=[False, True, False])
        changed = function(block)
        changed += hole
        assert changed.mask.tolist() == [True, True, False]
        again = function(block)
        np.add(again, hole, out=again, where=np.ones(3, bool))
        assert again.mask.tolist() == [True, True, False]
        assert block.mask.tolist() == [False, True, False]
