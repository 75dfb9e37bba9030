"""Checks of values that a user gives: returned frozen, or refused with what would do."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from rios_flows.basics.defaults import (
    FOOTPRINT_NAMES,
    FOOTPRINTS,
    OVERVIEW_METHODS,
    RESAMPLE_METHODS,
)
from rios_flows.controls import schemas
from rios_flows.controls.retries import BlockRetries
from rios_flows.controls.schemas import NUMBER, schema_of, told

#: Returns a value frozen, or raises a ValueError whose text goes on after "it must be".
Check = Callable[[Any], Any]

_TEXT = {"type": "string", "minLength": 1}


def whole(minimum: int) -> Check:
    """Make a check for a whole number of at least ``minimum``."""

    @told({"type": "integer", "minimum": minimum})
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise ValueError(f"a whole number of at least {minimum}")
        if value < minimum:
            raise ValueError(f"at least {minimum}")
        return int(value)

    return check


def size(minimum: int) -> Check:
    """Make a check for a number of pixels; half of another one is a float that is whole."""
    check = whole(minimum)

    @told(schema_of(check))
    def check_size(value: Any) -> int:
        is_float = isinstance(value, float | np.floating)
        return int(check(int(value) if is_float and value.is_integer() else value))

    return check_size


@told(NUMBER)
def number(value: Any) -> int | float:
    """Check a real number."""
    plain = value.item() if isinstance(value, np.generic) else value
    # not every real number: a Fraction or Decimal is no value of a pixel
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        raise ValueError("a number")
    try:
        float(plain)
    except OverflowError:
        raise ValueError("a number of no more than 308 digits") from None
    return plain


@told({"type": "number", "minimum": 0})
def seconds(value: Any) -> float:
    """Check a length of time of at least 0 s."""
    plain = number(value)
    if not 0 <= plain < math.inf:
        raise ValueError("a number of seconds of at least 0")
    return float(plain)


@told({"type": "boolean"})
def flag(value: Any) -> bool:
    """Check a flag."""
    # RIOS scripts write 0 and 1, too
    if isinstance(value, bool | np.bool_ | int) and value in (0, 1):
        return bool(value)
    raise ValueError("True or False")


@told(_TEXT)
def text(value: Any) -> str:
    """Check a string."""
    if not isinstance(value, str) or not value:
        raise ValueError("a string that is not empty")
    return value


@told({"type": "string"})
def any_text(value: Any) -> str:
    """Check a string, which may be empty."""
    if not isinstance(value, str):
        raise ValueError("a string")
    return value


def texts_by_name(but: tuple[str, ...] = ()) -> Check:
    """Make a check for texts by name, as the metadata of a file has them."""
    others = ", ".join(("empty", *but))
    wanted = f"a dict of strings by name, where no name is {others}, or holds '='"

    @told({"type": "object", "additionalProperties": {"type": "string"}})
    def check(value: Any) -> dict[str, str]:
        if not isinstance(value, Mapping):
            raise ValueError(wanted)
        for name, words in value.items():
            texts = isinstance(name, str) and isinstance(words, str)
            if not texts or name in ("", *but) or "=" in name:
                raise ValueError(wanted)
            if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in name + words):
                raise ValueError(f"{wanted}; no file keeps each character of {name!r}")
        return dict(value)

    return check


@told(_TEXT)
def path(value: Any) -> str:
    """Check a file name."""
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str) or not path:
        raise ValueError("a file name, as a string or pathlib.Path")
    return path


def one_of(*choices: Any) -> Check:
    """Make a check for one of a few values."""

    @told({"enum": list(choices)})
    def check(value: Any) -> Any:
        value = value.item() if isinstance(value, np.generic) else value
        known = isinstance(value, str | int | float) and not isinstance(value, bool)
        if not known or value not in choices:
            raise ValueError(f"one of {', '.join(map(str, choices))}")
        return value

    return check


@told({"enum": [*FOOTPRINT_NAMES, *FOOTPRINTS]})
def footprint(value: Any) -> int:
    """Check a footprint."""
    try:
        return int(one_of(*FOOTPRINTS)(value))
    except ValueError:
        raise ValueError("applier.INTERSECTION, UNION or BOUNDS_FROM_REFERENCE") from None


def list_of(check_item: Check, what: str, may_be_empty: bool = False) -> Check:
    """Make a check for a list whose items pass ``check_item``; it becomes a tuple."""

    @told(schemas.list_of(schema_of(check_item), 0 if may_be_empty else 1))
    def check(value: Any) -> tuple[Any, ...]:
        wanted = f"a list of {what}" + ("" if may_be_empty else " that is not empty")
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            raise ValueError(wanted)
        try:
            items = tuple(check_item(item) for item in value)
        except ValueError:
            raise ValueError(wanted) from None
        if not items and not may_be_empty:
            raise ValueError(wanted)
        return items

    return check


def or_none(check_value: Check) -> Check:
    """Make a check that lets None pass, and all that ``check_value`` lets pass."""

    @told(schemas.or_null(schema_of(check_value)))
    def check(value: Any) -> Any:
        if value is None:
            return None
        try:
            return check_value(value)
        except ValueError as error:
            raise ValueError(f"{error}, or None") from None

    return check


@told({"anyOf": [schemas.list_of(_TEXT), _TEXT]})
def creation_options(value: Any) -> tuple[str, ...]:
    """Check creation options; those in one string are taken apart when the driver is known."""
    given = [value] if isinstance(value, str) and value else value
    return tuple(list_of(text, "NAME=VALUE strings", may_be_empty=True)(given))


@told({"anyOf": [NUMBER, schemas.list_of(NUMBER, 1)]})
def nodata(value: Any) -> Any:
    """Check a nodata value, or a list of them."""
    if isinstance(value, np.ndarray):
        # one of no dimensions is a number
        value = value.tolist()
    if isinstance(value, list | tuple):
        return list_of(number, "numbers")(value)
    try:
        return number(value)
    except ValueError:
        raise ValueError("a number, or a list with one for each band") from None


@told({"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4})
def bounds(value: Any) -> tuple[float, ...]:
    """Check west, south, east and north; an extent across the antimeridian goes on counting."""
    wanted = (
        "west, south, east and north: four finite numbers, from lower to higher (across the "
        "antimeridian longitudes count on, as from 170 to 190)"
    )
    try:
        west, south, east, north = (float(number(edge)) for edge in value)
    except (TypeError, ValueError):
        raise ValueError(wanted) from None
    if not (-math.inf < west <= east < math.inf and -math.inf < south <= north < math.inf):
        raise ValueError(wanted)
    return west, south, east, north


@told({"enum": list(RESAMPLE_METHODS)})
def resample_method(value: Any) -> str:
    """Check gdalwarp's name of a method; capitals and "nearest" will do."""
    if isinstance(value, str):
        value = value.lower()
        value = "near" if value in ("nearest", "nearestneighbour") else value
    return str(one_of(*RESAMPLE_METHODS)(value))


@told({"enum": list(OVERVIEW_METHODS)})
def overview_method(value: Any) -> str:
    """Check the name of a way to make overviews."""
    method = value.upper() if isinstance(value, str) else value
    if method == "AVERAGE_MAGPHASE":
        return method  # refused later, with the reason
    return str(one_of(*OVERVIEW_METHODS)(method))


def callback(value: Any) -> tuple[Any, tuple[Any, ...]]:
    """Check a function with its arguments."""
    if isinstance(value, tuple) and len(value) == 2 and callable(value[0]):
        function, arguments = value
        if isinstance(arguments, list | tuple):
            return function, tuple(arguments)
    raise ValueError("a function, and a tuple of further arguments for it")


@told({"enum": list(schemas.DTYPES)})
def dtype(value: Any) -> str:
    """Check a type of pixels; it becomes its name."""
    try:
        found = np.dtype(value)
    except TypeError:
        found = np.dtype(object)
    # None would mean float64
    if value is None or found.kind not in "iuf":
        raise ValueError("a numpy type of whole or real numbers")
    return str(found.name)


@told({"anyOf": [{"type": "integer", "minimum": 1}, _TEXT]})
def band(value: Any) -> int | str:
    """Check the number of a band, or its description."""
    return text(value) if isinstance(value, str) else int(whole(1)(value))


@told({"anyOf": [{"type": "integer", "minimum": 0}, _TEXT]})
def layer(value: Any) -> int | str:
    """Check the number or name of a vector layer."""
    try:
        return text(value) if isinstance(value, str) else int(whole(0)(value))
    except ValueError:
        raise ValueError("the number of a layer from 0, or its name") from None


def progress(value: Any) -> Any:
    """Check a progress object."""
    if not callable(getattr(value, "setProgress", None)):
        raise ValueError("an object with a method setProgress(percent)")
    return value


def instance_of(kind: type, advice: str = "") -> Check:
    """Make a check for an object of a class."""

    @told(schemas.OBJECTS[kind])
    def check(value: Any) -> Any:
        if not isinstance(value, kind):
            raise ValueError(f"a {kind.__name__}{advice}")
        return value

    return check


@told(schemas.RETRIES)
def retries(value: Any) -> BlockRetries:
    """Check how often a block is tried again."""
    if isinstance(value, BlockRetries):
        with suppress(ValueError):
            seconds(value.delay)
            counts = whole(0)(value.user_function), whole(0)(value.io)
            return BlockRetries(*counts, number(value.delay))
    raise ValueError(
        "BlockRetries of whole numbers of at least 0, and a delay of at least 0 seconds"
    )
