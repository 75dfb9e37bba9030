"""Faults of RIOS that are not repeated, where no other test shows it."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rios_flows import engine
from rios_flows.controls import ApplierControls
from rios_flows.structures import (
    CW_THREADS,
    ApplierReturn,
    ConcurrencyStyle,
    FilenameAssociations,
)
from tests.rasters import coordinates, write_raster

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
