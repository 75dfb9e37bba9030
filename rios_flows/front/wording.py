"""Texts in the words of options: those of the engine name RIOS's setters."""

from __future__ import annotations

import re
from functools import cache

from rios_flows.controls.declaring import Control
from rios_flows.controls.options import CONTROLS

_SETTERS = {
    "setWindowSize": "window",
    "setWindowXsize": "window",
    "setWindowYsize": "window",
    "setConcurrencyStyle": "workers",
}

#: A setter, perhaps with its arguments; an object may have a method of such a name.
_SETTER = re.compile(r"(?<!method )\b(call )?((?:set|select)[A-Z]\w*)(?:\(([^()]*)\))?(:?)")

#: What else is called otherwise here.
_WORDS = (
    (re.compile(r"\b(?:imagename|vectorname)=('[^']*')"), r"{\1: ...}"),
    (re.compile(r"\b(?:imagename|vectorname)\b"), "a dict by name"),
    (re.compile(r"\bcheckpointInterval\b"), "checkpoint_interval"),
    (re.compile(r"\botherArgs\b"), "state"),
    (re.compile(r"\binfiles\b"), "inputs"),
    (re.compile(r"\boutfiles\b"), "outputs"),
)


@cache
def plain_names() -> dict[str, Control]:
    """Return every control that is an option, by its plain name."""
    return {each.plain: each for each in CONTROLS.values() if each.plain}


def names_setter(text: str) -> bool:
    """Return whether a text names what looks like a setter."""
    return _SETTER.search(text) is not None


def in_plain_words(text: str) -> str:
    """Return a message with options in place of setters."""
    text = _SETTER.sub(_option, text)
    for known, here in _WORDS:
        text = known.sub(here, text)
    return text


@cache
def _options() -> dict[str, str]:
    # of two that one setter sets, the first is what it is called by
    return {each.setter: name for name, each in reversed(plain_names().items())} | _SETTERS


def _option(found: re.Match[str]) -> str:
    called, setter, arguments, colon = found.groups()
    name = _options().get(setter)
    if name is None:
        return found[0]
    given = name if colon and arguments is None else f"{name}={arguments or ''}"
    return f"{'give ' if called else ''}{given}{colon}"
