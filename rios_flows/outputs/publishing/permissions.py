"""Who may read and write an output that replaces another: the same people as before."""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

_ACL = "system.posix_acl_access"


def keep_permissions(old: Path, new: Path) -> None:
    """Give a new file owner, group, mode and access list of an old one of its kind, if possible."""
    with suppress(FileNotFoundError):
        found, fresh = os.lstat(old), os.lstat(new)
        if stat.S_IFMT(found.st_mode) != stat.S_IFMT(fresh.st_mode):
            return
        mode = stat.S_IMODE(found.st_mode)
        if not stat.S_ISDIR(found.st_mode):
            mode &= 0o777  # new content must not run as its owner
        keep = _give(new, found, fresh)
        if not keep:
            # the group is another one, and may do no more than others
            mode = mode & ~0o070 | (mode & 0o007) << 3
        try:
            os.chmod(new, mode)
        except OSError as error:
            logger.warning("'%s' does not keep its mode %o: %s", old.name, mode, error)
        _copy_acl(old if keep else None, new)


def _give(path: Path, wanted: os.stat_result, now: os.stat_result) -> bool:
    """Give a file to its old owner, or at least to the old group; tell whether that worked."""
    if (wanted.st_uid, wanted.st_gid) == (now.st_uid, now.st_gid):
        return True
    for owner in (wanted.st_uid, -1):
        with suppress(OSError):
            os.chown(path, owner, wanted.st_gid)
            return True
    return False


def _copy_acl(old: Path | None, new: Path) -> None:
    """Give a file another's access list, or none."""
    if not hasattr(os, "getxattr"):
        return
    acl = None
    with suppress(OSError):
        acl = os.getxattr(old, _ACL, follow_symlinks=False) if old is not None else None
    try:
        if acl is not None:
            os.setxattr(new, _ACL, acl)
        elif _ACL in os.listxattr(new):
            os.removexattr(new, _ACL)  # that of the directory's
    except OSError as error:
        logger.warning("'%s' does not keep its access list: %s", new.name, error)
