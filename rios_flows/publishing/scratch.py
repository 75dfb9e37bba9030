"""The hidden directory beside an output in which it grows; one run at a time has it."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path

from rios_flows.publishing.locks import Lock, take_lock
from rios_flows.publishing.removal import Held, freed_later

logger = logging.getLogger(__name__)

#: How the names of these directories end.
SUFFIX = ".rios_flows"


class ScratchDirectory:
    """A directory beside a file, named after it, that one run at a time may use.

    What a killed run has left there is found by the next one for the same file.

    Parameters
    ----------
    final : str
        Absolute path of the file that is to come.

    Raises
    ------
    BlockingIOError
        If another run uses it; the message says which.
    OSError
        If it cannot be made.
    """

    def __init__(self, final: str) -> None:
        folder, name = os.path.split(final)
        self.path = Path(folder, f".{name}{SUFFIX}")
        self._released = False
        self._lock = self._locked()

    def check(self) -> None:
        """Raise OSError if another run has taken it over.

        That can be where there are no kernel locks, and this run was suspended for long.
        """
        if not self._lock.held:
            raise OSError(f"another run has taken '{self.path}' over meanwhile")

    def clear(self) -> None:
        """Remove what an earlier run has left."""
        for entry in self.path.iterdir():
            if entry == self._lock.path:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)

    def release(self, keep: bool = False) -> None:
        """Let others in; remove the directory, unless it is to be kept.

        May be called again, to finish what an interruption left.
        """
        if self._released:
            return
        try:
            with freed_later(self.path) as files:
                self._empty(keep, files)
        except OSError as error:
            logger.warning("Something stays behind in '%s': %s", self.path, error)
        self._released = True

    def _empty(self, keep: bool, files: Held) -> None:
        # if it is not held, an interrupted call came so far, or it is another's by now
        if self._lock.held and not keep:
            try:
                self._clear(files)
            except OSError as error:
                logger.warning("Something stays behind in '%s': %s", self.path, error)
        # goes last: who finds the lock gone makes a new directory, or goes on with this one
        self._lock.release()
        if not keep:
            _remove_empty(self.path)

    def _clear(self, files: Held) -> None:
        try:
            self.clear()
        except OSError:
            # NFS leaves an open file in its directory, under another name
            files.let_go()
            self.clear()

    def _make(self) -> None:
        try:
            self.path.mkdir(exist_ok=True)
        except FileNotFoundError as error:
            # as in /proc: looked at, the directory is one that may be written to
            raise FileNotFoundError(
                error.errno, "the directory cannot be written to", str(self.path.parent)
            ) from error

    def _locked(self) -> Lock:
        while True:
            self._make()
            try:
                return take_lock(self.path)
            except FileNotFoundError:
                continue  # the owner has just removed it all
            except BaseException:
                with suppress(OSError):
                    _remove_empty(self.path)
                raise


def _remove_empty(path: Path) -> None:
    try:
        os.rmdir(path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            raise
