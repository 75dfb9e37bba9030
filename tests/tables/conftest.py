"""What tests of attribute tables share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.newcolumns import Job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A function that adds columns to an HFA file."""
    return Job(tmp_path / "a.img")
