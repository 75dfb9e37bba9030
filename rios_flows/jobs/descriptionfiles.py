"""Job descriptions in YAML and JSON files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rios_flows.jobs.description import Description
from rios_flows.rioserrors import FileOpenError, ParameterError

#: Dots between the parts of a name, but not those inside brackets.
_DOT = re.compile(r"\.(?![^\[]*\])")


def read_description(path: str | os.PathLike[str], changes: Iterable[str] = ()) -> Description:
    """Read a job from a YAML or JSON file.

    Parameters
    ----------
    path : str or path
        A file with the ending .yaml, .yml or .json.
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
    file, where = Path(path), os.fspath(path)
    _check_ending(file)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileOpenError(f"Unable to read the job '{where}': {error}") from error
    words = _parsed(text, where, is_json=file.suffix.lower() == ".json")
    for change in changes:
        _change(words, change)
    return Description.parse(words, where)


def write_description(job: Description, path: str | os.PathLike[str]) -> None:
    """Write a job to a YAML or JSON file, by its ending."""
    file = Path(path)
    _check_ending(file)
    if file.suffix.lower() == ".json":
        text = json.dumps(job.words(), indent=2, ensure_ascii=False) + "\n"
    else:
        import yaml

        text = yaml.safe_dump(job.words(), sort_keys=False, allow_unicode=True)
    file.write_text(text, encoding="utf-8")


def _check_ending(file: Path) -> None:
    if file.suffix.lower() not in (".yaml", ".yml", ".json"):
        raise ParameterError(f"The job '{file}' must have the ending .yaml, .yml or .json")


def _parsed(text: str, where: str, *, is_json: bool) -> Any:
    # not at the top: engine runs need it not
    from rios_flows.jobs.plainyaml import YAML_ERRORS, parse_yaml

    try:
        return json.loads(text, object_pairs_hook=_once) if is_json else parse_yaml(text)
    except (ValueError, *YAML_ERRORS) as error:
        kind = "JSON" if is_json else "YAML"
        raise ParameterError(f"The job '{where}' is not {kind}: {error}") from error


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
        for part in above:
            words = words.setdefault(part, {}) if isinstance(words, dict) else words[int(part)]
        words[last if isinstance(words, dict) else int(last)] = parse_yaml(text)
    except (TypeError, IndexError, ValueError, AttributeError, *YAML_ERRORS) as error:
        raise ParameterError(f"--set {change!r} leads nowhere in this job ({error})") from error
