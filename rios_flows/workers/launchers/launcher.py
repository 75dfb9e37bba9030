"""What a run needs of a queue: to start workers as jobs, to know how they fare, to stop them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

logger = logging.getLogger(__name__)

State = Literal["pending", "running", "ended"]


#: Longer lines of a log are cut (bytes).
_LINE = 500


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """One worker's job, as the queue saw it last.

    Attributes
    ----------
    number : int
        The worker's number; a replacement gets a new one.
    id : str
        As the queue's commands take it: ``17_3``, ``17``, ``9[3].vm``.
    name : str
        As the queue shows it.
    state : str
        ``pending``, ``running`` or ``ended``.
    reason : str
        Why it is in that state, in the queue's words: ``Resources``, ``OUT_OF_MEMORY``, or
        ``exit code 3``.
    host : str
        Where it runs or ran.
    log : Path or None
        What it prints, if the queue has said where.
    """

    number: int
    id: str
    name: str
    state: State
    reason: str = ""
    host: str = ""
    log: Path | None = None

    @property
    def title(self) -> str:
        """Return how messages call it."""
        return f"Job {self.id} ({self.name}{', on ' + self.host if self.host else ''})"

    def log_end(self) -> str:
        """Return the last lines of its log for a message; empty where there are none."""
        lines = tail(self.log)
        return f"\nIts log ends:\n{lines}" if lines else ""


@dataclass(frozen=True, slots=True)
class Order:
    """What the jobs of a run have in common.

    Attributes
    ----------
    name : str
        The run's job name.
    command : tuple of str
        The command line of a worker, without its number and without secrets.
    environment : mapping
        Variables of the workers, secrets included: they are never on a command line, nor in a file
        or list of processes that others can read.
    folder : Path
        This run's, of mode 0700: for logs.
    extra : mapping
        The user's ``computeWorkerExtraParams``.
    shared : bool
        Whether jobs can reach that folder.
    numbered : bool
        Whether name and command line are to end with the worker's number.
    what, advice : str
        What a job is, and what to do if the queue refuses it, where it is not a worker's.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    extra: Mapping[str, Any]
    shared: bool = True
    numbered: bool = True
    what: str = "the job of a worker"
    advice: str = ""


@cache
def state_of_unknown_word(queue: str, word: str) -> State:
    """Return what a job is in a state that this program does not know, and say so once.

    Taken for ended, it would be replaced while it goes on; a queue forgets what has ended.
    """
    logger.warning(
        "%s tells an unknown state of a job, %r: it counts as running until it is another",
        *(queue, word),
    )
    return "running"


def tail(log: Path | None, lines: int = 50) -> str:
    """Return the last lines of a job's log; empty where there is none."""
    if log is None:
        return ""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _LINE * lines))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


class Launcher(Protocol):
    """The jobs of a run in one queue; called from one thread at a time."""

    def start(self, numbers: Sequence[int]) -> None:
        """Submit a job for each worker; raise JobMgrError in the queue's words if it is refused."""

    def jobs(self) -> list[WorkerJob]:
        """Return all jobs that were started, as the queue sees them now."""

    def stop(self, numbers: Iterable[int]) -> None:
        """Cancel the jobs of some workers, and return at once."""

    def close(self) -> None:
        """Cancel all jobs that are left, and wait up to 15 s until none is in the queue."""
