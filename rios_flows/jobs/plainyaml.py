"""YAML with nothing in it that JSON lacks, and plain values as in YAML 1.2, which editors read.

PyYAML reads YAML 1.1: dates, 12:30 as 750, 010 as 8, no as false. Here no name is there twice.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

YAML_ERRORS = (yaml.YAMLError,)

_BREAKS = re.compile("[\x85\u2028\u2029\ufeff]")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads plain values."""


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Quotes each text that this loader, or one of YAML 1.1, would take for something else."""


_NUMBER, _INTEGER = "tag:yaml.org,2002:float", "tag:yaml.org,2002:int"
_TRUTH = "tag:yaml.org,2002:bool"
_OTHERWISE = (_NUMBER, _INTEGER, _TRUTH, "tag:yaml.org,2002:timestamp")

_Loader.yaml_implicit_resolvers = {
    letter: [pair for pair in pairs if pair[0] not in _OTHERWISE]
    for letter, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern, _letters in (
    (_TRUTH, r"true|True|TRUE|false|False|FALSE", "tTfF"),
    # with underscores, as Python has them
    (_INTEGER, r"[-+]?\d+(_\d+)*|0o[0-7]+|0x[\da-fA-F]+", "-+0123456789"),
    (
        _NUMBER,
        r"[-+]?(\.\d+|\d+(_\d+)*(\.\d*)?)([eE][-+]?\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    for _each in (_Loader, _Dumper):
        _each.add_implicit_resolver(_tag, re.compile(rf"({_pattern})\Z"), list(_letters))


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    bases = {"0o": 8, "0x": 16}
    return int(text, bases.get(text[:2], 10))


_Loader.add_constructor(_INTEGER, _integer)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    found: dict[str, Any] = {}
    loader.flatten_mapping(node)
    for key, value in node.value:
        name = loader.construct_object(key, deep=True)
        name = name if isinstance(name, str) else str(key.value)
        if name in found:
            raise yaml.MarkedYAMLError(
                problem=f"{name!r} is there twice", problem_mark=key.start_mark
            )
        found[name] = loader.construct_object(value, deep=True)
    return found


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def parse_yaml(text: str) -> Any:
    """Return what a text in YAML says."""
    return yaml.load(text, _Loader)


def dump_yaml(words: Any) -> str:
    """Return plain values as a text in YAML, with names in their order."""
    # PyYAML does not read these as it writes them, if it does not write escapes
    plain = not _BREAKS.search(json.dumps(words, ensure_ascii=False))
    text: str = yaml.dump(words, Dumper=_Dumper, sort_keys=False, allow_unicode=plain)
    return text
