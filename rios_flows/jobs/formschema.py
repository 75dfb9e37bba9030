"""JSON Schema of a job's controls, in the form that Prefect's two forms show well.

What they make of a schema was tried in a browser. A boolean is a switch that is off until somebody
turns it, and the older form sends all these offs; so it is a choice of two here. Alternatives are
tabs with their titles, the first one open; an object after null is folded up. Null is left out
where it says what leaving the field out says. Patterns are checked, but not shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rios_flows.controls.options import CONTROLS
from rios_flows.controls.schemas import Schema
from rios_flows.jobs.descriptionschema import CONTROLS_SCHEMA, FIRST
from rios_flows.rioserrors import ParameterError

#: The parameters that hold controls.
CONTROL_GROUPS = ("controls", "moreControls", "imageControls")

_TITLES = {
    "null": "none",
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "array": "list",
    "object": "fields",
}
_NULL: Schema = {"type": "null", "title": "by default"}


def _field(schema: Schema, *, nullable: bool = True) -> Schema:
    """Rewrite what one field takes, without title and description."""
    kinds = list(_alternatives(schema))
    if not nullable and len(kinds) > 1:
        kinds = [each for each in kinds if each.get("type") != "null"]
    told = [_plain(each) for each in kinds]
    if len(told) == 1:
        return told[0]
    return {"anyOf": [{**each, "title": _title(each)} for each in told]}


def _alternatives(schema: Schema) -> Iterator[Schema]:
    """Take alternatives within alternatives, and choices of texts and numbers, apart."""
    if "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from _alternatives(each)
    elif "const" in schema:
        yield {"enum": [schema["const"]]}
    elif "enum" in schema:
        for kind in (str, int):
            if values := [each for each in schema["enum"] if isinstance(each, kind)]:
                yield {"enum": values}
    elif schema:
        # they are those of the field
        own = ("title", "description", "default")
        yield {name: part for name, part in schema.items() if name not in own}
    else:
        yield {}


def _plain(schema: Schema) -> Schema:
    if schema.get("type") == "boolean":
        return {"enum": [True, False]}
    if schema.get("type") == "array":
        return {**schema, "items": _field(schema["items"])}
    if "properties" in schema:
        parts = {name: _part(name, part) for name, part in schema["properties"].items()}
        return {**schema, "properties": parts}
    return schema


def _part(name: str, schema: Schema) -> Schema:
    """Rewrite a field of an object."""
    about = f"{schema['description']}{_default(schema)}"
    nullable = schema.get("default", 0) is not None
    return {**_field(schema, nullable=nullable), "title": name, "description": about}


def _default(schema: Schema) -> str:
    """Say the default in words: a form would send it, and so outdo the environment's."""
    default = schema.get("default")
    return "" if default is None or isinstance(default, dict) else f"; by default {default}"


def _title(schema: Schema) -> str:
    values = schema.get("enum", ())
    if values == [True, False]:
        return "yes or no"
    if values:
        listed = ", ".join(map(str, values))
        return listed if len(listed) < 25 else "name"
    return str(schema.get("title") or _TITLES[schema["type"]])


def _control(schema: Schema) -> Schema:
    """Rewrite a control; an object is folded up."""
    control = CONTROLS[schema["title"].partition("[")[0]]
    told = _field(schema, nullable=control.default is not None or control.variable is not None)
    if "properties" in told:
        told = {"anyOf": [_NULL, {**told, "title": "set"}]}
    about = f"{schema['description']}{_default(schema)}"
    return {**told, "title": schema["title"], "description": about}


def _schemas() -> tuple[Schema, Schema, Schema]:
    """Return what is shown first, what is folded up, and what holds for single images."""
    whole = {name: _control(part) for name, part in CONTROLS_SCHEMA["properties"].items()}
    first = {name: whole[name] for name in FIRST}
    rest = {name: part for name, part in whole.items() if name not in first}
    single = {name: _control(part) for name, part in CONTROLS_SCHEMA["patternProperties"].items()}
    hidden = {rf"^{re.escape(name)}$": part for name, part in rest.items()}
    closed: Schema = {"type": "object", "additionalProperties": False}
    shown = {**closed, "properties": first, "patternProperties": {**hidden, **single}}
    folded = {**closed, "title": "show", "properties": rest}
    images = {**closed, "patternProperties": single}
    return shown, {"anyOf": [{"type": "null", "title": "hide"}, folded]}, images


SHOWN_SCHEMA, FOLDED_SCHEMA, IMAGES_SCHEMA = _schemas()


def joined(*parts: Mapping[str, Any] | None) -> dict[str, Any]:
    """Put the controls of a form together; a fold that is closed says nothing.

    Raises
    ------
    ParameterError
        If a control is there twice.
    """
    whole: dict[str, Any] = {}
    for part in parts:
        for name, value in (part or {}).items():
            if value is None and _is_folded(name):
                continue
            if name in whole:
                raise ParameterError(
                    f"control {name!r} is there twice; take it out of moreControls or imageControls"
                )
            whole[name] = value
    return whole


def _is_folded(name: str) -> bool:
    options = SHOWN_SCHEMA["properties"] | FOLDED_SCHEMA["anyOf"][1]["properties"]
    return _NULL in options.get(name, {}).get("anyOf", ())
