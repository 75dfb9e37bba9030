"""``make`` where Python will not do: one line says why, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: A stand-in for Python: what it says of its version, of venv, and what making one comes to.
FAKE_PYTHON = """#!/bin/sh
case "$*" in
    --version) echo "Python {version}" ;;
    *version_info*) exit {too_old} ;;
    *ensurepip*) exit {no_venv} ;;
    "-m venv .venv") mkdir .venv; touch .venv/half-made; exit 1 ;;
    *) exit 99 ;;
esac
"""


def make(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "demo", f"PYTHON={python}"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60)


def fake_python(folder: Path, version: str, *, too_old: int, no_venv: int) -> str:
    path = folder / "fake-python"
    path.write_text(FAKE_PYTHON.format(version=version, too_old=too_old, no_venv=no_venv))
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("version", "too_old", "no_venv", "message"),
    [
        ("3.10.1", 1, 0, "Python 3.10.1 is too old: 3.11 or newer is needed"),
        ("3.11.2", 0, 1, "has no venv module: install it first (Debian, Ubuntu: apt-get install"),
    ],
)
def test_unfit_python_is_told_in_one_line(
    tmp_path: Path, version: str, too_old: int, no_venv: int, message: str
) -> None:
    python = fake_python(tmp_path, version, too_old=too_old, no_venv=no_venv)
    done = make(tmp_path, python)
    assert done.returncode != 0
    assert message in done.stderr
    assert (done.stdout + done.stderr).count("\n") == 1
    assert not (tmp_path / ".venv").exists()


def test_missing_python_is_told_in_one_line(tmp_path: Path) -> None:
    done = make(tmp_path, "no-such-python")
    assert done.returncode != 0
    assert "no no-such-python found: install Python 3.11 or newer" in done.stderr
    assert (done.stdout + done.stderr).count("\n") == 1


def test_half_made_environment_is_removed(tmp_path: Path) -> None:
    python = fake_python(tmp_path, "3.11.2", too_old=0, no_venv=0)
    assert make(tmp_path, python).returncode != 0
    assert not (tmp_path / ".venv").exists()


def test_constraints_name_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 150
    for pin in pins:
        name, _, version = pin.partition("==")
        assert name, pin
        assert version, pin
        assert not set("/:@ ;") & set(pin), pin
