"""Names that are spelled almost right."""

from __future__ import annotations

from collections.abc import Iterable


def question(name: str, known: Iterable[str]) -> str:
    """Return a question with the known name that is spelled most like this one; else nothing."""
    by_lower_name = {each.lower(): each for each in known}
    # nobody else needs it
    import difflib

    near = difflib.get_close_matches(name.lower(), by_lower_name, 1, 0.75)
    return f"; is '{by_lower_name[near[0]]}' meant?" if near else ""
