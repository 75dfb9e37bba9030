"""The folder of a job: what its script reads, the id that the queue gave it, and its log."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from rios_flows.rioserrors import ParameterError

#: Notes the id that a submitting command prints, even if the worker has gone by then: ``$1`` is the
#: file. Cut behind `;`, where Slurm has the name of a cluster.
_SUBMIT = r"""
note=$1
shift
said=$("$@") || exit
id=$(printf '%s' "$said" | tail -n 1)
id=${id%%;*}
printf '%s' "$id" >"$note.told" && mv "$note.told" "$note"
echo "$id"
"""


class JobFolder:
    """What there is of the job of one flow run; nobody else can read it.

    The id of the job is noted twice: by the command that submits it, and by the job itself. So it
    is known even if the worker was killed, or had no answer from the queue.

    Attributes
    ----------
    path : Path
        The folder.
    """

    #: A submitting command shares no open files with the worker.
    handles: tuple[int, ...] = ()

    def __init__(self, place: Path, flow_run: UUID) -> None:
        self.path = place.absolute() / str(flow_run)
        self._environment = self.path / "environment"
        self._id = self.path / "job"

    def make(self, environment: Mapping[str, str | None]) -> None:
        """Make it, with the variables of the job; what it has of an earlier one is forgotten."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700, exist_ok=True)
        self.path.chmod(0o700)
        self._id.unlink(missing_ok=True)
        self._environment.unlink(missing_ok=True)
        lines = [_line(name, value) for name, value in environment.items() if value is not None]
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        # as the system has variables, whatever the locale
        with os.fdopen(os.open(self._environment, flags, 0o600), "wb") as file:
            file.writelines(line.encode("utf-8", "surrogateescape") for line in lines)

    def commands(self) -> list[str]:
        """Return lines of a job's script: it takes its variables, and says which job it is.

        A job whose variables are gone ends at once: nobody waits for it any more.
        """
        environment, note = (shlex.quote(str(path)) for path in (self._environment, self._id))
        return [
            f". {environment} || exit 1",
            f"rm -f {environment}",
            f'echo "${{SLURM_JOB_ID:-$PBS_JOBID}}" >{note}.own && mv {note}.own {note}',
        ]

    def submitting(self, cancel: str, command: tuple[str, ...]) -> tuple[str, ...]:
        """Return a command line that submits a job, notes its id, and prints it."""
        return ("sh", "-c", _SUBMIT, "sh", str(self._id), *command)

    def settled(self, *command: str) -> None:
        """Keep the note: it is removed with the folder."""

    def job(self) -> str:
        """Return the id of the job; empty where none is known."""
        try:
            return self._id.read_text().strip()
        except OSError:
            return ""

    def refuse(self) -> None:
        """Have the job end at once, should it start yet."""
        self._environment.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove it with the log."""
        # a file system may keep a log that somebody reads
        shutil.rmtree(self.path, ignore_errors=True)


def _line(name: str, value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise ParameterError(
            f"job variables: {name!r} in env is no name of an environment variable: letters, "
            "digits and underscores make one"
        )
    return f"export {name}={shlex.quote(value)}\n"
