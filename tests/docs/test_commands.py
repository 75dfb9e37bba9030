"""The commands `rios-flows ...` of the pages exist, with their options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from rios_flows.cli import program

ROOT = Path(__file__).parents[2]

PAGES = [
    *(ROOT / "README.md", ROOT / "deployments" / "README.md"),
    *sorted((ROOT / "docs").rglob("*.md")),
]


def commands(text: str) -> Iterator[list[str]]:
    """Return the words after `rios-flows`, of shell blocks and within lines."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").split("\n")]
    for line in (*lines, *re.findall(r"`([^`\n]+)`", text)):
        found = re.match(r"(?:\w+=\S+ )*rios-flows (.*)", line.strip())
        if found is not None:
            yield shlex.split(found[1], comments=True)


def test_commands_have_the_options_that_pages_name() -> None:
    whole: Any = typer.main.get_command(program.app)
    seen = set()
    for page in PAGES:
        for words in commands(page.read_text()):
            named = bool(words) and not words[0].startswith("-")
            command = whole.commands[words[0]] if named else whole
            known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
            wrong = {word.partition("=")[0] for word in words if word.startswith("--")} - known
            assert not wrong, f"{page.name}: rios-flows {' '.join(words)}"
            seen.add(command.name)
    assert {"run", "plan", "doctor", "setup", "report", "compare", "schema"} <= seen
