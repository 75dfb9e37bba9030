"""Arrays of dask as inputs: a chunk that several windows touch is computed once, if memory allows.

Windows come row by row. So what is kept is, for most arrays, a row of chunks.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Bytes of chunks that are kept of one array; the last one is kept whatever it has.
LIMIT = 128 * 2**20

#: Which chunk: its place along every axis.
_Index = tuple[int, ...]
_Chunk = NDArray[Any]


def by_chunks(array: Any, masks: bool = False) -> Any:
    """Return an array that keeps the last chunks if it is one of dask; others as they are."""
    lazy = hasattr(array, "__dask_graph__") and getattr(array, "chunks", None)
    return ByChunks(array, masks) if lazy else array


def has_masks(array: Any) -> bool:
    """Return whether chunks of dask are masked arrays, by its own account."""
    return isinstance(getattr(array, "_meta", None), np.ma.MaskedArray)


class ByChunks:
    """An array of dask, sliced to arrays of numpy; for use by several threads.

    With ``masks`` they are masked arrays; else chunks with masked pixels are refused.
    """

    def __init__(self, array: Any, masks: bool = False) -> None:
        self._array, self._masks = array, masks
        self.shape, self.dtype = array.shape, array.dtype
        # where the chunks of each axis begin, and where the last one ends
        self._edges = [np.concatenate(([0], np.cumsum(sizes))).tolist() for sizes in array.chunks]
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        # the one used last stands last
        self._kept: dict[_Index, Future[_Chunk]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"array": self._array, "masks": self._masks}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __getitem__(self, key: Sequence[Any]) -> _Chunk:
        """Return pixels; a key has a number or a slice of whole steps for every axis."""
        parts = [each if isinstance(each, slice) else slice(each, each + 1) for each in key]
        touched = [_touched(edges, part) for edges, part in zip(self._edges, parts, strict=True)]
        chunks = self._chunks(itertools.product(*touched))
        # who asks sees what the pixels are, should that not be what was promised
        dtype = np.result_type(self.dtype, *{chunk.dtype for chunk in chunks.values()})
        made = np.ma.empty if self._masks else np.empty
        found: _Chunk = made([part.stop - part.start for part in parts], dtype)
        for index, chunk in chunks.items():
            here, there = self._places(index, parts)
            found[here] = chunk[there]
        return found[tuple(slice(None) if isinstance(each, slice) else 0 for each in key)]

    def _places(
        self, index: _Index, parts: Sequence[slice]
    ) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Return where a chunk's share is in a window, and in the chunk."""
        here, there = [], []
        for place, edges, part in zip(index, self._edges, parts, strict=True):
            first, last = max(edges[place], part.start), min(edges[place + 1], part.stop)
            here.append(slice(first - part.start, last - part.start))
            there.append(slice(first - edges[place], last - edges[place]))
        return tuple(here), tuple(there)

    def _chunks(self, wanted: Iterable[_Index]) -> dict[_Index, _Chunk]:
        """Return chunks, and compute those that are not here; none is computed by two threads."""
        futures: dict[_Index, Future[_Chunk]] = {}
        mine: list[_Index] = []
        with self._lock:
            for index in wanted:
                future = self._kept.pop(index, None)
                if future is None:
                    future = Future()
                    mine.append(index)
                futures[index] = self._kept[index] = future
        if mine:
            self._compute({index: futures[index] for index in mine})
        found = {index: future.result() for index, future in futures.items()}
        with self._lock:
            self._forget()
        return found

    def _compute(self, futures: dict[_Index, Future[_Chunk]]) -> None:
        # all at once, so that dask computes them side by side; it is there, as the array is its own
        compute: Any = sys.modules["dask"].compute
        try:
            computed = compute(*(self._array.blocks[index] for index in futures))
            computed = list(map(self._checked, futures, computed))
        except BaseException as error:
            with self._lock:
                for index in futures:
                    self._kept.pop(index, None)
            for future in futures.values():
                future.set_exception(error)
            raise
        for future, chunk in zip(futures.values(), computed, strict=True):
            future.set_result(chunk)

    def _checked(self, index: _Index, chunk: Any) -> _Chunk:
        """Return a chunk as an array of numpy, or raise OSError if it is not as promised."""
        shape = tuple(
            edges[place + 1] - edges[place] for place, edges in zip(index, self._edges, strict=True)
        )
        if np.shape(chunk) != shape:
            raise OSError(f"chunk {index} of dask has shape {np.shape(chunk)}, and not {shape}")
        if self._masks:
            return np.ma.asarray(chunk)
        if np.ma.is_masked(chunk):
            raise OSError(
                f"chunk {index} of dask has masked pixels, and the array tells of none; give it "
                "dask.array.ma.filled(array, nodata)"
            )
        return np.asarray(chunk)

    def _forget(self) -> None:
        """Drop what was not used for longest, until the rest is small enough."""
        done = [
            (index, future.result().nbytes) for index, future in self._kept.items() if future.done()
        ]
        total = sum(size for _, size in done)
        for index, size in done[:-1]:
            if total <= LIMIT:
                return
            del self._kept[index]
            total -= size


def _touched(edges: Sequence[int], part: slice) -> range:
    """Return which chunks of an axis a window touches."""
    first = int(np.searchsorted(edges, part.start, "right")) - 1
    return range(first, int(np.searchsorted(edges, part.stop, "left")))
