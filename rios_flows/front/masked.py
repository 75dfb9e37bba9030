"""Masked arrays that keep their mask in functions of numpy which would drop it in silence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

#: Ways of padding that repeat pixels, and so whether these are masked.
_REPEATING = ("edge", "reflect", "symmetric", "wrap")

_OPERATORS = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


class MaskedBlock(np.ma.MaskedArray[Any, Any]):
    """A masked array whose masked floats may be NaN: these do not count where it is converted.

    ``np.where``, ``np.pad`` and others of numpy's functions keep the mask, and a Python number does
    not make float64 of float32, as with plain arrays: ``numpy.ma`` does neither.
    """

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """Convert it, without numpy's warning of what is masked anyhow."""
        if self.dtype.kind in "fc" and np.dtype(dtype).kind in "iub" and np.ma.is_masked(self):
            filled = type(self)(self.filled(0), mask=np.ma.getmask(self))
            return super(MaskedBlock, filled).astype(dtype, *args, **kwargs)
        return super().astype(dtype, *args, **kwargs)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        """Call a function of numpy, by one that keeps the mask if there is one."""
        keeping = _KEEPING.get(function)
        if keeping is not None:
            return keeping(*arguments, **options)
        return super().__array_function__(function, types, arguments, options)


def _with_python_numbers(name: str, kinds: str = "f") -> Callable[[Any, Any], Any]:
    operator = getattr(np.ma.MaskedArray, name)

    def operate(self: Any, other: Any) -> Any:
        if self.dtype.kind in kinds and _is_number(other, self.dtype):
            other = self.dtype.type(other)
        return operator(self, other)

    operate.__name__ = name
    return operate


def _is_number(value: Any, dtype: np.dtype[Any]) -> bool:
    return type(value) is int or (type(value) is float and dtype.kind == "f")


for _each in _OPERATORS:
    for _name in (f"__{_each}__", f"__r{_each}__"):
        setattr(MaskedBlock, _name, _with_python_numbers(_name))
    # in place, numpy.ma refuses integers of less than 64 bits
    setattr(MaskedBlock, f"__i{_each}__", _with_python_numbers(f"__i{_each}__", "iuf"))
for _each in _COMPARISONS:
    setattr(MaskedBlock, f"__{_each}__", _with_python_numbers(f"__{_each}__"))


def _as_block(array: Any) -> Any:
    """Return what numpy.ma returned as an array that keeps its mask, too."""
    return array.view(MaskedBlock) if isinstance(array, np.ma.MaskedArray) else array


def _joining(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that joins arrays and, apart from them, their masks."""

    def call(arrays: Any, *arguments: Any, **options: Any) -> Any:
        parts = list(arrays)
        data = function([_plain(part) for part in parts], *arguments, **options)
        place = {name: value for name, value in options.items() if name == "axis"}
        masks = [np.ma.getmaskarray(part) for part in parts]
        return MaskedBlock(data, mask=function(masks, *arguments, **place))

    return call


def _plain(array: Any) -> Any:
    return np.asarray(np.ma.getdata(array))


def _where(condition: Any, *choices: Any) -> Any:
    function: Any = np.ma.where
    dtypes = [choice.dtype for choice in choices if hasattr(choice, "dtype")]
    known = np.result_type(*dtypes) if dtypes else None
    if known is not None and known.kind == "f":
        choices = tuple(
            known.type(choice) if _is_number(choice, known) else choice for choice in choices
        )
    return _as_block(function(condition, *choices))


def _median(a: Any, *arguments: Any, **options: Any) -> Any:
    return _as_block(np.ma.median(a, *arguments, **options))  # type: ignore[no-untyped-call]


def _pad(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    data = np.pad(_plain(array), pad_width, mode, **options)
    # what is put around is given, or made of what is there: it is no pixel without data
    how = {"mode": mode, **options} if mode in _REPEATING else {"mode": "constant"}
    mask = np.pad(np.ma.getmaskarray(array), pad_width, **how)
    return MaskedBlock(data, mask=mask)


def _digitize(x: Any, bins: Any, right: bool = False) -> Any:
    numbers = np.digitize(_plain(x), _plain(bins), right)
    return MaskedBlock(numbers, mask=np.ma.getmaskarray(x))


def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Choose by conditions; unknown is what the first of them that is not False leaves open."""
    result: Any = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        result = _where(condition, choice, result)
    return result


def _ignoring_nan(name: str) -> Callable[..., Any]:
    """Return a function that leaves masked pixels out by way of NaN, and sees NaN of others."""
    function = getattr(np, f"nan{name.removeprefix('nan')}")
    # of medians the axis comes first, of others what is asked for
    place = 0 if name.endswith("median") else 1

    def call(a: Any, *arguments: Any, **options: Any) -> Any:
        axis = options.get("axis", arguments[place] if len(arguments) > place else None)
        how = {"axis": axis, "keepdims": options.get("keepdims", False)}
        dtype = a.dtype if a.dtype.kind == "f" else np.dtype(np.float64)
        data, mask = _plain(a).astype(dtype), np.ma.getmaskarray(a)
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
        return MaskedBlock(found, mask=np.broadcast_to(nothing, found.shape))

    return call


_KEEPING: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    **{
        function: _joining(function)
        for function in (np.concatenate, np.stack, np.vstack, np.hstack, np.dstack)
    },
    np.median: _median,
    **{
        getattr(np, name): _ignoring_nan(name)
        for name in ("percentile", "quantile", "nanpercentile", "nanquantile", "nanmedian")
    },
    np.pad: _pad,
    np.digitize: _digitize,
    np.select: _select,
}
