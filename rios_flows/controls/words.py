"""Values of controls in words that JSON can hold, and values made of such words again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, fields, is_dataclass
from typing import Any

from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.retries import BlockRetries
from rios_flows.geometry.pixelgriddefn import PixelGridDefn

#: The words for what JSON has no number for.
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def readable(value: Any) -> Any:
    """Put a frozen value into words that JSON can hold, never the repr of an object."""
    if isinstance(value, float) and value - value != 0:
        # JSON has no NaN and no infinity
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    for kind, told in _OBJECTS.items():
        if isinstance(value, kind):
            return told(value)
    if isinstance(value, list | tuple):
        return [readable(item) for item in value]
    if isinstance(value, dict):
        return {name: readable(item) for name, item in value.items()}
    if callable(value):
        return getattr(value, "__qualname__", type(value).__qualname__)
    return type(value).__qualname__


def _readable_style(style: ConcurrencyStyle) -> dict[str, Any]:
    plain = ConcurrencyStyle()
    told = {
        field.name: getattr(style, field.name)
        for field in fields(style)
        if field.repr and getattr(style, field.name) != getattr(plain, field.name)
    }
    if style.computeWorkerExtraParams:
        # their values may be long, and may hold account names
        told["computeWorkerExtraParams"] = sorted(map(str, style.computeWorkerExtraParams))
    return told


def reader(annotation: object, default: Any) -> Callable[[Any], Any]:
    """Return what makes values of a type, as it is annotated, of the words for them."""
    if is_dataclass(default):
        return _made_by(type(default))
    return number if "float" in str(annotation) else as_it_is


#: Objects, and how they are told.
_OBJECTS: dict[type, Callable[[Any], Any]] = {
    ConcurrencyStyle: _readable_style,
    BlockRetries: asdict,
    PixelGridDefn: str,
}


def as_it_is(words: Any) -> Any:
    """Take a value that JSON holds as it is."""
    return words


def number(words: Any) -> Any:
    """Make a number of any kind, or a list of them."""
    if isinstance(words, list):
        return [number(item) for item in words]
    return _NOT_FINITE.get(words, words) if isinstance(words, str) else words


def _made_by(kind: type) -> Callable[[Any], Any]:
    """Make an object of its parts by name; TypeError where it has no such part."""

    def made(words: Any) -> Any:
        if not isinstance(words, dict):
            return words
        return kind(**{part: number(item) for part, item in words.items()})

    return made
