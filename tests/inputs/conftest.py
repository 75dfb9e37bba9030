"""What tests of files share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.burnt import Reader, reading


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Burns a vector file whole."""
    return reading(tmp_path)
