"""The blocks that are safely on disk, from which a later run continues after a kill.

After a kill, an unfinished file cannot be trusted: a compressed GeoTIFF that was not closed has no
tile in its index. So each block goes to a journal as well, and a later run replays it into a fresh
file; statistics and overviews come out as if nothing had happened.

Others may be able to write where it lies. So nothing in it is unpickled before it is known to be
this user's and this job's, and only ``otherArgs`` is pickled at all.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from rios_flows import rioserrors
from rios_flows.basics.types import BlockArray
from rios_flows.gdal.fulldisk import with_hint
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.jobs.job import Job
from rios_flows.outputs.publishing.directories import distrusted, with_names
from rios_flows.outputs.publishing.syncing import sync_directory
from rios_flows.runs.otherargs import can_be_restored
from rios_flows.runs.resume.fingerprint import Fingerprint, differences, fingerprint
from rios_flows.runs.resume.frames import (
    BLOCK,
    CHECKPOINT,
    HEADER,
    Frame,
    block_of,
    pack_block,
    read_frame,
    unpack_block,
    write_frame,
)

logger = logging.getLogger(__name__)

#: How many changes the log names when a run starts afresh.
NAMED = 5


def identify(job: Job) -> Fingerprint | None:
    """Return a job's fingerprint, or raise ParameterError; None without ``setResume``."""
    if not job.plan.options.resume:
        return None
    if not can_be_restored(job.other_args):
        raise rioserrors.ParameterError(
            f"setResume: otherArgs is a {type(job.other_args).__name__}, whose state cannot be put "
            "back when the run goes on; give an object with attributes, or set resume to False"
        )
    return fingerprint(job)


class Journal:
    """Records blocks in a file, and brings them to disk at checkpoints (``interval`` in s)."""

    def __init__(self, path: Path, identity: Fingerprint, interval: float) -> None:
        # of the earlier run, up to its last checkpoint; None without one
        self.done: set[ApplierBlockDefn] = set()
        self.other_args: list[Any] | None = None
        self._interval = interval
        self._end = 0
        self._path = path
        with self._telling():
            self._file = _open(path)
        try:
            if not self._continue(identity):
                self._begin(identity)
        except BaseException:
            self.close()
            raise
        self._checked = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() - self._checked >= self._interval

    def add(self, block: ApplierBlockDefn, arrays: list[BlockArray]) -> None:
        """Record a block: one array an output, shape ``(bands, rows, cols)``."""
        self._write(BLOCK, pack_block(block, arrays))

    def checkpoint(self, other_args: list[Any]) -> None:
        """Bring all blocks so far to disk, with every worker's ``otherArgs`` after them."""
        try:
            state = pickle.dumps(other_args, pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            raise rioserrors.ParameterError(
                f"setResume: otherArgs cannot be saved with the blocks any more ({error}); let the "
                "user function leave there what pickles, or set resume to False"
            ) from error
        self._write(CHECKPOINT, [state])
        self._sync()
        self._checked = time.monotonic()

    def replay(self) -> Iterator[tuple[ApplierBlockDefn, list[BlockArray]]]:
        """Return the blocks of the earlier run, in the order in which it wrote them."""
        self._file.seek(0)
        while self._file.tell() < self._end:
            frame = read_frame(self._file)
            if frame is None:
                raise rioserrors.ImageReadError(
                    f"setResume: blocks of the earlier run cannot be read from "
                    f"'{_name(self._path)}' any more: it was changed meanwhile, or its disk fails; "
                    "run again, and what is left there is used"
                )
            if frame.kind == BLOCK:
                yield unpack_block(frame.content)
        self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        """Close the file."""
        # what is not flushed yet came after the last checkpoint, and does not count
        with suppress(OSError):
            self._file.close()

    def _begin(self, identity: Fingerprint) -> None:
        self.done, self.other_args, self._end = set(), None, 0
        with self._telling():
            self._file.seek(0)
            self._file.truncate()
        self._write(HEADER, [json.dumps(identity).encode()])
        self._sync()
        with self._telling():
            sync_directory(str(self._path.parent))

    def _continue(self, identity: Fingerprint) -> bool:
        """Take over what an earlier run has left; False if it cannot be continued."""
        header = read_frame(self._file)
        if header is None:
            return False  # it is new, or the kill came before the first entry was there
        changed = self._changes(header, identity)
        if changed:
            more = len(changed) - NAMED
            words = ", ".join(changed[:NAMED]) + (f" and {more} more" if more > 0 else "")
            logger.warning("Starting afresh, since this has changed: %s", words)
            return False
        try:
            lost = self._scan()
        except Exception as error:
            # any error: otherArgs unpickle by the code of their classes
            name = _name(self._path)
            logger.warning("Starting afresh, since '%s' cannot be read: %s", name, error)
            return False
        if lost and not self.done:
            logger.warning(
                "Starting afresh, since the earlier run ended before its first checkpoint; "
                "setResume(True, checkpointInterval=...) has them more often (s)"
            )
        # drop what came after the last checkpoint, and what the kill has cut off
        with self._telling():
            self._file.seek(self._end)
            self._file.truncate()
        return True

    def _changes(self, header: Frame, identity: Fingerprint) -> list[str]:
        old = None
        with suppress(ValueError):
            old = json.loads(bytes(header.content))
        if header.kind != HEADER or not isinstance(old, dict):
            return ["the form of the journal"]
        return differences(old, identity)

    def _scan(self) -> int:
        """Find the last checkpoint; return how many blocks came after it."""
        since: set[ApplierBlockDefn] = set()
        state: memoryview | None = None
        self._end = self._file.tell()
        while (frame := read_frame(self._file)) is not None:
            if frame.kind == BLOCK:
                since.add(block_of(frame.content))
            elif frame.kind == CHECKPOINT:
                self.done |= since
                since, state = set(), frame.content
                self._end = self._file.tell()
        if state is not None:
            self.other_args = pickle.loads(state)
        return len(since)

    def _write(self, kind: bytes, parts: Sequence[bytes]) -> None:
        with self._telling():
            write_frame(self._file, kind, parts)

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
                f"setResume: unable to record blocks in '{_name(self._path)}' (write stage): "
                f"{with_hint(error)}"
            ) from error


def _name(path: Path) -> str:
    return with_names(str(path))


def _open(path: Path) -> BinaryIO:
    """Open a journal that is this user's alone, else a new one that nobody else can write."""
    # the file that a link leads to must not be overwritten
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    with suppress(OSError):
        # NONBLOCK: it may be a pipe
        handle = os.open(path, flags | os.O_NONBLOCK)
        status = os.fstat(handle)
        alone = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
        own = status.st_uid == os.geteuid() and distrusted(status, path.parent) is None
        if alone and own:
            return os.fdopen(handle, "r+b")
        os.close(handle)
    if os.path.lexists(path):
        logger.warning("Starting afresh, since '%s' is not a file of this user alone", _name(path))
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return os.fdopen(os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600), "r+b")
