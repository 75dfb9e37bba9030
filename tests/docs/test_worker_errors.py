"""What docs/worker-errors.md and docs/aws.md quote is what the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / name for name in ("worker-errors.md", "aws.md")]

#: Where messages about workers come from.
SOURCES = [
    *(ROOT / "rios_flows" / "workers").rglob("*.py"),
    *(ROOT / "rios_flows" / "orchestration" / "pools").rglob("*.py"),
    ROOT / "rios_flows" / "controls" / "concurrency.py",
    ROOT / "rios_flows" / "controls" / "extraparams.py",
    ROOT / "rios_flows" / "jobs" / "preparing.py",
]

#: In the first column; a class of errors is no message.
QUOTED = [
    text
    for page in PAGES
    for text in re.findall(r"^\| `([^`]+)`", page.read_text(), re.M)
    if not text.endswith("Error")
]


def texts(tree: ast.AST) -> Iterator[str]:
    """Yield all texts of a module; what differs in them is a line break."""
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=values):
                parts = (
                    value.value if isinstance(value, ast.Constant) else "\n" for value in values
                )
                yield "".join(map(str, parts))
            case ast.Constant(value=str(text)):
                yield re.sub(r"%[a-z]", "\n", text)


@pytest.fixture(scope="module")
def messages() -> list[str]:
    return [text for path in SOURCES for text in texts(ast.parse(path.read_text("utf-8")))]


def is_said(quoted: str, messages: list[str]) -> bool:
    fragments = [part.strip(" .") for part in quoted.split("...")]
    pattern = re.compile(".*".join(map(re.escape, fragments)), re.S)
    return any(pattern.search(message) for message in messages)


@pytest.mark.parametrize("quoted", QUOTED)
def test_each_message_is_in_the_code(quoted: str, messages: list[str]) -> None:
    assert len(quoted.replace("...", "").strip(" .:")) > 3
    assert is_said(quoted, messages)


def test_what_nobody_says_is_found(messages: list[str]) -> None:
    assert len(QUOTED) > 40
    assert is_said("The worker on ... has ...: pixels", messages)
    assert not is_said("The worker at ... has ...: pixels", messages)
