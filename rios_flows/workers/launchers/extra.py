"""What a user adds to the jobs of a queue: ``computeWorkerExtraParams``, or RIOS's variables."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rios_flows.controls.concurrency import CW_PBS, CW_SLURM
from rios_flows.rioserrors import ParameterError


@dataclass(frozen=True, slots=True)
class Kind:
    """How the parameters of one queue are called.

    Attributes
    ----------
    options, options_variable, commands_variable : str
        The key of its options, and the environment variables for options and initial commands.
    refused : mapping of str to str
        Options that a run cannot work with, and why.
    """

    options: str
    options_variable: str
    commands_variable: str
    refused: Mapping[str, str]


_ARRAYS = "the run makes arrays of its own"
_CLUSTERS = "the run asks for its jobs in one; set SLURM_CLUSTERS instead"
_WAITING = "the run would wait for its workers to end"

KINDS = {
    CW_SLURM: Kind(
        "sbatchOptions",
        "RIOS_SLURMJOBMGR_SBATCHOPTIONS",
        "RIOS_SLURMJOBMGR_INITCMDS",
        {
            "-a": _ARRAYS,
            "--array": _ARRAYS,
            "-W": _WAITING,
            "--wait": _WAITING,
            "-M": _CLUSTERS,
            "--clusters": _CLUSTERS,
            "--export-file": "it hides the workers' variables; use --export",
        },
    ),
    CW_PBS: Kind(
        "qsubOptions",
        "RIOS_PBSJOBMGR_QSUBOPTIONS",
        "RIOS_PBSJOBMGR_INITCMDS",
        {"-J": _ARRAYS, "-I": _WAITING},
    ),
}


@dataclass(frozen=True, slots=True)
class Extra:
    """What a user adds to the jobs.

    Attributes
    ----------
    directives : tuple of str
        Options of the submitting command, as the user wrote them: each is a line of the script.
    options : tuple of str
        The same in single words.
    commands : tuple of str
        Lines of the job before the worker.
    prefix, suffix : str
        Text before and after the worker's command line.
    """

    directives: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    prefix: str = ""
    suffix: str = ""


def origin_of_options(kind: str, extra: Mapping[str, Any] | None) -> str:
    """Say for a message where the options of the queue's command come from, or would."""
    names = KINDS[kind]
    if (extra or {}).get(names.options) is None and os.environ.get(names.options_variable):
        return f"{names.options_variable}={os.environ[names.options_variable]!r} in the environment"
    return f"{names.options} in computeWorkerExtraParams"


def extra_of(kind: str, extra: Mapping[str, Any] | None) -> Extra:
    """Read the extra parameters of a kind; where one is missing, its environment variable.

    Raises
    ------
    ParameterError
        If one makes no sense: with the key, its value, and what to do.
    """
    names = KINDS[kind]
    given = dict(extra or {})
    for key in given:
        _known(kind, key)
    for key, variable in (
        (names.options, names.options_variable),
        ("initCmds", names.commands_variable),
    ):
        if given.get(key) is None:
            given[key] = os.environ.get(variable)
    directives = _lines(names.options, given[names.options])
    options = _options(names.options, directives)
    for option in options:
        why = names.refused.get(option.partition("=")[0])
        if why is not None:
            raise ParameterError(
                f"computeWorkerExtraParams: leave {option!r} out of {names.options}: {why}"
            )
    return Extra(
        directives,
        options,
        tuple("\n".join(_texts("initCmds", given["initCmds"])).splitlines()),
        _text("cmdPrefix", given.get("cmdPrefix")),
        _text("cmdSuffix", given.get("cmdSuffix")),
    )


def option_value(options: Sequence[str], name: str) -> str | None:
    """Return the value of an option, the last where it is given several times."""
    value = None
    for word, following in pairwise((*options, "")):
        if word == name:
            value = following
        elif name.startswith("--") and word.startswith(f"{name}="):
            value = word[len(name) + 1 :]
        elif not name.startswith("--") and word.startswith(name):
            value = word[len(name) :]
    return value


def _known(kind: str, key: str) -> None:
    known = (KINDS[kind].options, "initCmds", "cmdPrefix", "cmdSuffix")
    if key in known:
        return
    others = {names.options: other for other, names in KINDS.items()}
    near = difflib.get_close_matches(str(key), known, 1, 0.6)
    hint = f"did you mean {near[0]!r}? " if near else ""
    if key in others:
        hint = f"that is for {others[key]}; did you mean {known[0]!r}? "
    raise ParameterError(
        f"computeWorkerExtraParams: {kind} takes no {key!r}: {hint}It takes {', '.join(known)}"
    )


def _texts(key: str, value: Any) -> tuple[str, ...]:
    if value is None or isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ParameterError(
        f"computeWorkerExtraParams: {key}={value!r} must be a string or a list of strings"
    )


def _text(key: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _one_line(key, value)
    raise ParameterError(f"computeWorkerExtraParams: {key}={value!r} must be a string")


def _lines(key: str, value: Any) -> tuple[str, ...]:
    return tuple(_one_line(key, text) for text in _texts(key, value))


def _one_line(key: str, text: str) -> str:
    if len(text.strip().splitlines()) > 1:
        raise ParameterError(f"computeWorkerExtraParams: {key}={text!r} must be a single line")
    return text.strip()


def _options(key: str, directives: Iterable[str]) -> tuple[str, ...]:
    words: list[str] = []
    for text in directives:
        try:
            words += shlex.split(text)
        except ValueError as error:
            raise ParameterError(
                f"computeWorkerExtraParams: {key}={text!r} cannot be split into options: {error}"
            ) from error
    return tuple(words)
