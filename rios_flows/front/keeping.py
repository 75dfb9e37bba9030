"""Functions of numpy on masked arrays, by ones that keep mask and type."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rios_flows.front.reducing import (
    allclose,
    average,
    compressing,
    count_nonzero,
    histogram2d,
    ignoring_nan,
    masked,
    multilinear,
    plain,
    set_mask,
    warn_of_dropped,
)

#: Ways of padding that repeat pixels, and so whether these are masked.
_REPEATING = ("edge", "reflect", "symmetric", "wrap")


def fitting(value: Any, dtype: np.dtype[Any]) -> Any:
    """Return a Python number in the type of an array if it fits, as for plain arrays."""
    if type(value) is int and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return dtype.type(value) if limits.min <= value <= limits.max else value
    if type(value) in (int, float, complex) and dtype.kind in "fc":
        return np.result_type(dtype, value).type(value)
    return value


def _joining(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that joins arrays and, apart from them, their masks."""

    def call(arrays: Any, *arguments: Any, **options: Any) -> Any:
        parts = list(arrays)
        data = function([plain(part) for part in parts], *arguments, **options)
        place = {name: value for name, value in options.items() if name == "axis"}
        masks = [np.ma.getmaskarray(part) for part in parts]
        return masked(data, function(masks, *arguments, **place))

    return call


def _moving(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that puts pixels elsewhere, and so their masks."""

    def call(array: Any, *arguments: Any, **options: Any) -> Any:
        mask = function(np.ma.getmaskarray(array), *arguments, **options)
        return masked(function(plain(array), *arguments, **options), mask)

    return call


def _one_by_one(function: Callable[..., Any], place: int = 0) -> Callable[..., Any]:
    """Return a function whose result for a pixel is masked where that is; by its parameter."""
    signature = inspect.signature(function)
    name = list(signature.parameters)[place]

    def call(*arguments: Any, **options: Any) -> Any:
        bound = signature.bind(*arguments, **options)
        mask = np.ma.getmaskarray(bound.arguments[name]).copy()
        given = {
            key: plain(each) if isinstance(each, np.ma.MaskedArray) else each
            for key, each in bound.arguments.items()
        }
        bound.arguments.update(given)
        return masked(function(*bound.args, **bound.kwargs), mask)

    return call


def _choices(values: Sequence[Any]) -> list[Any]:
    """Return what is chosen from in one type, that of plain numpy: Python numbers do not widen."""
    dtypes = [value.dtype for value in values if hasattr(value, "dtype")]
    if not dtypes:
        return list(values)
    known = np.result_type(*dtypes)
    return [fitting(value, known) for value in values]


def _where(condition: Any, *choices: Any) -> Any:
    function: Any = np.ma.where
    return function(condition, *_choices(choices))


def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Choose by conditions; unknown is what the first of them that is not False leaves open."""
    result, *choices = _choices([default, *choicelist])
    for condition, choice in reversed(list(zip(condlist, choices, strict=True))):
        result = _where(condition, choice, result)
    return result


def _piecewise(x: Any, condlist: Any, funclist: Any, *arguments: Any, **options: Any) -> Any:
    conditions = condlist if isinstance(condlist, list | tuple) else [condlist]
    mask = np.ma.getmaskarray(x)
    for condition in conditions:
        mask = mask | np.ma.getmaskarray(condition)
    given = [plain(each) for each in conditions]
    return masked(np.piecewise(plain(x), given, funclist, *arguments, **options), mask)


def _pad(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    data = np.pad(plain(array), pad_width, mode, **options)
    # what is put around is given, or made of what is there: it is no pixel without data
    how = {"mode": mode, **options} if mode in _REPEATING else {"mode": "constant"}
    mask = np.pad(np.ma.getmaskarray(array), pad_width, **how)
    return masked(data, mask)


def _insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    data = np.insert(plain(arr), obj, plain(values), axis)
    mask = np.insert(np.ma.getmaskarray(arr), obj, np.ma.getmaskarray(values), axis)
    return masked(data, mask)


def _block(arrays: Any) -> Any:
    def each(parts: Any, function: Any) -> Any:
        return [each(part, function) for part in parts] if type(parts) is list else function(parts)

    return masked(np.block(each(arrays, plain)), np.block(each(arrays, np.ma.getmaskarray)))


def _broadcast_arrays(*arrays: Any, subok: bool = False) -> Any:
    data = np.broadcast_arrays(*map(plain, arrays))
    return tuple(map(masked, data, np.broadcast_arrays(*map(np.ma.getmaskarray, arrays))))


def _bits(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose result is masked where a bit is of what is masked."""

    def call(a: Any, *arguments: Any, **options: Any) -> Any:
        masks = np.where(np.ma.getmaskarray(a), np.uint8(255), np.uint8(0))
        data = function(plain(a), *arguments, **options)
        return masked(data, function(masks, *arguments, **options) != 0)

    return call


def _norm(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a length that is masked where a part of it is."""
    signature = inspect.signature(function)

    def call(x: Any, *arguments: Any, **options: Any) -> Any:
        given = signature.bind(x, *arguments, **options).arguments
        axis, keepdims = given.get("axis"), given.get("keepdims", False)
        mask = np.ma.getmaskarray(x).any(axis=axis, keepdims=keepdims)
        found = function(plain(x), *arguments, **options)
        return masked(found, mask) if np.ndim(found) else (np.ma.masked if mask else found)

    return call


def _copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    chosen, mask = np.ma.filled(where, False), np.ma.getmaskarray(dst).copy()
    np.copyto(plain(dst), plain(src), casting, where=chosen)
    np.copyto(mask, np.ma.getmaskarray(src), where=chosen)
    _set_mask_of(dst, mask, np.copyto)


def _putting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that puts values into an array, and their masks."""

    def call(a: Any, mask: Any, values: Any) -> None:
        chosen, unknown = np.ma.filled(mask, False), np.ma.getmaskarray(a).copy()
        function(plain(a), chosen, plain(values))
        function(unknown, chosen, np.ma.getmaskarray(values))
        _set_mask_of(a, unknown, function)

    return call


def _set_mask_of(array: Any, mask: Any, function: Callable[..., Any]) -> None:
    if isinstance(array, np.ma.MaskedArray):
        set_mask(array, mask)
    elif mask.any():
        warn_of_dropped(function, stacklevel=5)


def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, **options: Any) -> Any:
    diagonal: Any = np.diagonal(a, offset, axis1, axis2)
    return diagonal.sum(-1, **options)


#: What to call in place of functions of numpy.
KEEPING: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.select: _select,
    np.piecewise: _piecewise,
    np.pad: _pad,
    np.insert: _insert,
    np.block: _block,
    np.broadcast_arrays: _broadcast_arrays,
    np.trace: _trace,
    np.linalg.norm: _norm(np.linalg.norm),
    np.linalg.vector_norm: _norm(np.linalg.vector_norm),
    np.allclose: allclose,
    np.average: average,
    np.count_nonzero: count_nonzero,
    np.histogram: compressing(np.histogram, ("bins", "range", "density", "weights")),
    np.histogram_bin_edges: compressing(np.histogram_bin_edges, ("bins", "range", "weights")),
    np.bincount: compressing(np.bincount, ("weights", "minlength")),
    np.copyto: _copyto,
    **{function: _putting(function) for function in (np.putmask, np.place)},
    np.unpackbits: _bits(np.unpackbits),
    np.packbits: _bits(np.packbits),
    np.histogram2d: histogram2d,
    **{
        function: _joining(function)
        for function in (np.concatenate, np.stack, np.vstack, np.hstack, np.dstack)
    },
    np.column_stack: _joining(np.column_stack),
    **{
        function: _moving(function)
        for function in (
            *(np.broadcast_to, np.diagflat, np.delete, np.fft.fftshift, np.fft.ifftshift),
        )
    },
    **{
        function: _one_by_one(function)
        for function in (np.copy, np.isin, np.interp, np.iscomplex, np.isreal)
    },
    np.digitize: _one_by_one(np.digitize),
    np.searchsorted: _one_by_one(np.searchsorted, 1),
    **{
        getattr(np, name): ignoring_nan(name)
        for name in ("percentile", "quantile", "nanpercentile", "nanquantile", "nanmedian")
    },
    **{
        getattr(np, name): multilinear(getattr(np, name))
        for name in ("dot", "inner", "outer", "vdot", "tensordot", "kron", "convolve", "correlate")
    },
    np.einsum: multilinear(np.einsum, 32),
    **{
        getattr(np, name): getattr(np.ma, name)
        for name in (
            *("median", "cov", "corrcoef", "polyfit"),
            *("apply_along_axis", "apply_over_axes"),
        )
    },
}

#: Functions whose plain arrays are right: places and numbers of pixels, and what has none.
PLAIN = frozenset((np.linalg.diagonal, np.linalg.trace)) | frozenset(
    getattr(np, name)
    for name in (
        *("argmax", "argmin", "nanargmax", "nanargmin", "argsort", "argpartition", "lexsort"),
        *("argwhere", "nonzero", "flatnonzero", "unique_all", "unique_counts", "unique_inverse"),
        *("unravel_index", "ravel_multi_index", "ix_", "result_type"),
    )
)
