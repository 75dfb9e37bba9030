"""What JSON Schema says of the values of controls; checks are marked with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

from rios_flows.controls.concurrency import READS_BY_DEFAULT, ConcurrencyStyle
from rios_flows.controls.extraparams import MOST_WORKERS
from rios_flows.controls.retries import BlockRetries
from rios_flows.geometry.pixelgriddefn import PixelGridDefn

Schema = dict[str, Any]
_Check = TypeVar("_Check", bound=Callable[..., Any])

#: Numpy's types of pixels.
DTYPES = (
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"
)  # fmt: skip


def told(schema: Schema | None) -> Callable[[_Check], _Check]:
    """Mark a check with what it lets pass; None for objects that JSON cannot hold."""

    def mark(check: _Check) -> _Check:
        vars(check)["schema"] = schema
        return check

    return mark


def schema_of(check: Callable[..., Any]) -> Schema | None:
    """Return what a check lets pass, or None if JSON can hold none of it."""
    found: Schema | None = getattr(check, "schema", None)
    return found


def or_null(schema: Schema | None) -> Schema | None:
    """Let null pass, too."""
    return None if schema is None else {"anyOf": [schema, {"type": "null"}]}


def list_of(schema: Schema | None, least: int = 0) -> Schema:
    """Let lists pass, of at least so many items."""
    return {"type": "array", "items": schema or {}, "minItems": least}


def _object(about: dict[str, tuple[Schema, str]], **more: Any) -> Schema:
    properties = {name: {**schema, "description": text} for name, (schema, text) in about.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


#: JSON has no number for the last three.
NUMBER: Schema = {"anyOf": [{"type": "number"}, {"enum": ["nan", "inf", "-inf"]}]}
_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FINITE: Schema = {"type": "number"}
_WORKERS: Schema = {**_COUNT, "maximum": MOST_WORKERS}
_TIMEOUT: Schema = {
    "anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}, {"const": "inf"}]
}

RETRIES = _object(
    {
        "user_function": ({**_COUNT, "default": 0}, "Further tries after the user function raised"),
        "io": ({**_COUNT, "default": BlockRetries().io}, "Further tries after reading failed"),
        "delay": (
            {"type": "number", "minimum": 0, "default": BlockRetries().delay},
            "Wait before a further try (s)",
        ),
    }
)

GRID = _object(
    {
        "xMin": (_FINITE, "Left edge (CRS units)"),
        "xMax": (_FINITE, "Right edge (CRS units)"),
        "yMin": (_FINITE, "Lower edge (CRS units)"),
        "yMax": (_FINITE, "Upper edge (CRS units)"),
        "xRes": (_FINITE, "Width of a pixel (CRS units)"),
        "yRes": (_FINITE, "Height of a pixel (CRS units)"),
        "projection": ({"type": "string"}, "EPSG:code, well-known text, or empty"),
    },
    required=["xMin", "xMax", "yMin", "yMax", "xRes", "yRes"],
)

_STYLE: dict[str, tuple[Schema, str]] = {
    "numReadWorkers": (_WORKERS, "Threads that read ahead; 0 to read when a block is needed"),
    "numComputeWorkers": (
        _WORKERS,
        "Workers that call the user function; 0 to call it in the main loop",
    ),
    "computeWorkerKind": ({"enum": list(READS_BY_DEFAULT)}, "Where compute workers run"),
    "computeWorkerExtraParams": (
        {"anyOf": [{"type": "object"}, {"type": "null"}]},
        "What this kind of worker needs beside",
    ),
    "computeWorkersRead": (
        {"anyOf": [_FLAG, {"type": "null"}]},
        "Whether each compute worker reads its own input; null to let the kind decide",
    ),
    "singleBlockComputeWorkers": (_FLAG, "Give each block a batch job of its own"),
    "haveSharedTemp": (_FLAG, "Whether compute workers see the temporary directory"),
    "readBufferInsertTimeout": (_TIMEOUT, "Longest wait for room for a block that is read (s)"),
    "readBufferPopTimeout": (_TIMEOUT, "Longest wait for a block to be read (s)"),
    "computeBufferInsertTimeout": (
        _TIMEOUT,
        "Longest wait for room for a block that is computed (s)",
    ),
    "computeBufferPopTimeout": (_TIMEOUT, "Longest wait for a block to be computed (s)"),
    "computeBarrierTimeout": (_TIMEOUT, "Longest wait for the compute workers to start (s)"),
}
_DEFAULTS = {each.name: each.default for each in fields(ConcurrencyStyle) if each.init}
STYLE = _object(
    {
        name: ({**schema, "default": _DEFAULTS.get(name)}, text)
        for name, (schema, text) in _STYLE.items()
    }
)
STYLE["properties"]["computeWorkerExtraParams"]["default"] = None

#: Of controls whose values are objects.
OBJECTS: dict[type, Schema] = {ConcurrencyStyle: STYLE, PixelGridDefn: GRID}
