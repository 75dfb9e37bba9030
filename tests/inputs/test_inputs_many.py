"""A store that is slow, and more files than a process may have open."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows.structures import CW_NONE, ConcurrencyStyle
from tests.support.inputs import Grid, controls_of, run, texture
from tests.support.rasters import read_raster
from tests.support.stores import Store, serving

GRID = Grid(300000.0, 2800000.0, 30.0, 1024, 1280)
BLOCKS = 8 * 10
READERS, DELAY = 8, 0.05


@pytest.mark.alone
def test_readers_hide_the_wait_for_a_slow_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    respond, waiting = Store.respond, []

    def slow(store: Store, path: str, wanted: str) -> Any:
        waiting.append(time.perf_counter())
        time.sleep(DELAY)
        return respond(store, path, wanted)

    # every block of every date is a request of its own: a tile is as large as what GDAL fetches
    pixels = texture(GRID, dtype="uint16")
    tiles = {"tiled": True, "blockxsize": 128, "blockysize": 128}
    for number in range(4):
        GRID.raster(tmp_path / f"{number}.tif", pixels, **tiles)
    controls = controls_of(window=128)
    controls.setOmitBasicStats(True)
    controls.setOmitHistogram(True)
    controls.setConcurrencyStyle(
        ConcurrencyStyle(numReadWorkers=READERS, computeWorkerKind=CW_NONE)
    )

    def first(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.dates[0]

    with serving(tmp_path) as store, rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        dates = [f"/vsicurl/http://{store.address}/{number}.tif" for number in range(4)]
        monkeypatch.setattr(Store, "respond", slow)
        found, rtn = run(tmp_path, controls, first, dates=dates)
    np.testing.assert_array_equal(found, pixels)
    reads = rtn.timings.getDurationsForName("reading")
    assert reads is not None
    assert len(reads) == BLOCKS * 4
    # it is the store that is waited for, though GDAL may ask for several tiles at once
    assert sum(reads) >= 0.9 * DELAY * len(waiting) > READERS * DELAY
    (wall,) = rtn.timings.getDurationsForName("walltime") or [0]
    assert wall <= 1.3 * sum(reads) / READERS


PROGRAM = """
import os, resource, sys
import numpy as np
from rios_flows import engine
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import ConcurrencyStyle, FilenameAssociations

resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
folder, count = sys.argv[1], int(sys.argv[2])
infiles, outfiles = FilenameAssociations(), FilenameAssociations()
# two grids in turn, so that half of them are warped
infiles.dates = [os.path.join(folder, f"{n % 2}-{n}.tif") for n in range(count)]
outfiles.total = os.path.join(folder, "total.tif")
controls = ApplierControls()
controls.setWindowSize(32, 32)
controls.setReferenceImage(infiles.dates[0])
controls.setFootprintType(2)
controls.setConcurrencyStyle(ConcurrencyStyle(numReadWorkers=3))
most = 0

def total(info, inputs, outputs):
    global most
    most = max(most, len(os.listdir("/proc/self/fd")))
    outputs.total = np.sum(inputs.dates, axis=0, dtype=np.int32)

engine.apply(total, infiles, outfiles, controls=controls)
print(most)
"""


@pytest.mark.slow
def test_more_inputs_than_files_may_be_open(tmp_path: Path) -> None:
    count, small = 2000, Grid(300000.0, 2800000.0, 30.0, 32, 32)
    # a third of a pixel off, which nearest neighbour does not see
    grids = [small, small._replace(xmin=small.xmin + 10)]
    made = [
        grid.raster(tmp_path / f"{kind}-{kind}.tif", texture(grid, dtype="uint8", seed=kind))
        for kind, grid in enumerate(grids)
    ]
    contents = [path.read_bytes() for path in made]
    for number in range(count):
        (tmp_path / f"{number % 2}-{number}.tif").write_bytes(contents[number % 2])
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), str(count)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert program.returncode == 0, program.stderr[-2000:]
    assert int(program.stdout) < 256
    expected = sum(
        texture(small, dtype="uint8", seed=kind).astype(np.int32) * (count // 2) for kind in (0, 1)
    )
    np.testing.assert_array_equal(read_raster(tmp_path / "total.tif"), expected)
