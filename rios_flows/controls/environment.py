"""The RIOS_DFLT_* variables of the environment: what holds where the user says nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from rios_flows.basics.defaults import AUTO_COLOR_TABLES, FOOTPRINTS, OVERVIEW_METHODS
from rios_flows.formats.known import FALLBACK
from rios_flows.rioserrors import ParameterError, deprecationWarning

_CREATION_PREFIX = "RIOS_DFLT_CREOPT_"


class Variable(NamedTuple):
    """A variable of the environment that gives the default of a control."""

    name: str
    read: Callable[[str], Any]  # raises ValueError saying what the text should be

    def value(self, default: Any) -> Any:
        """Return what the variable says; the default where it is not set, or empty."""
        text = os.environ.get(self.name, "").strip()
        if not text:
            return default
        try:
            return self.read(text)
        except ValueError as error:
            raise ParameterError(
                f"The environment variable {self.name}={text!r} is not {error}; correct it or "
                "unset it"
            ) from None


def creation_options() -> dict[str, tuple[str, ...]]:
    """Return creation options by driver, for the drivers that the environment names."""
    found = {}
    if "RIOS_DFLT_DRIVEROPTIONS" in os.environ:
        driver = os.environ.get("RIOS_DFLT_DRIVER") or FALLBACK
        deprecationWarning(
            f"RIOS_DFLT_DRIVEROPTIONS is deprecated; set {_CREATION_PREFIX}{driver} instead", 3
        )
        found[driver] = _options("RIOS_DFLT_DRIVEROPTIONS", os.environ["RIOS_DFLT_DRIVEROPTIONS"])
    for name, text in os.environ.items():
        if name.startswith(_CREATION_PREFIX):
            found[name.removeprefix(_CREATION_PREFIX)] = _options(name, text)
    return found


def _options(name: str, text: str) -> tuple[str, ...]:
    if text.strip() == "None":
        return ()
    options = tuple(text.split())
    if not all("=" in option for option in options):
        raise ParameterError(
            f"The environment variable {name}={text!r} is not NAME=VALUE pairs with spaces between "
            "them, nor None; correct it or unset it"
        )
    return options


def whole(minimum: int) -> Callable[[str], int]:
    """Make a reader of a whole number of at least ``minimum``."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < minimum:
            raise ValueError(f"a whole number of at least {minimum}")
        return int(text)

    return read


def footprint(text: str) -> int:
    """Read the number of a footprint."""
    if text not in map(str, FOOTPRINTS):
        raise ValueError("0 (INTERSECTION), 1 (UNION) or 2 (BOUNDS_FROM_REFERENCE)")
    return int(text)


def levels(text: str) -> tuple[int, ...]:
    """Read factors of overviews."""
    found = text.replace(",", " ").split()
    if not all(level.isdecimal() and int(level) > 1 for level in found):
        raise ValueError("whole numbers above 1 with commas between them")
    return tuple(int(level) for level in found)


def overview_method(text: str) -> str:
    """Read the name of a way to make overviews."""
    return _one_of(OVERVIEW_METHODS, text.upper())


def color_table(text: str) -> str | None:
    """Read the name of a colour table, or None."""
    return None if text == "None" else _one_of(AUTO_COLOR_TABLES, text, " or None")


def _one_of(choices: tuple[str, ...], text: str, also: str = "") -> str:
    if text not in choices:
        raise ValueError(f"one of {', '.join(choices)}{also}")
    return text
