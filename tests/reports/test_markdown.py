"""Markdown that no text breaks: read again by a parser of markdown."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from rios_flows.reports import markdown

ODD = "a | b\nc `d` *e* ~f~ <g> & [h](i) \\| j"


def test_a_cell_says_what_it_was_given() -> None:
    text = markdown.table(("Of", "N"), [(ODD, "5")], "lr")
    tokens = MarkdownIt().enable("table").parse(text)
    cells = [token for token in tokens if token.type == "inline"]
    shown = ["".join(child.content for child in token.children or ()) for token in cells]
    assert shown == ["Of", "N", " ".join(ODD.split()), "5"]
    assert {child.type for child in cells[2].children or ()} <= {"text", "text_special"}


@pytest.mark.parametrize("text", ["", "plain", "~~~~\nin a fence\n~~~~", "~~~~~~"])
def test_a_fence_holds_any_text(text: str) -> None:
    [token] = MarkdownIt().parse(markdown.fenced(text))
    assert token.type == "fence"
    assert token.content == f"{text}\n"
