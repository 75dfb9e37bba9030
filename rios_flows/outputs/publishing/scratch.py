"""The hidden directory beside an output in which it grows; one run at a time has it."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from rios_flows.outputs.publishing.directories import Directory, distrusted, user_name, with_names
from rios_flows.outputs.publishing.locks import Lock, take_lock

logger = logging.getLogger(__name__)

#: How the names of these directories end.
SUFFIX = ".rios_flows"

#: Each of them that is not empty has one of these.
_OURS = {"lock", "owner", "journal", "publishing", "new", "old"}


class ScratchDirectory:
    """A directory beside a file, named after it; raises BlockingIOError if another run has it."""

    def __init__(self, final: str) -> None:
        folder, name = os.path.split(final)
        # for messages
        self.name = Path(folder, f".{name}{SUFFIX}")
        self._released = False
        # O_PATH: this user may be allowed to write there, but not to read
        self._around = Directory(Path(folder), getattr(os, "O_PATH", 0))
        try:
            self._lock = self._locked()
        except BaseException:
            self._around.close()
            raise

    @property
    def path(self) -> Path:
        """Path that leads to the directory until it is released, even if others rename it."""
        return self._own.path

    @property
    def folder(self) -> Path:
        """Path that leads to its parent directory, in the same way."""
        return self._around.path

    def check(self) -> None:
        """Raise OSError if it was moved away, or another run has taken it over."""
        if not self._around.is_at(self.name.parent):
            raise OSError(f"the directory '{self.name.parent}' was moved away meanwhile")
        # possible without kernel locks, if this run was suspended for long
        if not self._lock.held or not self._own.is_at(self.name):
            raise OSError(f"another run has taken '{self.name}' over meanwhile")

    def clear(self) -> None:
        """Remove what an earlier run has left."""
        for entry in self.path.iterdir():
            if entry == self._lock.path:
                continue
            if entry.is_dir() and not entry.is_symlink():
                _remove_directory(entry)
            else:
                entry.unlink(missing_ok=True)

    def release(self, keep: bool = False) -> None:
        """Let others in, and remove the directory, unless it is kept. May be called again."""
        if self._released:
            return
        try:
            self._empty(keep)
        except OSError as error:
            self._warn(error)
        self._own.close()
        self._around.close()
        self._released = True

    def _empty(self, keep: bool) -> None:
        # if it is not held, an interrupted call has released it, or it is another's by now
        if self._lock.held and not keep:
            try:
                self._clear()
            except OSError as error:
                self._warn(error)
        # last: a run that finds the lock gone makes a new directory, or uses this one
        self._lock.release()
        # it stays if something is in it
        _remove_empty(self.folder / self.name.name)
        _remove_empty(self.name)  # if the other path is closed

    def _warn(self, error: OSError) -> None:
        logger.warning("Something stays behind in '%s': %s", self.name, with_names(str(error)))

    def _clear(self) -> None:
        try:
            self.clear()
        except OSError:
            # there may be no descriptor left, and listing a directory needs one
            self._around.close()
            self.clear()

    def _make(self) -> Path:
        path = self.folder / self.name.name
        try:
            # others must not see the pixels before they have their final mode
            path.mkdir(0o700)
        except FileExistsError:
            pass  # whatever it is
        except FileNotFoundError as error:
            # as in /proc, whose directories look as if one could write to them
            raise FileNotFoundError(
                error.errno, "the directory cannot be written to", str(self.name.parent)
            ) from error
        return path

    def _locked(self) -> Lock:
        while True:
            path = self._make()
            try:
                self._own = self._opened(path)
                try:
                    self._check_own()
                    return take_lock(self._own.path)
                except BaseException:
                    self._own.close()
                    raise
            except FileNotFoundError:
                continue  # the owner has just removed it all
            except BaseException:
                with suppress(OSError):
                    _remove_empty(path)
                raise

    def _opened(self, path: Path) -> Directory:
        try:
            return Directory(path, os.O_NOFOLLOW)
        except NotADirectoryError:
            raise self._refused("it is a link, or no directory", path.lstat()) from None
        except PermissionError:
            found = path.lstat()
            if found.st_uid == os.geteuid():
                raise
            raise self._refused(f"it belongs to {user_name(found.st_uid)}", found) from None

    def _check_own(self) -> None:
        """Refuse what others have made or renamed: the run would remove all that is in it."""
        why = distrusted(self._own.status, self._own.path)
        if why is None:
            names = {name for name in os.listdir(self._own.path) if not name.startswith(".nfs")}
            why = None if not names or names & _OURS else "it holds files of other programs"
        if why is not None:
            raise self._refused(why, self._own.status)

    def _refused(self, why: str, found: os.stat_result) -> OSError:
        return PermissionError(
            f"'{self.name}', in which it is to grow, cannot be trusted: {why} (changed "
            f"{time.ctime(found.st_mtime)}); if no run for this output goes on, remove or rename it"
        )


def _remove_directory(path: Path) -> None:
    try:
        os.rmdir(path)  # needs no descriptor
    except OSError:
        shutil.rmtree(path)


def _remove_empty(path: Path) -> None:
    try:
        os.rmdir(path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR):
            raise
