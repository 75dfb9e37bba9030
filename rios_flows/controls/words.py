"""Values of controls in words that JSON can hold, and values made of such words again."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import asdict, fields, is_dataclass
from typing import Any

from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.retries import BlockRetries
from rios_flows.controls.schemas import GRID
from rios_flows.controls.spelling import question
from rios_flows.geometry.pixelgriddefn import PixelGridDefn
from rios_flows.rioserrors import ParameterError

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


def _readable_grid(grid: PixelGridDefn) -> dict[str, Any]:
    return {part: readable(getattr(grid, part)) for part in GRID["properties"]}


#: What puts objects into words, by their class.
_OBJECTS: dict[type, Callable[[Any], Any]] = {
    ConcurrencyStyle: _readable_style,
    BlockRetries: asdict,
    PixelGridDefn: _readable_grid,
}


def value_of(words: Any, annotation: str, default: Any) -> Any:
    """Return the value that words stand for, by its type as it is annotated."""
    if isinstance(words, dict):
        kind = PixelGridDefn if "PixelGridDefn" in annotation else type(default)
        if kind is PixelGridDefn or is_dataclass(default):
            return _made(kind, words)
    return _number(words) if "float" in annotation else words


def _made(kind: Any, parts: dict[str, Any]) -> Any:
    known = inspect.signature(kind).parameters
    for name in parts:
        if name not in known:
            advice = question(str(name), known) or f"; there are {', '.join(known)}"
            raise ParameterError(f"{kind.__name__} has no {name!r}{advice}")
    return kind(**{name: _number(item) for name, item in parts.items()})


def _number(words: Any) -> Any:
    if isinstance(words, list):
        return [_number(item) for item in words]
    return _NOT_FINITE.get(words, words) if isinstance(words, str) else words
