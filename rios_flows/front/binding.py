"""Which arrays go to which parameters of a function, and which files they come from."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from rios_flows.basics.naming import name_of
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.spelling import question
from rios_flows.inputs.held import is_held
from rios_flows.rioserrors import ParameterError

if TYPE_CHECKING:
    from rios_flows.inputs.raster import Raster


class LabelledArray(Protocol):
    """What is asked of a DataArray of xarray."""

    @property
    def dims(self) -> Any:
        """The names of its dimensions."""

    @property
    def coords(self) -> Any:
        """Its coordinates, with its CRS."""


class OpenDataset(Protocol):
    """What is asked of a dataset that rasterio has open; rasterio itself has no types."""

    @property
    def transform(self) -> Any:
        """Columns and rows to coordinates."""

    @property
    def descriptions(self) -> Any:
        """What its bands are called."""


class CatalogueAsset(Protocol):
    """What is asked of an asset of pystac."""

    href: str


class CatalogueItem(Protocol):
    """What is asked of an item of pystac."""

    assets: Any


AnyPath = str | os.PathLike[str]
AnyInput: TypeAlias = (
    "AnyPath | Raster | OpenDataset | LabelledArray | CatalogueAsset | CatalogueItem"
)
Inputs: TypeAlias = (
    "Mapping[str, AnyInput | Sequence[AnyInput] | None] | AnyInput | Sequence[AnyInput]"
)
Outputs = Mapping[str, "AnyPath | Sequence[AnyPath]"] | AnyPath | None

#: Parameters that get no array: where the block lies, and what is kept from block to block.
INFO, STATE = "info", "state"

_POSITIONAL = inspect.Parameter.POSITIONAL_ONLY
_MANY = inspect.Parameter.VAR_POSITIONAL
_NAMED = inspect.Parameter.KEYWORD_ONLY
_REST = inspect.Parameter.VAR_KEYWORD


@dataclass(frozen=True, slots=True)
class Bound:
    """How a function is called: the names of its arrays, and how they are handed over."""

    positional: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    # one name whose arrays are handed over one by one
    unpacked: str | None = None
    takes_info: bool = False
    takes_state: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The symbolic names of all inputs."""
        many = () if self.unpacked is None else (self.unpacked,)
        return self.positional + many + self.named


class _Signature:
    """The parameters of a function that may take arrays."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = name_of(function)
        try:
            known = inspect.signature(function).parameters
        except (TypeError, ValueError):
            # some functions in C do not tell
            known = inspect.signature(lambda *arrays: None).parameters
        self.special = {name for name in (INFO, STATE) if name in known}
        kinds = {name: each.kind for name, each in known.items() if name not in self.special}
        self.arrays = [name for name, kind in kinds.items() if kind not in (_MANY, _REST)]
        self.required = [name for name in self.arrays if known[name].default is known[name].empty]
        self.many = next((name for name, kind in kinds.items() if kind == _MANY), None)
        self.takes_all = _REST in kinds.values()
        self.only_named = [name for name in self.required if kinds[name] == _NAMED]
        self._positional = [name for name, kind in kinds.items() if kind == _POSITIONAL]

    def bound(self, names: Sequence[str], unpacked: str | None = None) -> Bound:
        """Return how to call it with these inputs."""
        positional = tuple(name for name in self._positional if name in names)
        named = tuple(name for name in names if name not in (*positional, unpacked))
        return Bound(positional, named, unpacked, INFO in self.special, STATE in self.special)

    def told(self) -> str:
        """Say what it takes."""
        return ", ".join(self.arrays) or "no array"


def bind(function: Callable[..., Any], inputs: Inputs) -> tuple[Bound, FilenameAssociations]:
    """Find a parameter for every input, or refuse; return the inputs' files by symbolic name."""
    if not callable(function):
        raise ParameterError(
            f"function is a {type(function).__name__}; a function of arrays is needed"
        )
    signature = _Signature(function)
    if isinstance(inputs, Mapping):
        return _by_name(signature, inputs)
    if isinstance(inputs, str | os.PathLike) or is_held(inputs):
        return _in_order(signature, [inputs], single=True)
    if isinstance(inputs, Sequence) and not isinstance(inputs, bytes | bytearray | memoryview):
        return _in_order(signature, inputs, single=False)
    raise ParameterError(
        f"inputs is a {type(inputs).__name__}; a dict of files by parameter, a file or a list of "
        "them is needed; an array must tell where it lies, as rios_flows.Raster does"
    )


def _by_name(
    signature: _Signature, inputs: Mapping[str, Any]
) -> tuple[Bound, FilenameAssociations]:
    for name in inputs:
        if name in (INFO, STATE):
            raise ParameterError(
                f"inputs: '{name}' is the name of what is no array; call the input otherwise"
            )
        if name not in signature.arrays and not signature.takes_all:
            raise ParameterError(
                f"inputs: '{name}' is no parameter of {signature.name}, which takes "
                f"{signature.told()}{question(str(name), signature.arrays)}"
            )
    missing = [name for name in signature.required if name not in inputs]
    if missing:
        raise ParameterError(
            f"inputs has no {', '.join(map(repr, missing))}, which {signature.name} takes; it has "
            f"{', '.join(map(repr, inputs)) or 'nothing'}"
        )
    return signature.bound(list(inputs)), _files(inputs)


def _in_order(
    signature: _Signature, files: Sequence[Any], single: bool
) -> tuple[Bound, FilenameAssociations]:
    wanted = signature.required or signature.arrays[:1]
    if signature.many is not None and not signature.required:
        return signature.bound([signature.many], signature.many), _files(
            {signature.many: list(files)}
        )
    if signature.many is not None and not single and len(files) >= len(wanted):
        return _one_by_one(signature, wanted, signature.many, files)
    if len(wanted) == 1:
        return signature.bound(wanted), _files({wanted[0]: files[0] if single else list(files)})
    if len(wanted) != len(files):
        raise ParameterError(
            f"inputs: {signature.name} takes {signature.told()}, and there "
            f"{'is 1 file' if len(files) == 1 else f'are {len(files)} files'}; give a file for "
            "each parameter, or a dict that says which is which"
        )
    return signature.bound(wanted), _files(dict(zip(wanted, files, strict=True)))


def _one_by_one(
    signature: _Signature, first: Sequence[str], many: str, files: Sequence[Any]
) -> tuple[Bound, FilenameAssociations]:
    """Hand over a file for each parameter, and the others one by one after them."""
    if signature.only_named:
        raise ParameterError(
            f"inputs: {signature.name} takes {', '.join(signature.only_named)} by name only; give "
            "a dict that says which file is which"
        )
    taken, rest = dict(zip(first, files, strict=False)), list(files[len(first) :])
    bound = signature.bound([many], many) if rest else signature.bound([])
    return replace(bound, positional=tuple(first)), _files(
        {**taken, **({many: rest} if rest else {})}
    )


def outputs_of(outputs: Outputs) -> FilenameAssociations:
    """Return the outputs' files by symbolic name; a single one is called as its file."""
    if outputs is None:
        return FilenameAssociations()
    if isinstance(outputs, str | os.PathLike):
        stem = PurePath(os.fspath(outputs)).name.partition(".")[0]
        return _files({stem or "output": outputs})
    if isinstance(outputs, Mapping):
        return _files(outputs)
    raise ParameterError(
        f"outputs is a {type(outputs).__name__}; a file, a dict of files by name or None is needed"
    )


def _files(entries: Mapping[Any, Any]) -> FilenameAssociations:
    for name in entries:
        if not isinstance(name, str) or not name:
            raise ParameterError(f"{name!r} is no name for an input or output; give a string")
    files = FilenameAssociations()
    vars(files).update(entries)
    return files
