"""Where what a command prints goes: JSON stands alone on standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress


@contextmanager
def printed_elsewhere(away: bool) -> Iterator[None]:
    """Have all that is printed meanwhile go to standard error, also by C and by child processes."""
    if not away:
        yield
        return
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(sys.stderr))
        # a process may have been started without one of them
        with suppress(OSError):
            os.fstat(2)
            kept = os.dup(1)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, 1)
            os.dup2(2, 1)
        yield
