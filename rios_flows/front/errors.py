"""Errors in the words of options: a message may name the setter of a control."""

from __future__ import annotations

import re

from rios_flows.basics.errortext import text_of
from rios_flows.front.choosing import plain_names

_OTHERS = {
    "setWindowSize": "window",
    "setWindowXsize": "window",
    "setWindowYsize": "window",
    "setConcurrencyStyle": "workers",
}


def told_plainly(error: BaseException) -> None:
    """Add to an error what the setters that it names are called here."""
    known = _OTHERS | {each.setter: name for name, each in plain_names().items()}
    named = dict.fromkeys(re.findall(r"\b(?:set|select)[A-Z]\w+", text_of(error)))
    here = [f"{setter} is {known[setter]}= here" for setter in named if setter in known]
    if here:
        error.add_note(f"In rios_flows.apply, {', '.join(here)}.")
