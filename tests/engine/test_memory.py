"""Memory of the main process: it hardly depends on how many blocks a raster is cut into."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.rasters import write_raster

SIDE = 2048
STYLES = {
    "none": "ConcurrencyStyle()",
    "threads": "ConcurrencyStyle(2, 2, 'CW_THREADS')",
    "processes": "ConcurrencyStyle(2, 2, 'CW_SUBPROC', computeWorkersRead=False)",
    "processes that read": "ConcurrencyStyle(0, 2, 'CW_SUBPROC', computeWorkersRead=True)",
}
SCRIPT = """
import json, sys
from rios_flows import engine
from rios_flows.applier import ApplierControls, FilenameAssociations
from rios_flows.structures import ConcurrencyStyle

def copy(info, inputs, outputs):
    outputs.result = inputs.image

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if "VmHWM" in line)

def run(window):
    open("/proc/self/clear_refs", "w").write("5")  # the peak is now what is resident now
    infiles, outfiles, controls = FilenameAssociations(), FilenameAssociations(), ApplierControls()
    infiles.image, outfiles.result = sys.argv[1:3]
    controls.setWindowSize(window, window)
    controls.setOutputDriverName("GTiff")
    controls.setCreationOptions(["TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16"])
    controls.setOverviewAggregationType(sys.argv[3])
    controls.setConcurrencyStyle(eval(sys.argv[4]))
    result = engine.apply(copy, infiles, outfiles, controls=controls)
    return len(result.info.blocks), 1024 * peak()

print(json.dumps([run(window) for window in (64, 64, 16)]))
"""


@pytest.mark.parametrize(
    ("style", "method"),
    [
        pytest.param("none", "NEAREST"),
        *[
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("none", "AVERAGE"),
                ("threads", "NEAREST"),
                ("processes", "MODE"),
                ("processes that read", "NEAREST"),
            )
        ],
    ],
)
def test_memory_hardly_grows_with_the_blocks(tmp_path: Path, style: str, method: str) -> None:
    pixels = np.arange(SIDE * SIDE, dtype=np.uint8).reshape(1, SIDE, SIDE)
    source = write_raster(tmp_path / "in.tif", pixels)
    script = tmp_path / "job.py"
    script.write_text(SCRIPT)
    given = [str(script), str(source), str(tmp_path / "out.tif"), method, STYLES[style]]
    answer = subprocess.run(
        [sys.executable, *given], stdout=subprocess.PIPE, text=True, timeout=120, check=True
    )
    _, (few, before), (many, after) = json.loads(answer.stdout)
    assert (few, many) == ((SIDE // 64) ** 2, (SIDE // 16) ** 2)
    # records and timings take 130-200, and threads some MB whatever they do; by blocks, overviews
    # alone took 1.5 kB
    assert (after - before) / (many - few) < 800
