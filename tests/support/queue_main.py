"""The main process of a run over a queue, to be killed.

python -m tests.support.queue_main (engine | flow) KIND FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rios_flows import applier
from tests.support.jobs import WINDOW
from tests.support.queue_runs import nothing_counted, slow


def main(how: str, kind: str, folder: Path) -> applier.ApplierReturn:
    """Run the job whose files are in a folder, and go on with it where it was left."""
    infiles, outfiles = applier.FilenameAssociations(), applier.FilenameAssociations()
    infiles.image, outfiles.result = folder / "in.tif", folder / "out.tif"
    beside = folder / "extra.json"
    extra = json.loads(beside.read_text()) if beside.exists() else {"interface": "127.0.0.1"}
    controls = applier.ApplierControls()
    controls.setWindowSize(WINDOW, WINDOW)
    controls.setTempdir(str(folder / "temp"))
    # a checkpoint waits for blocks in hand, and workers without one for the checkpoint
    waits = (folder / "wait").exists()
    controls.setResume(True, checkpointInterval=3600 if waits else 0.01)
    controls.setConcurrencyStyle(
        applier.ConcurrencyStyle(
            computeWorkerKind=kind,
            numComputeWorkers=2,
            computeBufferPopTimeout=60,
            computeWorkerExtraParams=extra,
        )
    )
    other = nothing_counted(folder)
    if how == "flow":
        return applier.apply(slow, infiles, outfiles, other, controls)
    from rios_flows import engine

    return engine.apply(slow, infiles, outfiles, other, controls)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
