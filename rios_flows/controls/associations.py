"""Files and arrays under the names that the user function knows them by."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rios_flows.basics.types import Key
from rios_flows.rioserrors import ParameterError

__all__ = ["BlockAssociations", "FilenameAssocIterator", "FilenameAssociations", "OtherInputs"]

#: What has no place in a file name here: a null, and halves of pairs of UTF-16.
_NEVER_IN_A_NAME = re.compile("[\0\ud800-\udfff]")

#: ``list | tuple`` would be made anew each time.
_LISTS = (list, tuple)


class FilenameAssociations:
    """Files by symbolic name: each attribute is a file name, or a list of them.

    A ``pathlib.Path`` does as well as a string, and a tuple as well as a list. A name whose entry
    is None has no file, and is passed over. Iteration gives ``(name, number, filename)`` in the
    order in which the attributes were made, with number None where the name has no list.
    ``files[name]`` gives all of a name, ``files[name, number]`` one of its list.

    Examples
    --------
    >>> infiles = FilenameAssociations()
    >>> infiles.dem = "dem.tif"
    >>> infiles.dates = ["may.tif", "june.tif"]
    >>> list(infiles)
    [('dem', None, 'dem.tif'), ('dates', 0, 'may.tif'), ('dates', 1, 'june.tif')]
    """

    if TYPE_CHECKING:
        # any attribute may be set and read

        def __getattr__(self, name: str) -> Any: ...

        def __setattr__(self, name: str, value: Any) -> None: ...

    def __iter__(self) -> FilenameAssocIterator:
        return FilenameAssocIterator(self)

    def __len__(self) -> int:
        entries = (entry for entry in vars(self).values() if entry is not None)
        return sum(len(entry) if isinstance(entry, _LISTS) else 1 for entry in entries)

    def __contains__(self, key: object) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    def __getitem__(self, key: Any) -> Any:
        name, number = _split(key)
        entries = vars(self)
        if entries.get(name) is None:
            raise KeyError(key)
        entry = _normalised(name, entries[name])
        if number is None:
            return entry
        if isinstance(entry, str):
            raise KeyError(key)
        return _item(entry, number, key)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({vars(self)!r})"


class FilenameAssocIterator:
    """Goes through the files of a FilenameAssociations, as they were when it was made.

    Parameters
    ----------
    infiles : FilenameAssociations
        The files.

    Raises
    ------
    ParameterError
        If an attribute is neither a file name nor a list of them.
    """

    def __init__(self, infiles: FilenameAssociations) -> None:
        self._files = _files(infiles)
        self._next = 0

    def __iter__(self) -> Iterator[tuple[str, int | None, str]]:
        return self

    def __next__(self) -> tuple[str, int | None, str]:
        if self._next >= len(self._files):
            raise StopIteration
        self._next += 1
        return self._files[self._next - 1]


class BlockAssociations:
    """The arrays of one block by symbolic name: each attribute is an array, or a list of them.

    Parameters
    ----------
    fnameAssoc : FilenameAssociations, optional
        Gives the names, and the lengths of lists; every array is None at first, and stays so where
        the name has no file. Without it there is no name yet.
    """

    if TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None: ...

    def __getattr__(self, name: str) -> Any:
        # asked only for what is not in the dictionary
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}; there are "
            f"{', '.join(self.__dict__) or 'none'}"
        )

    def __init__(self, fnameAssoc: FilenameAssociations | None = None) -> None:
        # by the shortest way, since several are made for every block
        if fnameAssoc is not None:
            for name, entry in fnameAssoc.__dict__.items():
                self.__dict__[name] = [None] * len(entry) if isinstance(entry, _LISTS) else None

    def __len__(self) -> int:
        entries = self.__dict__.values()
        return sum(
            sum(array is not None for array in entry) if isinstance(entry, list) else 1
            for entry in entries
            if entry is not None
        )

    def __getitem__(self, key: Any) -> Any:
        # by the shortest way here, too
        name, number = key if type(key) is tuple and len(key) == 2 else _split(key)
        try:
            entry = self.__dict__[name]
        except KeyError:
            raise KeyError(key) from None
        if number is None:
            return entry
        if not isinstance(entry, _LISTS):
            raise KeyError(key)
        return _item(entry, number, key)

    def __setitem__(self, key: Any, array: Any) -> None:
        # by the shortest way here, too
        name, number = key if type(key) is tuple and len(key) == 2 else _split(key)
        if number is None:
            self.__dict__[name] = array
            return
        entry = self.__dict__.get(name)
        if not isinstance(entry, list) or not -len(entry) <= number < len(entry):
            raise KeyError(key)
        entry[number] = array

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(vars(self))})"


class OtherInputs:
    """Whatever else the user function needs, and keeps from block to block.

    Each of several compute workers has a copy, which it may change; ``apply`` returns all of them
    as ``otherArgsList``.
    """

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

        def __setattr__(self, name: str, value: Any) -> None: ...

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={_shortly(value)}" for name, value in vars(self).items())
        return f"{type(self).__name__}({told})"


def _shortly(value: Any) -> str:
    """Show a value in one line: of an array its shape and type."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape and dtype is not None:
        return f"<{type(value).__name__} {shape} {dtype}>"
    # nobody else needs it
    import reprlib

    return reprlib.repr(value)


def snapshot(associations: FilenameAssociations) -> FilenameAssociations:
    """Copy the names and files as they are now, as plain strings and lists of them."""
    copy = FilenameAssociations()
    for name, entry in vars(associations).items():
        # the user function may ask whether there is such an input
        setattr(copy, name, None if entry is None else _normalised(name, entry))
    return copy


def readable_files(associations: FilenameAssociations) -> dict[str, str | list[str]]:
    """Return the file or files of each name that has any; plain values that JSON takes."""
    return {name: entry for name, entry in vars(snapshot(associations)).items() if entry}


def _split(key: Any) -> Key:
    """Take apart what may be a name, or a name and a number."""
    if type(key) is tuple:
        if len(key) != 2:
            raise KeyError(key)
        return key
    if not isinstance(key, str):
        raise KeyError(key)
    return key, None


def _item(entry: list[Any] | tuple[Any, ...], number: int, key: Any) -> Any:
    try:
        return entry[number]
    except (IndexError, TypeError):
        raise KeyError(key) from None


def _files(associations: FilenameAssociations) -> list[tuple[str, int | None, str]]:
    files: list[tuple[str, int | None, str]] = []
    for name, stored in vars(associations).items():
        if stored is None:
            continue
        entry = _normalised(name, stored)
        if isinstance(entry, str):
            files.append((name, None, entry))
        else:
            files.extend((name, number, file) for number, file in enumerate(entry))
    return files


def _normalised(name: str, entry: object) -> str | list[str]:
    if isinstance(entry, _LISTS):
        return [_file(f"{name}[{number}]", item) for number, item in enumerate(entry)]
    return _file(name, entry)


def _file(label: str, entry: object) -> str:
    path = os.fspath(entry) if isinstance(entry, os.PathLike) else entry
    if not isinstance(path, str) or not path:
        raise ParameterError(
            f"Invalid entry for name '{label}': {_shortly(entry)} is not a file name; give a "
            "string, a pathlib.Path, or a list of them"
        )
    if _NEVER_IN_A_NAME.search(path):
        raise ParameterError(
            f"Invalid entry for name '{label}': {path!r} holds a character that no file name can "
            "have here; give a name in UTF-8"
        )
    return path
