"""Functions of numpy that make few numbers of many: masked pixels are left out, or tell."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def plain(array: Any) -> Any:
    """Return what lies beneath a mask; a list of arrays, too, as an array."""
    return np.asarray(np.ma.getdata(array))


def masked(data: Any, mask: Any) -> Any:
    """Make a masked array."""
    return np.ma.MaskedArray(data, mask=mask)


def set_mask(array: Any, mask: Any) -> None:
    """Give an array a mask in place of one that others may have, too."""
    array._mask = mask


def ignoring_nan(name: str) -> Callable[..., Any]:
    """Return a function that leaves masked pixels out by way of NaN, and sees NaN of others."""
    function = getattr(np, f"nan{name.removeprefix('nan')}")
    # of medians the axis comes first, of others what is asked for
    place = 0 if name.endswith("median") else 1

    def call(a: Any, *arguments: Any, **options: Any) -> Any:
        axis = options.get("axis", arguments[place] if len(arguments) > place else None)
        how = {"axis": axis, "keepdims": options.get("keepdims", False)}
        dtype = a.dtype if a.dtype.kind == "f" else np.dtype(np.float64)
        data, mask = plain(a).astype(dtype), np.ma.getmaskarray(a)
        filled = np.where(mask, np.asarray(np.nan, dtype), data)
        # numpy warns where all is NaN, and warnings are switched off for all threads only
        empty = np.isnan(filled).all(axis=axis, keepdims=True)
        found = function(np.where(empty, np.asarray(0, dtype), filled), *arguments, **options)
        nothing = np.isnan(filled).all(**how)
        unknown = nothing
        if not name.startswith("nan"):
            seen = (np.isnan(data) & ~mask).any(**how)
            unknown, nothing = nothing | seen, nothing & ~seen
        found = np.where(unknown, np.asarray(np.nan, found.dtype), found)
        if not np.ndim(found):
            return found[()]
        return masked(found, np.broadcast_to(nothing, found.shape))

    return call


def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, **options: Any
) -> Any:
    """Return the mean of what is not masked, by weights; in the type of plain numpy."""
    function: Any = np.ma.average
    found, total = function(a, axis, weights, True, **options)
    # for integers and no weights this is float64
    others = () if weights is None else (plain(weights).dtype,)
    dtype = np.result_type(a, *others, *(() if plain(a).dtype.kind in "fc" else ("f8",)))
    if found is not np.ma.masked:
        found = found.astype(dtype)
    return (found, total) if returned else found


def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """Count what is neither masked nor 0."""
    return np.count_nonzero((plain(a) != 0) & ~np.ma.getmaskarray(a), axis, keepdims=keepdims)


def allclose(a: Any, b: Any, *arguments: Any, **options: Any) -> bool:
    """Compare what neither masks; numpy.ma has other parameters."""
    one, two = np.broadcast_arrays(plain(a), plain(b))
    keep = ~(np.ma.getmaskarray(a) | np.ma.getmaskarray(b))
    return bool(np.allclose(one[keep], two[keep], *arguments, **options))


def compressing(function: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """Return a function that sees a flat array of what is not masked, and its weights.

    Its arguments after the array have these names.
    """

    def call(a: Any, *arguments: Any, **options: Any) -> Any:
        options.update(zip(names, arguments, strict=False))
        options = {
            name: _unmasked(each) if name != "weights" else each for name, each in options.items()
        }
        weights = options.pop("weights", None)
        keep = ~np.ma.getmaskarray(a)
        if weights is not None:
            keep &= ~np.ma.getmaskarray(weights)
            options["weights"] = plain(weights)[keep]
        return function(plain(a)[keep], **options)

    return call


def histogram2d(x: Any, y: Any, *arguments: Any, weights: Any = None, **options: Any) -> Any:
    """Count pairs of which none is masked."""
    keep = ~(np.ma.getmaskarray(x) | np.ma.getmaskarray(y))
    if weights is not None:
        weights = plain(weights)[keep]
    function: Any = np.histogram2d
    more = map(_unmasked, arguments)
    return function(plain(x)[keep], plain(y)[keep], *more, weights=weights, **options)


def _unmasked(given: Any) -> Any:
    return plain(given) if isinstance(given, np.ma.MaskedArray) else given


def multilinear(function: Callable[..., Any], most: int = 2) -> Callable[..., Any]:
    """Return sums of products that are masked where any of their terms is; of ``most`` operands."""

    def call(*arguments: Any, **options: Any) -> Any:
        places = [place for place, each in enumerate(arguments) if not isinstance(each, str)][:most]
        operands = [arguments[place] for place in places]
        rest = arguments[places[-1] + 1 :]
        first = arguments[: places[0]]
        data = function(*first, *map(plain, operands), *rest, **options)
        mask = np.zeros(np.shape(data), bool)
        # terms are counted, with a weight of 1 for all that is not asked for
        ones = [np.ones(np.shape(each), np.float32) for each in operands]
        quiet = {name: value for name, value in options.items() if name not in ("out", "dtype")}
        for place, operand in enumerate(operands):
            if np.ma.is_masked(operand):
                counted = np.ma.getmaskarray(operand).astype(np.float32)
                terms = [*ones[:place], counted, *ones[place + 1 :]]
                mask |= np.asarray(function(*first, *terms, *rest, **quiet)) > 0.5
        return masked(data, mask) if np.ndim(data) else (np.ma.masked if mask else data)

    return call


def where_asked(ufunc: Any, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """Return an operation on some pixels; the others are what the array was that it goes into."""
    unknown, asked = np.ma.getmaskarray(options["where"]), plain(options["where"])
    out = options.pop("out", ())
    more = {"out": tuple(map(_unmasked, out))} if out else {}
    found = ufunc(*map(_unmasked, inputs), **{**options, "where": asked & ~unknown, **more})
    for given in inputs:
        if isinstance(given, np.ma.MaskedArray):
            unknown = unknown | np.ma.getmaskarray(given)
    results = found if isinstance(found, tuple) else (found,)
    for result, into in zip(results, out, strict=bool(out)):
        if isinstance(into, np.ma.MaskedArray):
            kept = np.ma.getmaskarray(into) & ~asked
            set_mask(into, np.broadcast_to(unknown | kept, result.shape).copy())
    if out:
        return out[0] if len(out) == 1 else out
    made = tuple(masked(result, np.broadcast_to(unknown, result.shape)) for result in results)
    return made if isinstance(found, tuple) else made[0]


def of_ufunc(ufunc: Any, method: str, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """Return what a method of an operation gives, or an operation on whole rows and matrices."""
    if method == "__call__":
        return multilinear(ufunc)(*inputs, **options)
    options = {name: _unmasked(value) for name, value in _with_known_where(options).items()}
    call = getattr(ufunc, method)
    array, rest = inputs[0], inputs[1:]
    data, mask = plain(array), np.ma.getmaskarray(array)
    if method == "outer":
        masks = np.logical_or.outer(mask, np.ma.getmaskarray(inputs[1]))
        return masked(call(data, plain(inputs[1]), **options), masks)
    if method not in ("reduce", "accumulate", "reduceat"):
        return call(data, *map(_unmasked, rest), **options)
    how = {name: value for name, value in options.items() if name in ("axis", "keepdims")}
    neutral = _neutral(ufunc, data.dtype)
    every = data if neutral is None else np.where(mask, neutral, data)
    # without such a number masked pixels make the result unknown
    unknown: np.ufunc = np.logical_or if neutral is None else np.logical_and
    # the axis, and before it where parts begin
    places = rest[: 2 if method == "reduceat" else 1]
    nothing = getattr(unknown, method)(mask, *places, **how)
    if options.get("where", True) is not True:
        asked = np.broadcast_to(options["where"], data.shape)
        of_asked = mask & asked if neutral is None else asked & ~mask
        some = np.logical_or.reduce(of_asked, *places, **how)
        nothing = some if neutral is None else np.logical_or.reduce(asked, *places, **how) & ~some
    found = call(every, *rest, **options)
    if not np.ndim(found):
        return np.ma.masked if nothing else found
    return masked(found, mask if method == "accumulate" and neutral is not None else nothing)


def _with_known_where(options: dict[str, Any]) -> dict[str, Any]:
    """Return options that choose no pixels of which it is not known whether they are meant."""
    where = options.get("where")
    return {**options, "where": where.filled(False)} if np.ma.isMA(where) else options


def left_out(where: Any) -> Any:
    """Return which pixels a condition does not choose."""
    return ~np.ma.filled(where, False)


def warn_of_dropped(function: Any, stacklevel: int = 4) -> None:
    """Warn of a function that returns plain arrays where some pixels were masked."""
    warnings.warn(
        f"{function.__module__}.{function.__name__} drops the mask: what it returns "
        "for masked pixels is made of what lies beneath (NaN of floats). Mask the result, as "
        "np.ma.masked_where(np.ma.getmaskarray(x), result), or give it x.filled(...)",
        stacklevel=stacklevel,
    )


def _neutral(ufunc: Any, dtype: np.dtype[Any]) -> Any:
    """Return what changes no result, in the type of the array; None if there is nothing such."""
    if ufunc in (np.minimum, np.fmin, np.maximum, np.fmax):
        small = ufunc in (np.maximum, np.fmax)
        if dtype.kind == "b":
            return dtype.type(not small)
        if dtype.kind == "f":
            return dtype.type(-np.inf if small else np.inf)
        if dtype.kind not in "iu":
            return None
        limits = np.iinfo(dtype)
        return dtype.type(limits.min if small else limits.max)
    if ufunc.identity is None or dtype.kind not in "biufc":
        return None
    # that of bitwise_and is -1
    return np.asarray(ufunc.identity).astype(dtype)[()]
