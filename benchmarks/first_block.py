"""A user's script: prints how long it took from its start to its first block, as JSON (s)."""

from __future__ import annotations

import json
import os
import sys
import time

from rios_flows import applier

begun: list[float] = []


def invert(
    info: object, inputs: applier.BlockAssociations, outputs: applier.BlockAssociations
) -> None:
    begun.append(time.time())
    outputs.result = 65535 - inputs.source


infiles = applier.FilenameAssociations()
outfiles = applier.FilenameAssociations()
infiles.source = sys.argv[1]
outfiles.result = sys.argv[2]
controls = applier.ApplierControls()
controls.setOutputDriverName("GTiff")
applier.apply(invert, infiles, outfiles, controls=controls)

start = float(os.environ["BENCH_STARTED"])
print(json.dumps({"first block": begun[0] - start, "returned": time.time() - start}))
