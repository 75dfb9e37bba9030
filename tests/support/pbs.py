"""The emulated PBS with its commands on a path of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.pbs_store import Store

ROOT = Path(__file__).parents[2]

#: A command; the user's environment is the one that it passes on.
WRAPPER = """#!/bin/sh
exec '{python}' -I -c '
import sys
sys.path.insert(0, "{root}")
from tests.support.pbs_emulator import main
main()
' {command} '{folder}' "$@"
"""


class EmulatedPbs:
    """A server with its commands; ended by :meth:`stop`, or when this process has gone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder)
        path = folder / "bin"
        path.mkdir()
        for command in ("qsub", "qstat", "qdel", "qsig", "serve"):
            text = WRAPPER.format(python=sys.executable, root=ROOT, command=command, folder=folder)
            (path / command).write_text(text)
            (path / command).chmod(0o755)
        self.environment = {"PATH": f"{path}:{os.environ['PATH']}"}
        self._server = subprocess.Popen([path / "serve"], stdin=subprocess.PIPE)

    def run(self, *command: str) -> str:
        """Run one of PBS's commands, and return what it prints."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: rc {done.returncode}: {done.stderr}")
        return done.stdout

    def stop(self) -> None:
        """End all jobs and the server."""
        self._server.communicate(timeout=20)
