"""Functions made of their source, as text."""

from __future__ import annotations

from typing import Any


def made(source: str, **around: Any) -> Any:
    """Return the function ``f`` of a module with this source."""
    names = {"__name__": "module_of_the_user", **around}
    exec(compile(source, "script.py", "exec"), names)
    return names["f"]


PLAIN = "def f(info, inputs, outputs): outputs.result = inputs.image + 1"

CLOSURE = """
def maker(number):
    def f(info, inputs, outputs): outputs.result = inputs.image + number
    return f
f = maker({})
"""
