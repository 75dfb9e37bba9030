"""Faults of RIOS that are not repeated, where no other test shows it."""

from __future__ import annotations

import copy
import json
import logging
import re
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import engine, read, rioserrors, stages
from rios_flows.controls import ApplierControls
from rios_flows.structures import (
    CW_THREADS,
    ApplierReturn,
    ConcurrencyStyle,
    FilenameAssociations,
)
from tests.rasters import RES, coordinates, read_raster, write_raster

ROOT = Path(__file__).parents[2]
THREADS = ConcurrencyStyle(numReadWorkers=1, computeWorkerKind=CW_THREADS, numComputeWorkers=1)


def double(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.image * 2


def run(
    folder: Path, function: Any = double, style: ConcurrencyStyle | None = None, **setters: Any
) -> ApplierReturn:
    """Run a job of 3 x 4 blocks, with a smaller last column, on pixels that tell where they lie."""
    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    infiles.image = write_raster(folder / "in.tif", coordinates(1, 64, 40, "int32"))
    outfiles.result = folder / "out.tif"
    controls = ApplierControls()
    controls.setWindowSize(16, 16)
    if style is not None:
        controls.setConcurrencyStyle(style)
    for setter, value in setters.items():
        getattr(controls, setter)(**value)
    return engine.apply(function, infiles, outfiles, controls=controls)


def test_differences_name_tests_that_exist() -> None:
    surface = json.loads((ROOT / "tests" / "data" / "rios_surface.json").read_text())
    for difference in surface["differences"]:
        path, _, name = difference["test"].partition("::")
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.M), difference


def test_a_failed_read_is_tried_again_and_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls: Counter[Any] = Counter()
    read_input = read.read_input

    def fails_twice(pool: Any, plan: Any, item: Any, block: Any) -> Any:
        calls[block] += 1
        if block.top == block.left == 16 and calls[block] < 3:
            raise rioserrors.ImageReadError("the disk is away")
        return read_input(pool, plan, item, block)

    monkeypatch.setattr(stages, "read_input", fails_twice)
    with caplog.at_level(logging.WARNING, "rios_flows"):
        result = run(tmp_path, setBlockRetries={"delay": 0})
    np.testing.assert_array_equal(
        read_raster(tmp_path / "out.tif"), coordinates(1, 64, 40, "int32") * 2
    )
    attempts = [
        (record.attempt, record.error)
        for record in result.records
        if record.stage == "read" and record.block.top == record.block.left == 16
    ]
    assert attempts == [(1, "the disk is away"), (2, "the disk is away"), (3, "")]
    assert "the disk is away. Trying again, 2 of 3" in caplog.text


def test_apply_works_in_any_thread_and_installs_no_signal_handler(tmp_path: Path) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    seen: list[Any] = []

    def watch(info: Any, inputs: Any, outputs: Any) -> None:
        seen.append([signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)])
        double(info, inputs, outputs)

    thread = threading.Thread(target=run, args=(tmp_path, watch, THREADS))
    thread.start()
    thread.join(60)
    assert (tmp_path / "out.tif").exists()
    assert seen == [handlers] * 12


def test_a_slow_block_holds_up_nobody(tmp_path: Path) -> None:
    others_done = threading.Semaphore(0)

    def first_is_slow(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)
        if info.isFirstBlock():
            # until the other worker has computed every other block
            for _ in range(11):
                assert others_done.acquire(timeout=30)
        else:
            others_done.release()

    style = ConcurrencyStyle(
        numReadWorkers=1,
        computeWorkerKind=CW_THREADS,
        numComputeWorkers=2,
        readBufferInsertTimeout=None,
        computeBufferPopTimeout=None,
    )
    result = run(tmp_path, first_is_slow, style)
    lanes = Counter(record.lane for record in result.records if record.stage == "compute")
    assert sorted(lanes.values()) == [1, 11]


def test_nothing_of_the_callers_is_changed(tmp_path: Path) -> None:
    style = copy.copy(THREADS)
    before = copy.deepcopy(vars(style))
    run(tmp_path, style=style)
    assert vars(style) == before


def test_positions_outside_a_block_have_no_pixel(tmp_path: Path) -> None:
    found: dict[Any, Any] = {}

    def look(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)
        left, top = info.blocktl
        right, bottom = info.blockbr
        half = RES / 2
        found[info.getBlockCount()] = (
            info.getBlockSize(),
            info.getPixRowColBlock(left, top),
            info.getPixRowColBlock(right - half, bottom + half),
            info.getPixRowColBlock(right, top),
            info.getPixRowColBlock(left, bottom),
            info.getPixRowColBlock(left - half, top),
            info.getPixRowColBlock(left, top + half),
        )

    run(tmp_path, look)
    nowhere = (None, None)
    assert len(found) == 12
    for size, first, last, *outside in found.values():
        assert first == (0, 0)
        assert last == (size[1] - 1, size[0] - 1)
        assert outside == [nowhere] * 4
    # a cut block at the right edge
    assert found[2, 0][0] == (8, 16)


def test_progress_is_whole_percents_of_blocks_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Progress:
        seen: list[int] = []  # noqa: RUF012 - one object only

        def setProgress(self, percent: int) -> None:
            self.seen.append(percent)

    run(tmp_path, style=THREADS, setProgress={"progress": Progress()})
    assert Progress.seen == [0, 8, 16, 25, 33, 41, 50, 58, 66, 75, 83, 91, 100]
    assert capsys.readouterr() == ("", "")
