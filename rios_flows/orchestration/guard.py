"""A small process that outlives the one of a run, and has the server know if that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from prefect.settings import get_current_settings

#: Waits for a line. There is none when the process that would write it was killed.
_SCRIPT = 'read -r line || exec "$@"'


class Guard:
    """Guards something of this process, from now on; costs a shell that sleeps.

    Parameters
    ----------
    what : sequence of UUID or str
        What the program is told: flow runs, for the one that is run where nothing is said.
    program : str
        The module to run when this process was killed.
    """

    def __init__(
        self,
        what: Sequence[UUID | str],
        program: str = "rios_flows.orchestration.aftermath",
    ) -> None:
        told = [sys.executable, "-m", program, *map(str, what)]
        self._shell = start_aside(["/bin/sh", "-c", _SCRIPT, "sh", *told], subprocess.PIPE)

    def close(self) -> None:
        """Let the shell go: the process has ended its runs itself."""
        # it may have gone, and its pipe be closed
        with suppress(OSError, ValueError):
            self._shell.communicate(b"over\n")


def start_aside(command: Sequence[str], stdin: int) -> subprocess.Popen[bytes]:
    """Start a process that outlives this one, and knows the same server."""
    # settings of this process, such as the server, may be in no file
    settings = get_current_settings().to_environment_variables(exclude_unset=True)
    return subprocess.Popen(
        command,
        env={**os.environ, **settings, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # a signal to this process and its group is none for the other
        start_new_session=True,
    )
