"""Windows are put together to whole blocks of a file, in any order and with little memory."""

from __future__ import annotations

import mmap
import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rios_flows.files.layout import FileLayout
from rios_flows.geometry.grid import BlockGrid
from rios_flows.outputs import scratchroom
from rios_flows.outputs.scratchroom import ScratchRoom
from rios_flows.outputs.wholeblocks import WholeBlocks
from tests.support.rasters import Array, coordinates

sizes = st.tuples(st.integers(1, 90), st.integers(1, 90))
cuts = st.tuples(st.integers(1, 50), st.integers(1, 50))


class Written:
    """A file that takes whole blocks only, each once."""

    def __init__(self, layout: FileLayout, pixels: Array) -> None:
        self.layout = layout
        self.pixels = np.zeros_like(pixels)
        self.times = np.zeros(pixels.shape[1:], int)
        self.calls = 0

    def write(self, left: int, top: int, pixels: Array) -> None:
        assert left % self.layout.block_cols == 0
        assert top % self.layout.block_rows == 0
        right, bottom = left + pixels.shape[2], top + pixels.shape[1]
        assert right % self.layout.block_cols == 0 or right == self.layout.ncols
        assert bottom % self.layout.block_rows == 0 or bottom == self.layout.nrows
        self.pixels[:, top:bottom, left:right] = pixels
        self.times[top:bottom, left:right] += 1
        self.calls += 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=sizes,
    block=cuts,
    window=cuts,
    bands=st.integers(1, 3),
    dtype=st.sampled_from(["uint8", "int16", "float64"]),
    in_memory=st.sampled_from([0, 5000, 1 << 20]),
    order=st.randoms(use_true_random=False),
)
def test_every_block_is_whole_and_written_once(
    tmp_path: Path,
    size: tuple[int, int],
    block: tuple[int, int],
    window: tuple[int, int],
    bands: int,
    dtype: str,
    in_memory: int,
    order: random.Random,
) -> None:
    pixels = coordinates(bands, size[1], size[0], dtype)
    # no block of a file is larger than the file in the direction of strips
    layout = FileLayout(*size, *block, pixel_bytes=bands * np.dtype(dtype).itemsize)
    written = Written(layout, pixels)
    windows = list(BlockGrid(*size, window))
    order.shuffle(windows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratchroom, "EXTENT_BYTES", 4096)
        whole = WholeBlocks(layout, window, written.write, str(tmp_path), in_memory)
        for here in windows:
            part = pixels[:, here.top :, here.left :][:, : here.nrows, : here.ncols].copy()
            whole.add(here, part)
            part[...] = 0  # the caller may use its array again
        whole.close()
    assert (written.times == 1).all()
    np.testing.assert_array_equal(written.pixels, pixels)
    if not whole.needed:
        assert written.calls == len(windows)


@pytest.mark.parametrize(
    ("block", "window", "needed"),
    [
        ((64, 64), (64, 64), False),
        ((64, 64), (256, 128), False),
        ((64, 64), (100, 64), True),
        ((64, 64), (64, 32), True),
        # strips
        ((1000, 8), (256, 256), True),
        ((1000, 8), (1000, 256), False),
        ((1000, 8), (5000, 100), True),
        ((1000, 1), (1000, 77), False),
        # all of it in one window
        ((64, 64), (1000, 1000), False),
    ],
)
def test_windows_of_whole_blocks_go_straight_to_the_file(
    tmp_path: Path, block: tuple[int, int], window: tuple[int, int], needed: bool
) -> None:
    layout = FileLayout(1000, 1000, *block, pixel_bytes=1)
    assert WholeBlocks(layout, window, Written(layout, np.zeros((1, 1, 1))).write, "").needed is (
        needed
    )


def test_what_does_not_fit_into_memory_goes_to_a_file_that_has_no_name(tmp_path: Path) -> None:
    room = ScratchRoom(100_000, str(tmp_path), memory_limit=0)
    pieces = [room.take() for _ in range(200)]
    for number, piece in enumerate(pieces):
        piece[...] = number
    assert all((piece == number).all() for number, piece in enumerate(pieces))
    assert list(tmp_path.iterdir()) == []
    room.give_back(pieces[0])
    assert room.take() is pieces[0]
    room.close()
    # what is still held stays readable
    assert (pieces[7] == 7).all()


def test_much_room_takes_few_descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rios_flows.outputs.scratchroom.EXTENT_BYTES", mmap.PAGESIZE)
    room = ScratchRoom(mmap.PAGESIZE, str(tmp_path), memory_limit=0)
    before = len(os.listdir("/proc/self/fd"))
    pieces = [room.take() for _ in range(3000)]
    assert len(os.listdir("/proc/self/fd")) - before < 100
    for number, piece in enumerate(pieces):
        piece[...] = number % 251
    assert all((piece == number % 251).all() for number, piece in enumerate(pieces))
    room.close()


def test_a_full_disk_is_an_error_and_no_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int, start: int, length: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "posix_fallocate", full)
    room = ScratchRoom(1000, str(tmp_path), memory_limit=0)
    with pytest.raises(OSError, match="No space left"):
        room.take()
    room.close()
