"""Directories that are opened once, and whether what lies there is this user's alone."""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

_OTHERS = stat.S_IWGRP | stat.S_IWOTH

#: Names of directories by the paths of their descriptors, also of closed ones.
_NAMES: dict[str, str] = {}


class Directory:
    """A directory that is opened once, whatever its name leads to later: others may rename it."""

    def __init__(self, name: Path, flags: int = 0) -> None:
        self._handle = os.open(name, os.O_DIRECTORY | flags)
        # for this process and its children, GDAL included; nowhere once it is closed
        self.path = Path(f"/proc/{os.getpid()}/fd/{self._handle}")
        if not self.is_at(self.path, follow=True):
            self.path = name  # no Linux, or one without /proc
        _NAMES[str(self.path)] = with_names(str(name))

    @property
    def status(self) -> os.stat_result:
        """Owner, mode and so on."""
        return os.fstat(self._handle)

    def is_at(self, name: Path, follow: bool = False) -> bool:
        """Tell whether a name leads to it."""
        try:
            return os.path.samestat(self.status, os.stat(name, follow_symlinks=follow))
        except OSError:
            return False

    def close(self) -> None:
        """Close it. May be called again."""
        self.path = Path(os.devnull, "closed")
        handle, self._handle = self._handle, -1
        if handle >= 0:
            with suppress(OSError):  # nothing was written through it
                os.close(handle)


def made_in(folder: Path) -> os.stat_result:
    """Return owner, mode and time that a file system gives a file made now with mode 0600."""
    path = folder / f"now-{secrets.token_hex(8)}"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        return os.fstat(handle)
    finally:
        os.close(handle)
        path.unlink(missing_ok=True)


def distrusted(found: os.stat_result, folder: Path) -> str | None:
    """Return why something is not this user's alone; None if it is."""
    if found.st_uid == os.geteuid() and not found.st_mode & _OTHERS:
        return None
    try:
        # not every file system keeps owners and modes; NFS takes root for nobody
        ours = made_in(folder)
    except OSError:
        ours = None
    if ours is None or found.st_uid != ours.st_uid:
        return f"it belongs to {user_name(found.st_uid)}"
    if found.st_mode & _OTHERS & ~ours.st_mode:
        return "others may write to it"
    return None


def user_name(uid: int) -> str:
    """Return how messages call a user."""
    import pwd

    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the user {uid}"


def with_names(text: str) -> str:
    """Put the names of directories in place of the paths of their descriptors."""
    return re.sub(r"/proc/\d+/fd/\d+", lambda found: _NAMES.get(found[0], found[0]), text)
