"""The blocks that are safely on disk, for a killed run to go on from.

A file that is being written cannot be trusted after a kill: a compressed GeoTIFF that was not
closed opens with no tile in its index. So with resume on each block goes to a journal as well, and
a later run replays it into a fresh file; statistics and overviews come out as if nothing had
happened.
"""

from __future__ import annotations

import logging
import os
import pickle
import shutil
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rios_flows import rioserrors
from rios_flows.compute import can_be_put_back
from rios_flows.grid import ApplierBlockDefn
from rios_flows.plan import Plan
from rios_flows.resume.fingerprint import Fingerprint, differences, fingerprint
from rios_flows.types import BlockArray

logger = logging.getLogger(__name__)

_HEADER, _BLOCK, _CHECKPOINT = b"H", b"B", b"C"
_FRAME = struct.Struct("<cQI")


def identify(plan: Plan, function: Any, other_args: Any) -> Fingerprint | None:
    """Return what tells this job from others; None where it is not to be resumed.

    Raises
    ------
    ParameterError
        If ``other_args`` cannot be saved, or not be put back.
    """
    if not plan.options.resume:
        return None
    if not can_be_put_back(other_args):
        raise rioserrors.ParameterError(
            f"setResume: otherArgs is a {type(other_args).__name__}, whose state cannot be put "
            "back when the run goes on; give an object with attributes, or set resume to False"
        )
    return fingerprint(plan, function, other_args)


class Journal:
    """Records blocks in a file, and at checkpoints makes sure that they are on disk.

    Blocks after the last checkpoint do not count: ``otherArgs`` would not know of them.

    Parameters
    ----------
    path : Path
        The journal; what an earlier run has left there is continued if it was the same job.
    identity : dict
        What :func:`~rios_flows.resume.fingerprint.fingerprint` says of this job.
    interval : float
        Time between two checkpoints (s).

    Attributes
    ----------
    done : set of ApplierBlockDefn
        Blocks that an earlier run has left here.
    other_args : list or None
        Every worker's ``otherArgs`` after these blocks; None where there is no such block.
    """

    def __init__(self, path: Path, identity: Fingerprint, interval: float) -> None:
        self.done: set[ApplierBlockDefn] = set()
        self.other_args: list[Any] | None = None
        self._interval = interval
        self._end = 0
        self._path = path
        if path.is_dir():
            shutil.rmtree(path)
        existing = path.exists()
        self._file: BinaryIO = open(path, "r+b" if existing else "w+b")  # noqa: SIM115
        if not (existing and self._continue(identity)):
            self._begin(identity)
        self._checked = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() - self._checked >= self._interval

    def add(self, block: ApplierBlockDefn, arrays: list[BlockArray]) -> None:
        """Record a block: one array an output, shape ``(bands, rows, cols)``."""
        packed = [
            (array.dtype.str, array.shape, zlib.compress(np.ascontiguousarray(array).data, 1))
            for array in arrays
        ]
        self._write(_BLOCK, (tuple(block), packed))

    def checkpoint(self, other_args: list[Any]) -> None:
        """Make sure that all blocks so far are on disk, with what ``otherArgs`` are after them."""
        self._write(_CHECKPOINT, other_args)
        self._sync()
        self._checked = time.monotonic()

    def replay(self) -> Iterator[tuple[ApplierBlockDefn, list[BlockArray]]]:
        """Return the blocks of the earlier run, in the order in which it wrote them."""
        self._file.seek(0)
        while self._file.tell() < self._end:
            frame = self._read()
            if frame is not None and frame[0] == _BLOCK:
                block, packed = frame[1]
                yield (
                    ApplierBlockDefn(*block),
                    [
                        np.frombuffer(zlib.decompress(data), dtype).reshape(shape)
                        for dtype, shape, data in packed
                    ],
                )
        self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        """Close the file."""
        # what is still to be flushed is after the last checkpoint, and does not count
        with suppress(OSError):
            self._file.close()

    def _begin(self, identity: Fingerprint) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._write(_HEADER, identity)
        self._sync()

    def _continue(self, identity: Fingerprint) -> bool:
        header = self._read()
        if header is None or header[0] != _HEADER:
            return False
        changed = differences(header[1], identity)
        if changed:
            logger.warning("Starting afresh, since this has changed: %s", ", ".join(changed))
            return False
        self._scan()
        # what came after the last checkpoint, and what the kill has cut off
        self._file.seek(self._end)
        self._file.truncate()
        return True

    def _scan(self) -> None:
        since: set[ApplierBlockDefn] = set()
        self._end = self._file.tell()
        while (frame := self._read()) is not None:
            kind, content = frame
            if kind == _BLOCK:
                since.add(ApplierBlockDefn(*content[0]))
            elif kind == _CHECKPOINT:
                self.done |= since
                since = set()
                self.other_args = content
                self._end = self._file.tell()

    def _write(self, kind: bytes, content: object) -> None:
        try:
            data = pickle.dumps(content, pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            raise rioserrors.ParameterError(
                f"setResume: otherArgs cannot be saved with the blocks any more ({error}); let the "
                "user function leave there what pickles, or set resume to False"
            ) from error
        with self._telling():
            self._file.write(_FRAME.pack(kind, len(data), zlib.crc32(data)))
            self._file.write(data)

    def _read(self) -> tuple[bytes, Any] | None:
        """Return the next entry; None at the end, or where the kill has cut one off."""
        head = self._file.read(_FRAME.size)
        if len(head) < _FRAME.size:
            return None
        kind, size, checksum = _FRAME.unpack(head)
        if size > os.fstat(self._file.fileno()).st_size:
            return None
        data = self._file.read(size)
        if len(data) < size or zlib.crc32(data) != checksum:
            return None
        return kind, pickle.loads(data)

    def _sync(self) -> None:
        with self._telling():
            self._file.flush()
            os.fsync(self._file.fileno())

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise rioserrors.ImageWriteError(
                f"setResume: unable to record blocks in '{self._path}' (write stage): {error}; is "
                "the disk full?"
            ) from error
