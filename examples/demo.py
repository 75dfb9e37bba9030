"""Vegetation index of two overlapping Landsat 8 scenes, as a Prefect flow.

Run by ``make demo``, or as ``python examples/demo.py [FOLDER]``; all that it makes goes to
FOLDER, by default ``demo-output``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from rios_flows import applier
from rios_flows.pictures import save_pictures, save_quicklook

SCENES = ("224077", "224078")
DATA = Path(__file__).with_name("data")
NODATA = -32768


def vegetation_index(info: Any, inputs: Any, outputs: Any) -> None:
    """Compute 10000 * (green - red) / (green + red), the mean of the scenes that saw a pixel."""
    total = np.zeros(inputs.green[0].shape, np.float32)
    count = np.zeros(inputs.green[0].shape, np.uint8)
    for green, red in zip(inputs.green, inputs.red, strict=True):
        seen = (green > 0) & (red > 0)
        green, red = green.astype(np.float32), red.astype(np.float32)
        total[seen] += (green[seen] - red[seen]) / (green[seen] + red[seen])
        count += seen
    mean = np.rint(10000 * total / np.maximum(count, 1))
    outputs.index = np.where(count > 0, mean, NODATA).astype(np.int16)


def main(folder: Path) -> None:
    """Run the job, print where the time went, and draw pictures of the output and of the run."""
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / "vegetation_index.tif"

    infiles = applier.FilenameAssociations()
    infiles.green = [str(DATA / f"landsat8_{scene}_green.tif") for scene in SCENES]
    infiles.red = [str(DATA / f"landsat8_{scene}_red.tif") for scene in SCENES]
    outfiles = applier.FilenameAssociations()
    outfiles.index = str(output)

    controls = applier.ApplierControls()
    controls.setWindowSize(64, 64)
    controls.setStatsIgnore(NODATA)
    controls.setConcurrencyStyle(
        applier.ConcurrencyStyle(
            numReadWorkers=2,
            computeWorkerKind=applier.CW_THREADS,
            numComputeWorkers=min(2, os.cpu_count() or 1),
        )
    )

    result = applier.apply(vegetation_index, infiles, outfiles, controls=controls)

    print()
    print(result.timings.formatReport())
    print()
    timeline, heat_map = save_pictures(result, folder)
    quicklook = save_quicklook(output, folder / "quicklook.png")
    for what, path in (
        ("output", output),
        ("quicklook", quicklook),
        ("timeline of the run", timeline),
        ("time over the raster", heat_map),
    ):
        print(f"{what:<20} {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output"))
