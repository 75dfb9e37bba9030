"""JSON Schema of a job's files and controls, made of the declarations of controls."""

from __future__ import annotations

import re
from typing import Any

from rios_flows.controls.declaring import Control
from rios_flows.controls.options import CONTROLS
from rios_flows.controls.schemas import Schema, schema_of
from rios_flows.controls.words import readable

_FILE: Schema = {"type": "string", "minLength": 1}

FILES_SCHEMA: Schema = {
    "type": "object",
    "additionalProperties": {"anyOf": [_FILE, {"type": "array", "items": _FILE}]},
}

#: What people set most often: forms show it first.
_FIRST = (
    "windowxsize", "windowysize", "overlap", "concurrency", "drivername", "statsIgnore",
    "creationoptions", "footprint", "referenceImage", "resampleMethod",
)  # fmt: skip


def _of_control(each: Control, image: str = "") -> dict[str, Any] | None:
    schema = schema_of(each.check)
    if schema is None:
        return None
    unit = f" ({each.unit})" if each.unit else ""
    told = {**schema, "title": each.name + image, "description": f"{each.about}{unit}"}
    return told if image else {**told, "default": readable(each.default)}


def _schema() -> Schema:
    ordered = [*(CONTROLS[name] for name in _FIRST), *CONTROLS.values()]
    whole = {each.name: schema for each in ordered if (schema := _of_control(each))}
    single = {
        rf"^{re.escape(each.name)}\[.+\]$": schema
        for each in ordered
        if each.per_image and (schema := _of_control(each, "[image]"))
    }
    return {
        "type": "object",
        "properties": whole,
        "patternProperties": single,
        "additionalProperties": False,
    }


CONTROLS_SCHEMA = _schema()

FUNCTION_SCHEMA: Schema = {"type": "string", "pattern": "^.+:[^:]+$"}


def without_defaults(schema: Schema) -> Schema:
    """Say defaults in the text only: a form would send them, and so outdo the environment's."""
    properties = schema.get("properties", {})
    told = {name: _said(part) for name, part in properties.items()}
    return {**schema, "properties": told} if told else schema


def _said(schema: Schema) -> Schema:
    if "default" not in schema:
        return without_defaults(schema)
    kept = {name: part for name, part in schema.items() if name != "default"}
    default = "" if schema["default"] in (None, {}) else f"; by default {schema['default']}"
    return without_defaults({**kept, "description": f"{schema['description']}{default}"})
