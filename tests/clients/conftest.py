"""Runs scripts that are spelled for RIOS, after the one change that they need: the import."""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).parent / "scripts"

#: Runs a script with arguments, and returns what it prints.
Client = Callable[..., str]


@pytest.fixture
def client(
    at_server: Callable[[], AbstractContextManager[object]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Client]:
    monkeypatch.chdir(tmp_path)

    def run(name: str, *arguments: object) -> str:
        text = (SCRIPTS / f"{name}.py").read_text()
        changed = re.sub(r"\brios\b", "rios_flows", text)
        assert changed != text
        script = tmp_path / f"{name}.py"
        script.write_text(changed)
        monkeypatch.setattr(sys, "argv", [str(script), *map(str, arguments)])
        capsys.readouterr()
        runpy.run_path(str(script), run_name="__main__")
        return capsys.readouterr().out

    with at_server():
        yield run


def draw(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)
