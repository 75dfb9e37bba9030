"""What another user of the machine does, in a directory that both may write to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

#: The other user, who need not have a name.
STRANGER = 12345


def as_stranger(folder: Path, script: str) -> int:
    """Run a shell script in a folder as another user, and return its exit status.

    Only root may do that: for anyone else it runs as this user, and what it makes is to be open to
    all, so that it is no less to be distrusted.
    """
    user = {"user": STRANGER, "group": STRANGER, "extra_groups": []} if is_root() else {}
    command = ["/bin/sh", "-ec", f"umask 0; {script}"]
    done = subprocess.run(command, cwd=folder, timeout=20, check=False, **user)  # type: ignore[call-overload]
    return int(done.returncode)


def said_to_stranger(action: Callable[[], object]) -> str:
    """Return what the error says that another user than root gets."""
    if not is_root():
        return _error_of(action)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(STRANGER)
            os.setuid(STRANGER)
            os.write(writing, _error_of(action).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


def _error_of(action: Callable[[], object]) -> str:
    try:
        action()
    except Exception as error:
        return str(error)
    return ""


def is_root() -> bool:
    """Whether there can be another user."""
    return os.geteuid() == 0
