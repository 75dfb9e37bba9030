"""Masked arrays that keep their mask in functions of numpy which would drop it in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from rios_flows.front.keeping import KEEPING, PLAIN, fitting
from rios_flows.front.reducing import left_out, of_ufunc, set_mask, warn_of_dropped, where_asked

_OPERATORS = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_MEANS = ("mean", "std", "var")
_OF_MATRICES = ("numpy.linalg", "numpy.fft")


class MaskedBlock(np.ma.MaskedArray[Any, Any]):
    """A masked array whose masked floats may be NaN: these do not count where it is converted.

    Functions of numpy keep the mask, or a warning says which does not. Types are those of plain
    arrays: a Python number that fits does not change them, nor does a mean. ``numpy.ma`` does
    neither.
    """

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """Convert it, without numpy's warning of what is masked anyhow."""
        if self.dtype.kind in "fc" and np.dtype(dtype).kind in "iub" and np.ma.is_masked(self):
            filled = type(self)(self.filled(0), mask=np.ma.getmask(self))
            return super(MaskedBlock, filled).astype(dtype, *args, **kwargs)
        return super().astype(dtype, *args, **kwargs)

    def round(self, decimals: Any = 0, out: Any = None) -> Any:
        """Round it; the mask is not that of what it was."""
        found = super().round(decimals, out)
        if out is None:
            _unshare(found)
        return found

    def dot(self, b: Any, out: Any = None, strict: bool = False) -> Any:
        """Return products that are masked where a term is; numpy.ma leaves terms out."""
        return np.dot(self, b) if out is None else super().dot(b, out, strict)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        """Call a function of numpy, by one that keeps the mask if there is one."""
        keeping = KEEPING.get(function)
        if keeping is not None:
            return _as_block(keeping(*arguments, **options))
        found = super().__array_function__(function, types, arguments, options)
        # what is made of whole matrices may come back as a masked array without a mask
        whole = function.__module__ in _OF_MATRICES and not _is_masked(found)
        if function not in PLAIN and (whole or _is_plain(found)):
            _warn_of(function, [*arguments, *options.values()])
        return found

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Call an operation of numpy, or reduce with it, heeding the mask."""
        if method != "__call__" or ufunc.signature is not None:
            return _as_block(of_ufunc(ufunc, method, inputs, options))
        if any(type(each) is np.ndarray for each in options.get("out", ())):
            _warn_of(ufunc, [*inputs, options.get("where")])
        if isinstance(options.get("where"), np.ndarray):
            into = bool(options.get("out"))
            found = where_asked(ufunc, inputs, options)
            return found if into else _as_block(found)
        out = options.pop("out", ())
        if not out:
            made = _as_block(ufunc(*map(_as_masked, inputs), **options))
            if ufunc.nin == 1:
                _unshare(made)
            return made
        filling = tuple(map(_as_masked, out))
        ufunc(*map(_as_masked, inputs), out=filling, **options)
        for given, filled in zip(out, filling, strict=True):
            if given is not filled:
                given._mask = filled._mask
        return out[0] if len(out) == 1 else out


def _as_block(found: Any) -> Any:
    """Return what numpy.ma returned as arrays that keep their mask, too."""
    if isinstance(found, tuple | list):
        return type(found)(map(_as_block, found))
    if not isinstance(found, np.ma.MaskedArray) or found is np.ma.masked:
        return found
    return found.view(MaskedBlock)


def _unshare(made: Any) -> None:
    """Give arrays masks of their own: numpy.ma has that of the operand, and changes it in place."""
    for each in made if isinstance(made, tuple) else (made,):
        if type(each) is MaskedBlock and np.ma.getmask(each) is not np.ma.nomask:
            set_mask(each, np.ma.getmask(each).copy())


def _as_masked(given: Any) -> Any:
    return given.view(np.ma.MaskedArray) if type(given) is MaskedBlock else given


def _is_plain(found: Any) -> bool:
    if isinstance(found, tuple | list):
        return any(map(_is_plain, found))
    return type(found) is np.ndarray and found.ndim > 0


def _is_masked(found: Any) -> bool:
    if isinstance(found, tuple | list):
        return any(map(_is_masked, found))
    return found is np.ma.masked or bool(np.ma.is_masked(found))


def _warn_of(function: Any, arguments: Iterable[Any]) -> None:
    """Warn of a function that returns plain arrays, if any pixel was masked."""
    every = (
        each for item in arguments for each in (item if type(item) in (list, tuple) else [item])
    )
    if any(np.ma.is_masked(each) for each in every if isinstance(each, np.ma.MaskedArray)):
        warn_of_dropped(function)


def _with_python_numbers(name: str) -> Callable[[Any, Any], Any]:
    operator = getattr(np.ma.MaskedArray, name)
    in_place = name.startswith("__i")

    def operate(self: Any, other: Any) -> Any:
        if in_place and type(other) is int and self.dtype.kind in "iu":
            # raises OverflowError as numpy does
            return operator(self, self.dtype.type(other))
        # numpy.ma forgets the class where powers have another base
        return _as_block(operator(self, fitting(other, self.dtype)))

    operate.__name__ = name
    return operate


for _each in _OPERATORS:
    for _name in (f"__{_each}__", f"__r{_each}__", f"__i{_each}__"):
        setattr(MaskedBlock, _name, _with_python_numbers(_name))
for _each in _COMPARISONS:
    setattr(MaskedBlock, f"__{_each}__", _with_python_numbers(f"__{_each}__"))


def _in_own_type(name: str) -> Callable[..., Any]:
    """Return a mean that is of floats what it is of plain ones: numpy.ma has float64 if masked."""
    function = getattr(np.ma.MaskedArray, name)

    def call(
        self: Any, axis: Any = None, dtype: Any = None, out: Any = None, *more: Any, **named: Any
    ) -> Any:
        where = named.pop("where", True)
        if where is not True:
            unknown = np.ma.getmaskarray(self) | left_out(where)
            self = MaskedBlock(np.ma.getdata(self), mask=unknown)
        found = function(self, axis, dtype, out, *more, **named)
        if dtype is not None or out is not None or self.dtype.kind != "f" or found is np.ma.masked:
            return found
        return found if found.dtype == self.dtype else found.astype(self.dtype)

    call.__name__ = name
    return call


for _each in _MEANS:
    setattr(MaskedBlock, _each, _in_own_type(_each))


def _of_some(name: str, ufunc: np.ufunc, parameters: Sequence[str]) -> Callable[..., Any]:
    """Return what makes one number of many, of those that ``where`` chooses; not in numpy.ma."""
    function = getattr(np.ma.MaskedArray, name)

    def call(self: Any, axis: Any = None, *more: Any, **named: Any) -> Any:
        if named.keys().isdisjoint(("where", "initial")):
            return function(self, axis, *more, **named)
        named.update(zip(parameters, more, strict=False), axis=axis)
        return _as_block(of_ufunc(ufunc, "reduce", (self,), named))

    call.__name__ = name
    return call


_REDUCING: dict[str, tuple[np.ufunc, tuple[str, ...]]] = {
    "sum": (np.add, ("dtype", "out")),
    "prod": (np.multiply, ("dtype", "out")),
    "max": (np.maximum, ("out",)),
    "min": (np.minimum, ("out",)),
    "any": (np.logical_or, ("out",)),
    "all": (np.logical_and, ("out",)),
}
for _name, (_ufunc, _parameters) in _REDUCING.items():
    setattr(MaskedBlock, _name, _of_some(_name, _ufunc, _parameters))
