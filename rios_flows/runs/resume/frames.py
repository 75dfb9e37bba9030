"""The entries of a journal: a cut-off one is noticed, and reading them runs no code."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from rios_flows.basics.types import BlockArray
from rios_flows.geometry.grid import ApplierBlockDefn

HEADER, BLOCK, CHECKPOINT = b"H", b"B", b"C"

_FRAME = struct.Struct("<cQI")
_LENGTH = struct.Struct("<I")

#: How pixels are tried: so many pieces of so many bytes must shrink to this share.
_SAMPLES, _SAMPLE, _WORTH = 8, 1024, 0.6


class Frame(NamedTuple):
    """An entry; its kind is ``HEADER``, ``BLOCK`` or ``CHECKPOINT``."""

    kind: bytes
    content: memoryview


def write_frame(file: BinaryIO, kind: bytes, parts: Sequence[bytes]) -> None:
    """Write an entry, whose content is given in parts."""
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    file.write(_FRAME.pack(kind, sum(len(part) for part in parts), checksum))
    for part in parts:
        file.write(part)


def read_frame(file: BinaryIO) -> Frame | None:
    """Return the next entry; None at the end, or if a kill has cut it off."""
    head = file.read(_FRAME.size)
    if len(head) < _FRAME.size:
        return None
    kind, size, checksum = _FRAME.unpack(head)
    if size > os.fstat(file.fileno()).st_size:
        return None  # too large to try to read it
    content = file.read(size)
    if len(content) < size or zlib.crc32(content) != checksum:
        return None
    return Frame(kind, memoryview(content))


def pack_block(block: ApplierBlockDefn, arrays: Sequence[BlockArray]) -> list[bytes]:
    """Return the content of an entry for a block and its arrays, shape ``(bands, rows, cols)``."""
    packed = [
        _packed(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data) for array in arrays
    ]
    both = zip(arrays, packed, strict=True)
    shapes = [(array.dtype.str, array.shape, len(data)) for array, data in both]
    text = json.dumps({"block": [int(number) for number in block], "arrays": shapes}).encode()
    return [_LENGTH.pack(len(text)), text, *packed]


def _packed(pixels: memoryview) -> bytes:
    """Compress pixels where that is worth its time, as it is not for most floats."""
    size = len(pixels)
    if size > 4 * _SAMPLE * _SAMPLES:
        starts = range(0, size - _SAMPLE, size // _SAMPLES)
        sample = b"".join(pixels[start : start + _SAMPLE] for start in starts)
        if len(zlib.compress(sample, 1)) > _WORTH * len(sample):
            # as it is, in the same form
            return zlib.compress(pixels, 0)
    return zlib.compress(pixels, 1)


def block_of(content: memoryview) -> ApplierBlockDefn:
    """Return which block an entry holds."""
    return ApplierBlockDefn(*_words(content)[0]["block"])


def unpack_block(content: memoryview) -> tuple[ApplierBlockDefn, list[BlockArray]]:
    """Return what :func:`pack_block` was given."""
    words, start = _words(content)
    arrays: list[BlockArray] = []
    for dtype, shape, length in words["arrays"]:
        pixels = zlib.decompress(content[start : start + length])
        # numpy refuses objects, whose bytes would be addresses
        arrays.append(np.frombuffer(pixels, np.dtype(dtype)).reshape(shape))
        start += length
    return ApplierBlockDefn(*words["block"]), arrays


def _words(content: memoryview) -> tuple[dict[str, list[Any]], int]:
    (length,) = _LENGTH.unpack_from(content)
    end = _LENGTH.size + length
    return json.loads(bytes(content[_LENGTH.size : end])), end
