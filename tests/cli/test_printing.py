"""What others print while a command works towards its JSON."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rios_flows.cli.printing import printed_elsewhere

SCRIPT = """
import os
from contextlib import suppress
from rios_flows.cli.printing import printed_elsewhere
with printed_elsewhere(True):
    print("away")
    with suppress(OSError):
        os.write(1, b"away\\n")
print("here")
"""


def tell(text: str, error: Exception | None = None) -> None:
    sys.stdout.write(f"{text}\n")
    if error is not None:
        raise error


def test_it_comes_back(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="oh"), printed_elsewhere(True):
        tell("away", OSError("oh"))
    with printed_elsewhere(False):
        tell("here")
    assert capfd.readouterr() == ("here\n", "away\n")


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_process_without_one_of_them(closed: str) -> None:
    whole = f"exec {closed}>&-; exec {sys.executable} -c '{SCRIPT}'"
    done = subprocess.run(["/bin/sh", "-c", whole], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    if closed == "2":
        assert done.stdout.endswith("here\n")
