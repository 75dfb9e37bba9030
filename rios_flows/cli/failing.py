"""How a command ends that has failed: what it prints, and its exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from rios_flows.basics.errortext import outputs_after, text_of, traceback_of
from rios_flows.basics.streams import Careful
from rios_flows.cli.printing import printed_elsewhere
from rios_flows.rioserrors import RiosError

FAILED, WRONG, INTERRUPTED = 1, 2, 130


class _WrongError(Exception):
    """What the command was given is wrong; its cause says why."""


@contextmanager
def given(wrong: type[RiosError] = RiosError) -> Iterator[None]:
    """Work with what the command was given: an error of a kind means that this is wrong."""
    try:
        yield
    except wrong as error:
        raise _WrongError from error


@contextmanager
def exit_codes(as_json: bool) -> Iterator[None]:
    """Print an error, and end the process with its code.

    For JSON, what others print goes elsewhere: the block is to return, and not to print.
    """
    try:
        with printed_elsewhere(as_json):
            yield
    except _WrongError as error:
        _tell(error.__cause__ or error, as_json)
        raise typer.Exit(WRONG) from None
    except KeyboardInterrupt as error:
        _tell(error, as_json)
        raise typer.Exit(INTERRUPTED) from None
    except BaseException as error:
        # also SystemExit: a function that calls sys.exit(0) has made no outputs
        _tell(error, as_json)
        raise typer.Exit(FAILED) from None


def _tell(error: BaseException, as_json: bool) -> None:
    if as_json:
        told = {"error": {"type": type(error).__name__, "message": text_of(error) or "interrupted"}}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    if isinstance(error, KeyboardInterrupt):
        text = f"Interrupted. {outputs_after(error)}"
    elif isinstance(error, RiosError):
        text = f"{type(error).__name__}: {text_of(error)}"
    else:
        # of the user function: where it happened is what people need
        text = traceback_of(error)
    Careful(sys.stderr).write(f"{text}\n")
