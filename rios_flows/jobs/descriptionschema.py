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
FIRST = (
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
    ordered = [*(CONTROLS[name] for name in FIRST), *CONTROLS.values()]
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

FUNCTION_SCHEMA: Schema = {"type": "string", "pattern": r"^.+:[^\s:()]+$"}
