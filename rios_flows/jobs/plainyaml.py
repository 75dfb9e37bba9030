"""YAML with nothing in it that JSON lacks: no dates, no name twice, 1e-3 is a number."""

from __future__ import annotations

import re
from typing import Any

import yaml

YAML_ERRORS = (yaml.YAMLError,)


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads plain values."""


_Loader.yaml_implicit_resolvers = {
    letter: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for letter, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# YAML 1.1, which PyYAML reads, wants a dot and a sign
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+"),
    list("-+0123456789"),
)


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
