"""The blocks of one column, kept in a file until all are there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rios_flows import rioserrors
from rios_flows.files.cells import typed
from rios_flows.gdal.fulldisk import with_hint
from rios_flows.gdal.tabletypes import ColumnType

#: Stands for text: the length of each, and then all of them.
_TEXT = np.dtype(object)


class Storage(Protocol):
    """A file, or a part of one."""

    def write(self, data: memoryview, /) -> int | None:
        """Write bytes, and return how many there was room for."""

    def seek(self, place: int, /) -> int:
        """Go to a place."""

    def readinto(self, data: memoryview, /) -> int | None:
        """Read bytes, and return how many."""

    def close(self) -> None:
        """Give back what it holds."""


def temporary() -> Storage:
    """Return a temporary file; numpy's own files would be written through a copy."""
    return tempfile.TemporaryFile(buffering=0)


class Written:
    """The blocks of one column."""

    def __init__(self, storage: Storage | None = None) -> None:
        self.type = ColumnType.Integer
        #: Where they are: all of one type, if it is no temporary file.
        self.storage = storage or temporary()
        #: Whether they are in a temporary file.
        self.is_apart = storage is None
        #: Bytes of the longest text.
        self.width = 0
        self._blocks: list[tuple[np.dtype[Any], int]] = []

    def add(self, cells: NDArray[Any]) -> None:
        """Add a block; raise if it does not go with those before."""
        kind, kept = typed(cells)
        if self._blocks and kind is not self.type:
            if max(kind, self.type) > ColumnType.Real:
                raise rioserrors.AttributeTableTypeError(
                    f"it is {kind.name} now, and was {self.type.name} in the blocks before"
                )
            self.move()
        self.type = max(kind, self.type)
        try:
            self._put(kept)
        except OSError as error:
            where = (
                f"a temporary file in '{tempfile.gettempdir()}'" if self.is_apart else "its file"
            )
            size = sum(map(len, kept)) if isinstance(kept, list) else kept.nbytes
            raise rioserrors.ImageWriteError(
                f"{size} bytes cannot be kept in {where}: {with_hint(error)}"
            ) from error

    def _put(self, cells: NDArray[Any] | list[bytes]) -> None:
        if isinstance(cells, list):
            lengths = np.fromiter(map(len, cells), np.int64, len(cells))
            self.width = max(self.width, int(lengths.max(initial=0)))
            put(self.storage, lengths)
            put(self.storage, np.frombuffer(b"".join(cells), np.uint8))
            self._blocks.append((_TEXT, len(cells)))
            return
        values = np.ascontiguousarray(cells)
        put(self.storage, values)
        self._blocks.append((values.dtype, len(values)))

    def move(self) -> None:
        """Go on in a temporary file."""
        if self.is_apart:
            return
        apart = temporary()
        for cells in self.blocks():
            # what is not apart has no text
            put(apart, np.asarray(cells))
        self.storage.close()
        self.storage, self.is_apart = apart, True

    def blocks(self) -> Iterator[NDArray[Any] | list[bytes]]:
        """Give all blocks, from the first one on; text as a list."""
        self.storage.seek(0)
        for dtype, length in self._blocks:
            yield self._texts(length) if dtype == _TEXT else self._filled(length, dtype)

    def _texts(self, number: int) -> list[bytes]:
        ends = self._filled(number, np.int64).cumsum()
        joined = self._filled(int(ends[-1]) if number else 0, np.uint8).tobytes()
        begins = [0, *ends.tolist()]
        return [joined[begin:end] for begin, end in pairwise(begins)]

    def _filled(self, length: int, dtype: DTypeLike) -> NDArray[Any]:
        cells = np.empty(length, dtype)
        rest = _bytes_of(cells)
        while rest:
            read = self.storage.readinto(rest)
            if not read:
                raise OSError("a temporary file has lost its end")
            rest = rest[read:]
        return cells

    def close(self) -> None:
        """Give back what it holds."""
        self.storage.close()


def put(storage: Storage, values: NDArray[Any]) -> None:
    """Write all bytes of an array."""
    rest = _bytes_of(values)
    while rest:
        rest = rest[storage.write(rest) or 0 :]


def _bytes_of(values: NDArray[Any]) -> memoryview:
    # memoryview knows no dates
    raw: Any = values.view(np.uint8) if values.nbytes else b""
    return memoryview(raw)
