"""What a user function finds around it; more is in ``test_luggage_surroundings``."""

from __future__ import annotations

from pathlib import Path

from tests.support.luggage import run_script

GONE = """
import os, sys
os.mkdir("gone")
os.chdir("gone")
os.rmdir("../gone")
sys.path.insert(0, "")
from rios_flows.workers.travel.beside import modules_beside
from rios_flows.workers.travel.surroundings import surroundings
modules_beside()
here = surroundings()
assert here.folder == "" and "" not in here.first
here.enter()
"""


def test_a_working_directory_that_was_removed(tmp_path: Path) -> None:
    run_script(GONE, tmp_path)
