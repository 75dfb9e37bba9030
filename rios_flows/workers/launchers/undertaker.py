"""A small process that outlives this one, and cancels what is left in the queue."""

from __future__ import annotations

import logging
import os
import shlex
import subprocess

from rios_flows.basics import forks
from rios_flows.workers.launchers.commands import own_environment

logger = logging.getLogger(__name__)

#: Reads what is due (``+ scancel 17``) and what has been settled (``- scancel 17``) until nobody is
#: left who could write. Then it does what is still due, in order; what fails, it tries again after
#: pauses that grow, since a queue may be away, and a cluster is in use until its tasks are gone.
#: Nobody may read any more what it prints, so the system's log gets what is left in the end.
_SCRIPT = r"""
trap '' HUP INT TERM QUIT
due=$(awk '
    { what = substr($0, 3) }
    /^[+] / { if (!(what in due)) order[++n] = what; due[what] = 1 }
    /^- / { due[what] = 0 }
    END { for (i = 1; i <= n; i++) if (due[order[i]]) print order[i] }
')
set -f
IFS='
'
for pause; do
    left=
    for line in $due; do
        said=$(timeout -k 1 20 sh -c "$line" 2>&1 </dev/null) || case $said in
            # words of Slurm and PBS about jobs that have ended
            *'Invalid job id'* | *'already complet'* | *'has finished'* | *'Unknown Job'*) ;;
            *) left=$left$line$IFS ;;
        esac
    done
    due=$left
    [ -z "$left" ] && break
    sleep $pause
done
for line in $due; do
    logger -t rios_flows -p user.warning "left undone by a run that has ended: $line"
done
"""

#: Pauses between attempts (s): in all some five minutes.
_PAUSES = (1, 3, 5, 10, 20, 30, 60, 60, 60, 0)

#: Runs a command that submits a job, and notes what cancels it, even if this process has gone by
#: then: ``$1`` is the pipe, ``$2`` what cancels. The id is the last word that the command prints.
_SUBMIT = r"""
pipe=$1 cancel=$2
shift 2
set -f
said=$("$@") || exit
for id in $said; do :; done
id=${id%%;*}
case $id in *[!A-Za-z0-9._@-]*) quoted="'$id'" ;; *) quoted=$id ;; esac
case $id in [0-9]*) echo "+ $cancel $quoted" >"/dev/fd/$pipe" ;; esac
echo "$id"
"""

#: Longest wait for it to do what is left (s).
_PATIENCE = 10.0

#: Those that took longer; they go on.
_busy: list[subprocess.Popen[bytes]] = []


class Undertaker:
    """Does what is due when this process has ended, even by kill -9.

    What is due comes as command lines. Whoever carries one out earlier tells the undertaker, too.
    It reads a pipe whose other end only this process holds, and the commands that submit jobs. It
    is in a session of its own, which no signal to ours reaches.
    """

    def __init__(self) -> None:
        read, self._pipe = os.pipe()
        forks.keep_from_children(self._pipe)
        try:
            self._process = subprocess.Popen(
                ("sh", "-c", _SCRIPT, "sh", *map(str, _PAUSES)),
                stdin=read,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
                env=own_environment(),
            )
        except BaseException:
            forks.close(self._pipe)
            raise
        finally:
            os.close(read)

    @property
    def handles(self) -> tuple[int, ...]:
        """The open files that a submitting command must share."""
        return (self._pipe,)

    def submitting(self, cancel: str, command: tuple[str, ...]) -> tuple[str, ...]:
        """Return a command line that submits a job, has its cancelling due, and prints its id."""
        return ("sh", "-c", _SUBMIT, "sh", str(self._pipe), cancel, *command)

    def due(self, *command: str) -> None:
        """Have a command run in the end, unless it is settled before."""
        self._write(f"+ {shlex.join(command)}\n")

    def settled(self, *command: str) -> None:
        """Take back what was due."""
        self._write(f"- {shlex.join(command)}\n")

    def close(self) -> None:
        """Have it do what is still due, and wait for that, but not for long."""
        forks.close(self._pipe)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            logger.warning("Still busy with what this run left in the queue")
            _busy.append(self._process)

    def _write(self, line: str) -> None:
        try:
            # names of files may be of any bytes
            os.write(self._pipe, line.encode(errors="surrogateescape"))
        except OSError as error:
            logger.debug("The undertaker has gone: %s", error)
