"""Markdown: tables, cells and fences that no text breaks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> str:
    """Write a table; ``align`` has "l" or "r" for each column."""
    rule = ["---:" if side == "r" else ":---" for side in align]
    lines = [head, rule, *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    """Escape a text, so that it does not end its table cell or count as markup."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*~\[|])", r"\\\1", flat)


def fenced(text: str) -> str:
    """Put a text in a code fence that no line of it can end."""
    longest = max((len(run) for run in re.findall("~+", text)), default=0)
    fence = "~" * max(4, longest + 1)
    return f"{fence}\n{text}\n{fence}"
