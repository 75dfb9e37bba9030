"""What a TIFF file says of its images, read from the file itself: no pixel is decoded."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Tags of a directory.
_KIND, _WIDTH, _HEIGHT, _SAMPLES, _ROWS, _PLANAR = 254, 256, 257, 277, 278, 284
_TILE_WIDTH, _TILE_HEIGHT, _METADATA = 322, 323, 42112
_OFFSETS, _SIZES = (324, 273), (325, 279)

#: Types of values, by their number in a file.
_TYPES = {1: "u1", 2: "u1", 3: "u2", 4: "u4", 16: "u8"}

_SEPARATE = 2
_REDUCED, _MASK = 1, 4

#: Read at once: most directories stand at the beginning (bytes).
_HEAD = 8192


class TiffDirectory(NamedTuple):
    """One image of a TIFF file."""

    overview: bool
    mask: bool
    # bands, rows, columns
    shape: tuple[int, int, int]
    # how many an image of this size has
    blocks: int
    # where each block lies, and how long it is (bytes); 0 and 0 for one that is not there
    offsets: NDArray[np.uint64]
    sizes: NDArray[np.uint64]
    metadata: bytes

    def check(self, length: int, sparse: bool) -> None:
        """Raise OSError if a block is missing from a file of ``length`` bytes."""
        if self.blocks != self.offsets.size or self.blocks != self.sizes.size:
            raise OSError(f"{self.offsets.size} of {self.blocks} blocks are listed")
        if not self.sizes.all():
            left_out = int(((self.offsets == 0) & (self.sizes == 0)).sum())
            if left_out != (self.sizes == 0).sum() or not sparse:
                raise OSError(f"{(self.sizes == 0).sum()} of {self.blocks} blocks are not there")
        ends = self.offsets + self.sizes
        if ends.max() > length:
            wrong = (ends > length).sum()
            raise OSError(f"{wrong} of {self.blocks} blocks lie beyond the end of the file")


class _File:
    """A TIFF file that is open."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self.length = os.fstat(handle).st_size
        self._head = os.pread(handle, _HEAD, 0)
        if self._head[:2] not in (b"II", b"MM"):
            raise OSError("it does not begin as a TIFF file does")
        self._order = "<" if self._head[:1] == b"I" else ">"
        self._big = 43 in self._head[2:4]
        # of a number of entries, an offset, and an entry: tag, type, count and value
        self._counted = "Q" if self._big else "H"
        self._word = "Q" if self._big else "L"
        self._entry = struct.Struct(self._order + ("HHQ8s" if self._big else "HHL4s"))
        self.first = self._number(8 if self._big else 4, self._word)

    def directory(self, place: int) -> tuple[TiffDirectory, int]:
        """Return a directory, and where the next one is, or 0."""
        start = place + struct.calcsize("=" + self._counted)
        size = self._number(place, self._counted) * self._entry.size
        entries = self._entry.iter_unpack(self._read(start, size))
        tags = {tag: (kind, count, value) for tag, kind, count, value in entries}

        def number(tag: int, default: int) -> int:
            return int(self._values(*tags[tag])[0]) if tag in tags else default

        width, height, samples = number(_WIDTH, 0), number(_HEIGHT, 0), number(_SAMPLES, 1)
        across = -(-width // max(1, number(_TILE_WIDTH, width)))
        rows = max(1, number(_TILE_HEIGHT, min(height, number(_ROWS, height))))
        planes = samples if number(_PLANAR, 1) == _SEPARATE else 1
        kind = number(_KIND, 0)
        offsets, sizes = (
            next((self._values(*tags[tag]) for tag in names if tag in tags), np.zeros(0, "u8"))
            for names in (_OFFSETS, _SIZES)
        )
        found = TiffDirectory(
            bool(kind & _REDUCED),
            bool(kind & _MASK),
            (samples, height, width),
            across * -(-height // rows) * planes,
            offsets.astype("u8"),
            sizes.astype("u8"),
            self._values(*tags[_METADATA]).tobytes() if _METADATA in tags else b"",
        )
        return found, self._number(start + size, self._word)

    def _values(self, kind: int, count: int, value: bytes) -> NDArray[np.unsignedinteger]:
        dtype = np.dtype(self._order + _TYPES[kind])
        size = count * dtype.itemsize
        if size > len(value):
            value = self._read(struct.unpack(self._order + self._word, value)[0], size)
        return np.frombuffer(value, dtype, count)

    def _number(self, place: int, kind: str) -> int:
        code = self._order + kind
        return int(struct.unpack(code, self._read(place, struct.calcsize(code)))[0])

    def _read(self, place: int, size: int) -> bytes:
        found = self._head[place : place + size]
        if len(found) < size <= self.length:
            found = os.pread(self._handle, size, place)
        if len(found) < size:
            raise OSError("it ends in the middle of a directory")
        return found


def tiff_directories(path: str) -> Iterator[tuple[TiffDirectory, int]]:
    """Return every image of a TIFF file, and the size of the file (bytes)."""
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


def check_tiff(path: str, sparse: bool) -> list[TiffDirectory]:
    """Return a TIFF file's images; raise OSError if a block is missing that may not be left out."""
    images = []
    for found, length in tiff_directories(path):
        found.check(length, sparse or found.overview)
        images.append(found)
    if not images:
        raise OSError("it has no image")
    return images
