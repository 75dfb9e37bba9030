"""Names of functions, for people."""

from __future__ import annotations

from rios_flows.basics.types import UserFunction


def name_of(function: UserFunction) -> str:
    """Return what to call a user function."""
    inner = getattr(function, "func", function)  # functools.partial
    return str(getattr(inner, "__name__", type(inner).__name__))
