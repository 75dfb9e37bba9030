"""Processes that workers are, with all that these have started."""

from __future__ import annotations

import os
import signal
from contextlib import suppress


def has_ended(pid: int) -> bool:
    """Return whether a child has ended, and leave it to be reaped."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        # somebody else has reaped it: this program ignores SIGCHLD, or waits for any child
        return True


def kill_group(number: int) -> None:
    """Kill a process group, if there is any of that number."""
    with suppress(ProcessLookupError):
        os.killpg(number, signal.SIGKILL)


def killing(group: int) -> tuple[str, ...]:
    """Return the command that kills a process group, if there is any by then."""
    return ("sh", "-c", f"kill -9 -{group} || :")


def told(code: int) -> str:
    """Tell how a process ended."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"
