"""The blocks of one column, kept in a file until all are there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.files.cells import typed
from rios_flows.gdal.fulldisk import with_hint
from rios_flows.gdal.tabletypes import ColumnType


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
        self._blocks: list[tuple[np.dtype[Any], int]] = []

    @property
    def width(self) -> int:
        """Bytes of the longest text, or of any number."""
        return max((dtype.itemsize for dtype, _ in self._blocks), default=0)

    def add(self, cells: NDArray[Any]) -> None:
        """Add a block; raise if it does not go with those before."""
        kind, kept = typed(cells)
        if not cells.size and cells.dtype.kind == "f":
            # an empty list has no type of its own
            kind = self.type
        if self._blocks and kind is not self.type:
            if max(kind, self.type) > ColumnType.Real:
                raise rioserrors.AttributeTableTypeError(
                    f"it is {kind.name} now, and was {self.type.name} in the blocks before"
                )
            self.move()
        self.type = max(kind, self.type)
        values = np.ascontiguousarray(kept, np.bytes_ if isinstance(kept, list) else None)
        self._blocks.append((values.dtype, len(values)))
        try:
            put(self.storage, values)
        except OSError as error:
            where = (
                f"a temporary file in '{tempfile.gettempdir()}'" if self.is_apart else "its file"
            )
            raise rioserrors.ImageWriteError(
                f"{values.nbytes} bytes cannot be kept in {where}: {with_hint(error)}"
            ) from error

    def move(self) -> None:
        """Go on in a temporary file."""
        if self.is_apart:
            return
        apart = temporary()
        for cells in self.blocks():
            put(apart, cells)
        self.storage.close()
        self.storage, self.is_apart = apart, True

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Give all blocks, from the first one on."""
        self.storage.seek(0)
        for dtype, length in self._blocks:
            cells = np.empty(length, dtype)
            self._fill(cells)
            yield cells

    def _fill(self, cells: NDArray[Any]) -> None:
        rest = _bytes_of(cells)
        while rest:
            read = self.storage.readinto(rest)
            if not read:
                raise OSError("a temporary file has lost its end")
            rest = rest[read:]

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
