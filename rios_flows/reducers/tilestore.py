"""Keeps objects in memory, and in a scratch file when they become too many."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Hashable
from typing import IO, Any

#: How much is kept in memory (bytes).
MEMORY_LIMIT = 32 << 20


class TileStore:
    """Keeps objects under keys: in memory up to a limit (bytes), then in a scratch file.

    The file has no name: it is gone when the store is closed or the process ends.
    """

    def __init__(self, directory: str | None = None, memory_limit: int = MEMORY_LIMIT) -> None:
        self._directory = directory
        self._room = memory_limit
        self._items: dict[Hashable, Any] = {}
        self._places: dict[Hashable, tuple[int, int]] = {}
        self._file: IO[bytes] | None = None
        self._end = 0

    def put(self, key: Hashable, item: Any, nbytes: int) -> None:
        """Keep an object of about ``nbytes`` bytes; it must pickle if it goes to the file."""
        if key in self._items or nbytes <= self._room:
            if key not in self._items:
                self._room -= nbytes
            self._places.pop(key, None)
            self._items[key] = item
            return
        if self._file is None:
            # closed by close(), much later
            self._file = tempfile.TemporaryFile(  # noqa: SIM115
                prefix="rios_overviews_", dir=self._directory
            )
        data = pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
        self._file.seek(self._end)
        self._file.write(data)
        self._places[key] = self._end, len(data)
        self._end += len(data)

    def get(self, key: Hashable) -> Any:
        """Return the object kept under ``key``."""
        if key in self._items:
            return self._items[key]
        place, size = self._places[key]
        assert self._file is not None
        self._file.seek(place)
        return pickle.loads(self._file.read(size))

    def close(self) -> None:
        """Forget everything."""
        self._items.clear()
        self._places.clear()
        if self._file is not None:
            self._file.close()
            self._file = None
