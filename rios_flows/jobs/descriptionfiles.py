"""Job descriptions in YAML and JSON files."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rios_flows.jobs.description import Description
from rios_flows.rioserrors import FileOpenError, ParameterError

#: In place of the name of a file.
STANDARD_INPUT = "-"

#: Dots between the parts of a name, but not those inside brackets.
_DOT = re.compile(r"\.(?![^\[]*\])")


def read_description(path: str | os.PathLike[str], changes: Iterable[str] = ()) -> Description:
    """Read a job from a YAML or JSON file.

    Parameters
    ----------
    path : str or path
        A file with the ending .yaml, .yml or .json, or a link to one; "-" for standard input.
    changes : iterable of str
        Values that win over those of the file, as ``controls.windowxsize=512``.

    Returns
    -------
    Description
        The job; nothing else has been opened.

    Raises
    ------
    FileOpenError
        If the file cannot be read.
    ParameterError
        If it is not YAML or JSON, or describes no job.
    """
    where = os.fspath(path)
    ending = "" if where == STANDARD_INPUT else _ending(where)
    try:
        text = _text_of(where)
    except (OSError, UnicodeDecodeError) as error:
        raise FileOpenError(f"Unable to read the job '{where}': {error}") from error
    words = _parsed(text, where, is_json=ending == ".json" or (not ending and _is_json(text)))
    for change in changes:
        _change(words, change)
    return Description.parse(words, where)


def write_description(job: Description, path: str | os.PathLike[str]) -> None:
    """Write a job to a YAML or JSON file, by its ending."""
    if _ending(os.fspath(path)) == ".json":
        text = json.dumps(job.words(), indent=2, ensure_ascii=False) + "\n"
    else:
        from rios_flows.jobs.plainyaml import dump_yaml

        text = dump_yaml(job.words())
    Path(path).write_text(text, encoding="utf-8")


def _ending(where: str) -> str:
    for name in (where, os.path.realpath(where)):
        ending = os.path.splitext(name)[1].lower()
        if ending in (".yaml", ".yml", ".json"):
            return ending
    raise ParameterError(f"The job '{where}' must have the ending .yaml, .yml or .json")


def _text_of(where: str) -> str:
    if where == STANDARD_INPUT:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    return Path(where).read_text(encoding="utf-8-sig")


def _parsed(text: str, where: str, *, is_json: bool) -> Any:
    # not at the top: engine runs need it not
    from rios_flows.jobs.plainyaml import YAML_ERRORS, parse_yaml

    try:
        return json.loads(text, object_pairs_hook=_once) if is_json else parse_yaml(text)
    except (ValueError, *YAML_ERRORS) as error:
        kind = "JSON" if is_json else "YAML"
        raise ParameterError(f"The job '{where}' is not {kind}: {error}") from error


def _is_json(text: str) -> bool:
    with suppress(ValueError):
        json.loads(text)
        return True
    return False


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is there twice")
    return found


def _change(words: Any, change: str) -> None:
    """Set a value by its dotted name, as ``infiles.dates.0=may.tif``."""
    from rios_flows.jobs.plainyaml import YAML_ERRORS, parse_yaml

    place, equals, text = change.partition("=")
    *above, last = _DOT.split(place)
    if not equals or not last:
        raise ParameterError(f"--set {change!r} is not right: it must be NAME=VALUE, with dots")
    try:
        value = parse_yaml(text)
    except YAML_ERRORS as error:
        raise ParameterError(
            f"--set {change!r}: its value is not YAML; one that begins with a sign has quotes of "
            f"its own, as --set {place}='{json.dumps(text)}'"
        ) from error
    try:
        for part in above:
            words = words.setdefault(part, {}) if isinstance(words, dict) else words[int(part)]
        words[last if isinstance(words, dict) else int(last)] = value
    except (TypeError, IndexError, ValueError, AttributeError) as error:
        raise ParameterError(f"--set {change!r} leads nowhere in this job ({error})") from error
