"""Reads three columns of an HFA file's attribute table, and writes three: ours, or osgeo alone.

Run as ``python table_loop.py ours|at_once|osgeo FILE``; prints seconds of the processor and memory
as JSON. Debian's Python, which has osgeo, has none of our packages.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

BLOCK = 100_000
INPUTS, OUTPUTS = ("number", "area", "mean"), ("x", "y", "z")


def ours(path: str, at_once: bool = False) -> float:
    """Return the seconds of processor time that ratapplier takes."""
    from rios_flows import ratapplier

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        number, area, mean = inputs.a.number, inputs.a.area, inputs.a.mean
        outputs.a.x, outputs.a.y, outputs.a.z = number * 2, area * mean, area - mean

    tables: Any = ratapplier.RatAssociations()
    tables.a = ratapplier.RatHandle(path)
    controls = ratapplier.RatApplierControls()
    controls.setBlockLength(BLOCK)
    controls.setWriteAtOnce(at_once)
    begin = time.process_time()
    ratapplier.apply(function, tables, tables, controls=controls)
    return time.process_time() - begin


def at_once(path: str) -> float:
    """Return the same, with each block written when it is there."""
    return ours(path, at_once=True)


def osgeo(path: str) -> float:
    """Return the seconds of processor time that a loop over GDAL's own Python interface takes."""
    # gdal_array takes numpy in, which is no part of the loop
    from osgeo import gdal, gdal_array  # type: ignore[import-not-found]  # noqa: F401

    gdal.UseExceptions()
    begin = time.process_time()
    dataset = gdal.Open(path, gdal.GA_Update)
    rat = dataset.GetRasterBand(1).GetDefaultRAT()
    for name, kind in zip(OUTPUTS, (0, 1, 1), strict=True):
        rat.CreateColumn(name, kind, 0)
    names = [rat.GetNameOfCol(place) for place in range(rat.GetColumnCount())]
    rows = rat.GetRowCount()
    for start in range(0, rows, BLOCK):
        length = min(BLOCK, rows - start)
        number, area, mean = (rat.ReadAsArray(names.index(n), start, length) for n in INPUTS)
        for name, values in zip(OUTPUTS, (number * 2, area * mean, area - mean), strict=True):
            rat.WriteArray(values, names.index(name), start)
    del rat, dataset
    return time.process_time() - begin


if __name__ == "__main__":
    seconds = {"ours": ours, "at_once": at_once, "osgeo": osgeo}[sys.argv[1]](sys.argv[2])
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "mib": mib}))
