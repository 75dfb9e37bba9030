"""Faults of RIOS that are not repeated, where no other test shows it."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from rios_flows import engine
from rios_flows.controls import ApplierControls
from rios_flows.structures import CW_THREADS, ConcurrencyStyle, FilenameAssociations
from tests.support.rasters import coordinates, write_raster

ROOT = Path(__file__).parents[2]


def test_differences_name_tests_that_exist() -> None:
    surface = json.loads((ROOT / "tests" / "data" / "rios_surface.json").read_text())
    assert surface["differences"]
    for difference in surface["differences"]:
        path, _, name = difference["test"].partition("::")
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.M), difference


def test_a_slow_block_holds_up_nobody(tmp_path: Path) -> None:
    others_done = threading.Semaphore(0)

    def first_is_slow(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image
        if info.isFirstBlock():
            # until the other worker has computed every other block
            for _ in range(11):
                assert others_done.acquire(timeout=30)
        else:
            others_done.release()

    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    infiles.image = write_raster(tmp_path / "in.tif", coordinates(1, 64, 40, "int32"))
    outfiles.result = tmp_path / "out.tif"
    controls = ApplierControls()
    controls.setWindowSize(16, 16)
    controls.setConcurrencyStyle(
        ConcurrencyStyle(
            numReadWorkers=1,
            computeWorkerKind=CW_THREADS,
            numComputeWorkers=2,
            readBufferInsertTimeout=None,
            computeBufferPopTimeout=None,
        )
    )
    result = engine.apply(first_is_slow, infiles, outfiles, controls=controls)
    lanes = Counter(record.lane for record in result.records if record.stage == "compute")
    assert sorted(lanes.values()) == [1, 11]
