"""Room that is taken before it is needed."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from rios_flows.basics.diskroom import allocate


def test_room_for_a_part(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        allocate(file.fileno(), 0, 0)
        allocate(file.fileno(), 1000, 5000)
        assert (tmp_path / "a").stat().st_size in (0, 6000)
        # more than any file may have
        with pytest.raises(OSError, match="large") as caught:
            allocate(file.fileno(), 2**62, 2**61)
        assert caught.value.errno == errno.EFBIG
    # what is no file that can have room is left to who writes it
    allocate(-1, 0, 10)
