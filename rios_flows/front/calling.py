"""A function of arrays, called for a block as the engine calls a user function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rios_flows import rioserrors
from rios_flows.front.arrays import Handing
from rios_flows.front.masked import MaskedBlock
from rios_flows.front.missing import nan_as_nodata, warn_of_lost_mask

if TYPE_CHECKING:
    from rios_flows.controls.associations import BlockAssociations
    from rios_flows.front.binding import Bound
    from rios_flows.runs.blockinfo import ReaderInfo

_HINT = (
    "Integers come as floats, so that differences do not wrap; dtype=None gives the types of the "
    "files, dtype={'name': None} that of one"
)


@dataclass(frozen=True)
class Calling:
    """Calls a function of arrays as ``f(info, inputs, outputs, otherArgs)``; it pickles.

    Attributes
    ----------
    func : callable
        The user's function; under this name messages find what to call it.
    """

    func: Callable[..., Any]
    bound: Bound
    handing: Handing
    # of each output by name: how many files it has, None for a single one
    outputs: Mapping[str, int | None]
    # of each output by name, as given
    nodata: Mapping[str, Any] = field(default_factory=dict)

    def __call__(
        self,
        info: ReaderInfo,
        inputs: BlockAssociations,
        outputs: BlockAssociations,
        state: Any = None,
    ) -> None:
        """Call the function on one block."""
        bound, array_of = self.bound, self.handing.array_of
        positional = [array_of(info, name, inputs[name]) for name in bound.positional]
        if bound.unpacked is not None:
            positional.extend(array_of(info, bound.unpacked, inputs[bound.unpacked]))
        named = {name: array_of(info, name, inputs[name]) for name in bound.named}
        if bound.takes_info:
            named["info"] = info
        if bound.takes_state:
            named["state"] = state
        try:
            returned = self.func(*positional, **named)
        except (TypeError, IndexError) as error:
            if self.handing.dtypes.for_all == "float":
                error.add_note(_HINT)
            raise
        for name, value in self._by_name(returned).items():
            count = self.outputs[name]
            if count is None:
                given = [*positional, *(named[key] for key in bound.named)]
                warn_of_lost_mask(name, value, given, info.overlap, self.nodata.get(name))
            found = [value] if count is None else _of_files(name, value, count)
            arrays = [self._written(name, each) for each in found]
            outputs[name] = arrays[0] if count is None else arrays

    def _written(self, name: str, value: Any) -> Any:
        """Return an array of one output as the engine takes it: (bands, rows, cols)."""
        if isinstance(value, MaskedBlock):
            value = value.view(np.ma.MaskedArray)
        if self.handing.masked:
            value = nan_as_nodata(value, self.nodata.get(name))
        return value[np.newaxis] if isinstance(value, np.ndarray) and value.ndim == 2 else value

    def _by_name(self, returned: Any) -> Mapping[str, Any]:
        names = list(self.outputs)
        if not names:
            if isinstance(returned, np.ndarray):
                raise rioserrors.KeysMismatch(
                    "the function returned an array, and outputs is None; name a file for it"
                )
            return {}
        if returned is None:
            raise rioserrors.KeysMismatch(
                f"the function returned None; return {_what(names)} in every call"
            )
        if isinstance(returned, Mapping):
            if set(returned) != set(names):
                raise rioserrors.KeysMismatch(
                    f"the function returned a dict with {', '.join(map(repr, returned))}; the "
                    f"outputs are {', '.join(map(repr, names))}"
                )
            return returned
        if len(names) == 1 and (
            self.outputs[names[0]] is not None or not isinstance(returned, tuple)
        ):
            return {names[0]: returned}
        if not isinstance(returned, tuple | list) or len(returned) != len(names):
            raise rioserrors.KeysMismatch(
                f"the function returned {_kind(returned)}; return {_what(names)}"
            )
        return dict(zip(names, returned, strict=True))


def _what(names: list[str]) -> str:
    if len(names) == 1:
        return f"an array for the output '{names[0]}'"
    return f"a tuple of {len(names)} arrays, for {', '.join(names)}, or a dict of them by name"


def _kind(returned: Any) -> str:
    if isinstance(returned, np.ndarray):
        return f"an array of shape {returned.shape}"
    size = f" of {len(returned)}" if isinstance(returned, tuple | list) else ""
    return f"a {type(returned).__name__}{size}"


def _of_files(name: str, value: Any, count: int) -> Any:
    """Return the arrays of an output that has several files."""
    if isinstance(value, np.ndarray) and value.ndim == 2:
        value = [value]
    if not isinstance(value, list | tuple | np.ndarray) or len(value) != count:
        raise rioserrors.KeysMismatch(
            f"the function returned {_kind(value)} for the output '{name}', which has {count} "
            "files; return a list of as many arrays"
        )
    return value
