"""Masked arrays that keep their mask in functions of numpy which would drop it in silence."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

#: Ways of padding that repeat pixels, and so whether these are masked.
_REPEATING = ("edge", "reflect", "symmetric", "wrap")

_OPERATORS = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")


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


def _with_python_numbers(name: str) -> Callable[[Any, Any], Any]:
    operator = getattr(np.ma.MaskedArray, name)

    def operate(self: Any, other: Any) -> Any:
        if self.dtype.kind == "f" and type(other) in (int, float):
            other = self.dtype.type(other)
        return operator(self, other)

    operate.__name__ = name
    return operate


for _each in _OPERATORS:
    for _name in (f"__{_each}__", f"__r{_each}__"):
        setattr(MaskedBlock, _name, _with_python_numbers(_name))


def _as_block(array: Any) -> Any:
    """Return what numpy.ma returned as an array that keeps its mask, too."""
    return array.view(MaskedBlock) if isinstance(array, np.ma.MaskedArray) else array


def _by_masked(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **options: _as_block(function(*arguments, **options))


def _pad(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    data = np.pad(np.ma.getdata(array).view(np.ndarray), pad_width, mode, **options)
    # what is put around is given, or made of what is there: it is no pixel without data
    how = {"mode": mode, **options} if mode in _REPEATING else {"mode": "constant"}
    mask = np.pad(np.ma.getmaskarray(array), pad_width, **how)
    return MaskedBlock(data, mask=mask)


def _digitize(x: Any, bins: Any, right: bool = False) -> Any:
    numbers = np.digitize(np.ma.getdata(x).view(np.ndarray), np.ma.getdata(bins), right)
    return MaskedBlock(numbers, mask=np.ma.getmaskarray(x))


def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Choose by conditions; unknown is what the first of them that is not False leaves open."""
    result: Any = default
    where: Any = np.ma.where
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        result = where(condition, choice, result)
    return _as_block(result)


def _ignoring_nan(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that leaves masked pixels out by way of NaN."""

    def call(array: Any, *arguments: Any, **options: Any) -> Any:
        numbers = np.ma.filled(np.ma.asarray(array).astype(np.float64), np.nan).view(np.ndarray)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "All-NaN slice")
            found = function(numbers, *arguments, **options)
        return MaskedBlock(found, mask=np.isnan(found)) if np.ndim(found) else found

    return call


_KEEPING: dict[Any, Callable[..., Any]] = {
    np.where: _by_masked(np.ma.where),
    np.concatenate: _by_masked(np.ma.concatenate),
    np.stack: _by_masked(np.ma.stack),
    np.vstack: _by_masked(np.ma.vstack),
    np.hstack: _by_masked(np.ma.hstack),
    np.dstack: _by_masked(np.ma.dstack),
    np.median: _by_masked(np.ma.median),
    np.percentile: _ignoring_nan(np.nanpercentile),
    np.quantile: _ignoring_nan(np.nanquantile),
    np.pad: _pad,
    np.digitize: _digitize,
    np.select: _select,
}


def warn_of_lost_mask(
    name: str, value: Any, inputs: Sequence[Any], margin: int, nodata: float | None
) -> None:
    """Warn, once for an output, of plain values at pixels where no input has any data."""
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
        return
    masks = [np.ma.getmask(each) for each in inputs if isinstance(each, np.ma.MaskedArray)]
    if not masks or not all(mask.any() for mask in masks):
        return
    shape = value.shape[-2:]
    nothing = np.ones(shape, bool)
    for mask in masks:
        if mask.shape[-2:] != shape:
            return
        nothing &= mask.reshape(-1, *shape).all(axis=0)
    # numpy has no slice that leaves out nothing at the end
    rows, cols = (slice(margin, length - margin) for length in shape)
    found = value[..., rows, cols][..., nothing[rows, cols]]
    given = found[found == found] if found.dtype.kind in "fc" else found
    if nodata is not None:
        given = given[given != nodata]
    if given.size:
        warnings.warn(
            f"output '{name}': the function gives values, such as {given.flat[0]}, to pixels where "
            "no input has data: it lost the mask of its inputs. If that is not meant, return a "
            "masked array, as np.ma.masked_where(np.ma.getmaskarray(x), result) makes one",
            stacklevel=2,
        )


def nodata_by_output(nodata: Any, names: Sequence[str]) -> Mapping[str, Any]:
    """Return what is given for each output."""
    if isinstance(nodata, Mapping):
        return {name: nodata.get(name, nodata.get(None)) for name in names}
    return dict.fromkeys(names, nodata)
