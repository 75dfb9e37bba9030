"""The script of a job; it has no secrets in it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from rios_flows.workers.launchers.extra import Extra

#: What a name of a job may have, in each queue.
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")


def script(directive: str, extra: Extra, command: Sequence[str], number: str) -> str:
    """Write the script of a job.

    Parameters
    ----------
    directive : str
        ``#SBATCH`` or ``#PBS``.
    extra : Extra
        What the user adds.
    command : sequence of str
        The worker's command line.
    number : str
        Its number, or the shell's word for it in a job array; empty where it needs none.
    """
    lines = ["#!/bin/sh"]
    lines += [f"{directive} {options}" for options in extra.directives]
    lines += extra.commands
    worker = shlex.join(command) + (f" --number {number}" if number else "")
    if extra.prefix or extra.suffix:
        # any text of the shell's, such as a variable before or a pipe behind
        lines.append(" ".join(part for part in (extra.prefix, worker, extra.suffix) if part))
    else:
        # so the queue's signals reach the worker, and no shell is left of it
        lines.append(f"exec {worker}")
    return "\n".join(lines) + "\n"


def job_name(name: str, number: int | None = None) -> str:
    """Return a name that every queue takes, with the worker's number if one is given."""
    plain = _UNFIT.sub("_", name)[:60] or "rios_flows"
    if not plain[0].isalpha():
        plain = f"w{plain}"
    return plain if number is None else f"{plain}-{number}"
