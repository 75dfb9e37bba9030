"""The commands of a queue: what they answer, and what is wrong where they fail."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from rios_flows.rioserrors import JobMgrError, UnavailableError
from rios_flows.workers.launchers.processes import kill_group

#: Variables of the user's by which Slurm's commands would leave jobs out, ask before they cancel,
#: wait for the end of a job, or take a job for many; and those of an array that this process is of.
_MEDDLING = re.compile("SQUEUE_|SCANCEL_|SLURM_ARRAY_|SBATCH_(WAIT|ARRAY_INX)$")


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended, and what it printed."""

    command: tuple[str, ...]
    code: int
    out: str
    err: str

    def failure(self, what: str, advice: str) -> JobMgrError:
        """Say in one message what failed, in the queue's words, and what to do."""
        words = " ".join((self.err.strip() or self.out.strip() or "it says nothing").split())
        return JobMgrError(
            f"{what}: {words} (exit code {self.code} of: {shlex.join(self.command)}); {advice}"
        )


class Command:
    """A command that runs; use it in a ``with``, so that it is gone afterwards.

    Parameters
    ----------
    command : sequence of str
        What to run. It gets a session of its own: Ctrl-C must not end it half-way.
    text : str
        What it reads.
    environment : mapping
        Variables beside those of this process.
    handles : sequence of int
        Open files that it shares.
    shown : sequence of str
        What errors call it, where it is wrapped into another one.
    """

    def __init__(
        self,
        command: Sequence[str],
        text: str = "",
        environment: Mapping[str, str] | None = None,
        handles: Sequence[int] = (),
        shown: Sequence[str] = (),
    ) -> None:
        self._command = tuple(shown or command)
        with ExitStack() as stack:
            try:
                # files, since a pipe stays open as long as anything that the command started
                files = [stack.enter_context(TemporaryFile()) for _ in range(3)]
                given, self._out, self._err = files
                given.write(text.encode(errors="surrogateescape"))
                given.seek(0)
                self._process = subprocess.Popen(
                    command,
                    stdin=given,
                    stdout=self._out,
                    stderr=self._err,
                    env={**own_environment(), **(environment or {})},
                    pass_fds=handles,
                    start_new_session=True,
                )
            except OSError as error:
                told = shlex.join(self._command)
                raise JobMgrError(f"Unable to run {told}: {error}") from error
            self._files = stack.pop_all()

    def answer(self, timeout: float) -> Answer:
        """Wait for the end of the command; raise JobMgrError if it takes too long (s)."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise JobMgrError(
                f"No answer within {timeout:g} s from: {shlex.join(self._command)}"
            ) from error
        texts = []
        for file in (self._out, self._err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
        return Answer(self._command, code, *texts)

    def kill(self) -> None:
        """End the command with all that it has started, if it has not ended."""
        if self._process.poll() is None:
            kill_group(self._process.pid)
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        self._files.close()


def own_environment() -> dict[str, str]:
    """Return the variables of this process, but for those that change what commands do or tell."""
    return {name: value for name, value in os.environ.items() if not _MEDDLING.match(name)}


def ask(command: Sequence[str], timeout: float) -> Answer:
    """Run a command to its end."""
    with Command(command) as running:
        return running.answer(timeout)


def need(program: str, queue: str) -> None:
    """Refuse a queue whose commands are not on this machine."""
    if shutil.which(program) is None:
        raise UnavailableError(
            f"{queue} is not available here: there is no {program} on the path; run this on a "
            "machine that submits jobs, or choose another computeWorkerKind"
        )
