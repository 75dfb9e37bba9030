"""Putting new files in the place of old ones, in a way that can be undone, even after a kill."""

from __future__ import annotations

import json
import logging
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rios_flows.outputs.publishing.directories import distrusted, with_names
from rios_flows.outputs.publishing.syncing import sync_directory

logger = logging.getLogger(__name__)

_JOURNAL = "publishing"

#: Tells a file from others, also after a rename.
_Stamp = tuple[int, int]


class Moves:
    """Puts one output, with the files beside it, in the place of the old one.

    In this order: :meth:`set_aside`, :meth:`move_in`, then :meth:`commit` or :meth:`undo`. A
    journal, kept in ``scratch`` like the old files, lets :meth:`left_behind` find what a killed
    process has not finished. The output itself, ``main``, is never seen with files of another.
    """

    def __init__(
        self, scratch: Path, place: Path, main: str, new: dict[str, _Stamp], old: Collection[str]
    ) -> None:
        self._scratch, self._place, self._main = scratch, place, main
        self._fresh, self._aside = scratch / "new", scratch / "old"
        self._new, self._old = new, set(old)
        self._journal = scratch / _JOURNAL

    @classmethod
    def planned(cls, scratch: Path, place: Path, main: str, stale: Collection[str]) -> Moves:
        """Plan to move in all of ``scratch / "new"``, and to remove ``stale`` files."""
        new = {name: _stamp(scratch / "new" / name) for name in os.listdir(scratch / "new")}
        old = {name for name in {*new, *stale} if os.path.lexists(place / name)}
        return cls(scratch, place, main, new, old)

    @classmethod
    def left_behind(cls, scratch: Path, place: Path, main: str) -> Moves | None:
        """Return what a killed process has begun; raise OSError if others may have written it."""
        try:
            words = _trusted_words(scratch)
        except FileNotFoundError:
            return None
        except ValueError:
            # killed while it wrote the journal, and so before it moved anything
            (scratch / _JOURNAL).unlink()
            return None
        new = {name: (stamp[0], stamp[1]) for name, stamp in words["new"].items()}
        return cls(scratch, place, main, new, words["old"])

    def set_aside(self) -> None:
        """Move old files out of the way, the output itself first; call :meth:`undo` if it fails."""
        shutil.rmtree(self._aside, ignore_errors=True)
        self._aside.mkdir(0o700)
        self._record()
        for name in self._sorted(self._old):
            place, aside = self._place / name, self._aside / name
            if not (self._goes_over(self._fresh / name, place) and _linked(place, aside)):
                os.replace(place, aside)

    def move_in(self) -> None:
        """Bring the new files to their place, the output itself last."""
        for name in reversed(self._sorted(self._new)):
            os.replace(self._fresh / name, self._place / name)
        # before the journal goes: if only its removal were on disk, nobody could undo the moves
        sync_directory(str(self._place))

    def commit(self) -> None:
        """Make the change final: nothing can be undone after this. May be called again."""
        try:
            self._journal.unlink(missing_ok=True)
        except OSError:
            # an empty one means that nothing was moved yet
            with open(self._journal, "r+b", opener=_private) as file:
                file.truncate()
                os.fsync(file.fileno())
        # before the old files go: a journal that came back would undo the moves
        sync_directory(str(self._scratch))

    def undo(self) -> None:
        """Put back all that can be, or raise OSError. May be called again."""
        if not self._journal.exists():
            return
        self._fresh.mkdir(0o700, exist_ok=True)
        errors = [*_tried(self._take_out, self._sorted(self._new))]
        errors += _tried(self._put_back, reversed(self._sorted(self._old)))
        with suppress(OSError):  # they are there, and what else could be done?
            sync_directory(str(self._place))
        if errors:
            raise errors[0]
        self.commit()

    def _goes_over(self, path: Path, other: Path) -> bool:
        """Tell whether one replaces the other in one step, so that there always is one."""
        alone = self._new.keys() == {self._main} == self._old
        return alone and not path.is_dir() and not other.is_dir()

    def _sorted(self, names: Iterable[str]) -> list[str]:
        return sorted(names, key=lambda name: (name != self._main, name))

    def _record(self) -> None:
        words = {"new": self._new, "old": sorted(self._old)}
        with open(self._journal, "w", opener=_private) as file:
            json.dump(words, file)
            file.flush()
            os.fsync(file.fileno())
        # before anything is moved: else a loss of power might leave half of it, and no journal
        sync_directory(str(self._scratch))

    def _take_out(self, name: str) -> None:
        aside, place = self._aside / name, self._place / name
        restored_over_it = os.path.lexists(aside) and self._goes_over(aside, place)
        if self._is_new(name) and not restored_over_it:
            os.replace(place, self._fresh / name)

    def _put_back(self, name: str) -> None:
        aside, place = self._aside / name, self._place / name
        if not os.path.lexists(aside):
            return
        if not os.path.lexists(place) or self._is_new(name):
            os.replace(aside, place)
        elif os.path.samestat(os.lstat(aside), os.lstat(place)):
            os.unlink(aside)  # one file with two names: a rename would do nothing
        else:
            logger.warning("'%s' stays: it was put there after a run was killed", name)

    def _is_new(self, name: str) -> bool:
        place = self._place / name
        return os.path.lexists(place) and _stamp(place) == self._new.get(name)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _trusted_words(scratch: Path) -> dict[str, Any]:
    """Return what stands in a journal, or raise OSError where it may be from others."""
    if (scratch / _JOURNAL).is_symlink():
        raise _refused(scratch, "it is a link")
    # NONBLOCK: it may be a pipe
    handle = os.open(scratch / _JOURNAL, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or distrusted(found, scratch):
            raise _refused(scratch, "it is not a file of this user alone")
        words: dict[str, Any] = json.loads(file.read())
    for name in (*words["new"], *words["old"]):
        # others would move files from and to anywhere
        if name != os.path.basename(name) or name in ("", ".", ".."):
            raise _refused(scratch, f"it names '{name}'")
    return words


def _refused(scratch: Path, why: str) -> OSError:
    folder = with_names(str(scratch))
    return PermissionError(
        f"'{folder}/{_JOURNAL}' cannot be trusted: {why}; an older output may lie in "
        f"'{folder}/old': save what is needed, and remove '{folder}'"
    )


def _stamp(path: Path) -> _Stamp:
    found = os.lstat(path)
    return found.st_ino, found.st_mtime_ns


def _linked(path: Path, link: Path) -> bool:
    """Give a file a second name, and tell whether the file system can do that."""
    try:
        os.link(path, link)
    except OSError as error:
        logger.debug("'%s' is moved, since it cannot be linked: %s", path, error)
        return False
    return True


def _tried(action: Callable[[str], None], names: Iterable[str]) -> list[OSError]:
    """Do something for each name, and return what went wrong."""
    errors = []
    for name in names:
        try:
            action(name)
        except OSError as error:
            errors.append(error)
    return errors
