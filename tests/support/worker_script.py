"""A script that has local workers do something, for tests that end it in all manner of ways."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from rios_flows import engine
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import (
    CW_SUBPROC,
    ConcurrencyStyle,
    FilenameAssociations,
)

folder, doing, ending = Path(sys.argv[1]), sys.argv[2], sys.argv[3]


def function(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.image
    if doing == "children":
        subprocess.Popen(["sleep", "1000"])
        if not os.fork():
            time.sleep(1000)
    (folder / f"at-{os.getpid()}").touch()
    if doing == "lock":
        # unlike CDLL, this one keeps Python's lock
        ctypes.PyDLL(None).sleep(1000)
    time.sleep(1000)


def run() -> None:
    infiles, outfiles, controls = FilenameAssociations(), FilenameAssociations(), ApplierControls()
    infiles.image, outfiles.result = str(folder / "in.tif"), str(folder / "out.tif")
    controls.setWindowSize(32, 32)
    controls.setConcurrencyStyle(
        ConcurrencyStyle(0, 2, CW_SUBPROC, computeWorkersRead=True, computeBufferPopTimeout=None)
    )
    engine.apply(function, infiles, outfiles, controls=controls)


def begun() -> None:
    while len(list(folder.glob("at-*"))) < 2:
        time.sleep(0.01)


if ending == "main thread":
    run()
else:
    threading.Thread(target=run, daemon=True).start()
    begun()
    if ending == "leaves":
        sys.stdin.readline()
        sys.exit(4)
    time.sleep(1000)
