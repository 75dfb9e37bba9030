"""Where the blocks of a TIFF file lie, read off the file itself: no pixel is decoded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Tags of a directory that tell of its blocks.
_KIND, _WIDTH, _HEIGHT, _SAMPLES, _ROWS, _PLANAR = 254, 256, 257, 277, 278, 284
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_OFFSETS, _SIZES = (324, 273), (325, 279)

#: Types of whole numbers, by their number in a file.
_TYPES = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}

_SEPARATE = 2
_REDUCED, _MASK = 1, 4


class TiffDirectory(NamedTuple):
    """One image of a TIFF file.

    Attributes
    ----------
    overview, mask : bool
        Whether it is an overview, or a mask.
    blocks : int
        How many blocks an image of its size has.
    offsets, sizes : ndarray of uint64
        Where each block lies, and how long it is (bytes); 0 and 0 for one that is not there.
    """

    overview: bool
    mask: bool
    blocks: int
    offsets: NDArray[np.uint64]
    sizes: NDArray[np.uint64]

    def check(self, length: int, sparse: bool) -> None:
        """Raise OSError if a block is missing.

        Parameters
        ----------
        length : int
            Size of the file (bytes).
        sparse : bool
            Blocks may be left out.
        """
        if self.blocks != self.offsets.size or self.blocks != self.sizes.size:
            raise OSError(f"{self.offsets.size} of {self.blocks} blocks are listed")
        left_out = (self.offsets == 0) & (self.sizes == 0)
        if left_out.any() and not sparse:
            raise OSError(f"{left_out.sum()} of {self.blocks} blocks are not there")
        wrong = (self.offsets + self.sizes > length) | ((self.sizes == 0) & ~left_out)
        if wrong.any():
            raise OSError(f"{wrong.sum()} of {self.blocks} blocks lie beyond the end of the file")


class _File:
    """A TIFF file that is open."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self.length = os.fstat(handle).st_size
        header = os.pread(handle, 16, 0)
        self._order = ">" if header[:2] == b"MM" else "<"
        self._big = header[2:4] in (b"\x2b\0", b"\0\x2b")
        if header[:2] not in (b"II", b"MM"):
            raise OSError("it does not begin as a TIFF file does")
        self._word = "u8" if self._big else "u4"
        self.first = int(self._read(8 if self._big else 4, self._word, 1)[0])
        value = "V8" if self._big else "V4"
        names = [("tag", "u2"), ("type", "u2"), ("count", self._word), ("value", value)]
        self._entry = np.dtype([(name, self._typed(kind)) for name, kind in names])

    def directory(self, place: int) -> tuple[TiffDirectory, int]:
        """Return a directory, and where the next one is, or 0."""
        counted = "u8" if self._big else "u2"
        number = int(self._read(place, counted, 1)[0])
        start = place + np.dtype(counted).itemsize
        entries = self._read(start, self._entry, number)
        tags = {int(entry["tag"]): (index, entry) for index, entry in enumerate(entries)}

        def values(*names: int, default: int = 0) -> NDArray[np.uint64]:
            for name in names:
                if name in tags:
                    return self._values(start, *tags[name])
            return np.array([default], "u8")

        def value(name: int, default: int = 0) -> int:
            return int(values(name, default=default)[0])

        width, height = value(_WIDTH), value(_HEIGHT)
        across = -(-width // max(1, value(_TILE_WIDTH, width)))
        rows = max(1, value(_TILE_HEIGHT, min(height, value(_ROWS, height))))
        planes = value(_SAMPLES, 1) if value(_PLANAR) == _SEPARATE else 1
        kind = value(_KIND)
        found = TiffDirectory(
            bool(kind & _REDUCED),
            bool(kind & _MASK),
            across * -(-height // rows) * planes,
            values(*_OFFSETS),
            values(*_SIZES),
        )
        return found, int(self._read(start + entries.nbytes, self._word, 1)[0])

    def _values(self, start: int, index: int, entry: Any) -> NDArray[np.uint64]:
        kind = self._typed(_TYPES[int(entry["type"])])
        count = int(entry["count"])
        if count * kind.itemsize <= entry["value"].nbytes:
            return np.frombuffer(entry["value"].tobytes(), kind, count).astype("u8")
        place = np.frombuffer(entry["value"].tobytes(), self._typed(self._word), 1)
        return self._read(int(place[0]), kind, count).astype("u8")

    def _typed(self, kind: str) -> np.dtype[Any]:
        return np.dtype(kind).newbyteorder(self._order)  # type: ignore[arg-type]

    def _read(self, place: int, kind: str | np.dtype[Any], count: int) -> NDArray[Any]:
        dtype = self._typed(kind) if isinstance(kind, str) else kind
        size = count * dtype.itemsize
        found = os.pread(self._handle, size, place) if size <= self.length else b""
        if len(found) < size:
            raise OSError("it ends in the middle of a directory")
        return np.frombuffer(found, dtype)


def tiff_directories(path: str) -> Iterator[tuple[TiffDirectory, int]]:
    """Return every image of a TIFF file, and the size of the file (bytes).

    Raises
    ------
    OSError
        If it cannot be read, or is not whole.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        file = _File(handle)
        place, seen = file.first, set[int]()
        while place:
            if place in seen:
                raise OSError("its directories go round in a circle")
            seen.add(place)
            found, place = file.directory(place)
            yield found, file.length
    finally:
        os.close(handle)


def check_tiff(path: str, sparse: bool) -> int:
    """Look whether all blocks of a TIFF file are in it; return how many overviews it has.

    Parameters
    ----------
    path : str
        The file.
    sparse : bool
        Blocks of the raster may be left out; those of overviews always may.

    Raises
    ------
    OSError
        If a part of it is missing.
    """
    overviews = 0
    for found, length in tiff_directories(path):
        found.check(length, sparse or found.overview)
        overviews += found.overview and not found.mask
    return overviews
