"""A run of one tiny block whose worker says what it finds where it is."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from rios_flows import engine
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.controls.concurrency import CW_SUBPROC, ConcurrencyStyle
from rios_flows.controls.controls import ApplierControls
from rios_flows.doctor.findings import Findings
from rios_flows.formats.known import USUAL
from rios_flows.workers.hiring import sees_tempdir

#: Less room for a worker's temporary files is worth a word (bytes).
_LEAST_SPACE = 2**30

#: So long it may take until a shared directory shows here what was made there (s).
_DELAY = 5.0

#: What mends it that a worker does not come, by words of the message, or of the job's log.
_REMEDIES = {
    "address of the run cannot be read": "set tempdir to a directory that compute nodes see, or "
    "haveSharedTemp=False",
    "No module named": "install it, with rios_flows, where the worker runs: see its Python, "
    "initCmds, or the image",
    "No connection from": "have firewalls or security groups between both machines let it through, "
    "and see interface and ports in computeWorkerExtraParams",
    "cannot start: ": "see that the image is there, and that the worker's role, subnet and command "
    "are right",
    "Flow run could not start": "see python and jobVariables of computeWorkerExtraParams, and what "
    "the Prefect worker has printed",
    "Its log ends:": "see what the log says",
    "ended before its worker came": "see that tempdir is a directory that compute nodes see, or "
    "have its log kept (in AWS: logConfiguration), which says more",
    "is running": "the job runs, and has not come: see whether it reaches the address and ports "
    "above; after 60 s it says why, so be patient (--patience) for longer than that",
    "computeBarrierTimeout": "see what keeps it, or be patient (--patience) for longer",
}


def try_worker(found: Findings, style: ConcurrencyStyle, tempdir: Path, patience: float) -> None:
    """Have one worker come as in a run, and look around; wait so long for it at most (s)."""
    with tempfile.TemporaryDirectory(prefix="rios_doctor_", dir=tempdir) as name:
        folder = Path(name).absolute()
        with found.of("a worker", _REMEDIES):
            _ask_worker(found, _with_one(style, patience), folder)


def _with_one(style: ConcurrencyStyle, patience: float) -> ConcurrencyStyle:
    # what is read here needs nothing of what a worker sees; how it reads, a run will tell
    asked = replace(
        style, computeBarrierTimeout=patience, numReadWorkers=1, computeWorkersRead=False
    )
    for name in ("readBufferPopTimeout", "computeBufferPopTimeout"):
        setattr(asked, name, None)
    if not style.singleBlockComputeWorkers:
        asked.numComputeWorkers = 1
        extra = dict(style.computeWorkerExtraParams or {})
        asked.computeWorkerExtraParams = {
            key: value for key, value in extra.items() if key not in ("minimum", "maximum")
        } or None
    return asked


def _ask_worker(found: Findings, style: ConcurrencyStyle, folder: Path) -> None:
    infiles, outfiles, controls = FilenameAssociations(), FilenameAssociations(), ApplierControls()
    infiles.image, outfiles.copy = str(folder / "in.tif"), str(folder / "out.tif")
    _write(folder / "in.tif")
    controls.setConcurrencyStyle(style)
    controls.setTempdir(str(folder))
    controls.setJobName("rios_doctor")
    controls.setOutputDriverName(USUAL[0])
    asked = {"folder": str(folder)}
    job = engine.prepare(look_around, infiles, outfiles, asked, controls)
    result = engine.execute(job)
    (said,) = [each for each in result.otherArgsList if "worker" in each]
    cost = result.info.cost() if result.info is not None else None
    wait = 0.0 if cost is None else 3600 * (cost.hours_asked - cost.hours_used)
    found.add("a worker", "good", f"it says hello from {said['worker']} after {wait:.1f} s")
    _look_at_space(found, said)
    if style.launcher != CW_SUBPROC:
        _look_at_folder(found, style, folder, said)


def _write(path: Path) -> None:
    profile = {"driver": USUAL[0], "width": 8, "height": 8, "count": 1, "dtype": "uint8"}
    transform = rasterio.transform.from_origin(0, 8, 1, 1)
    with rasterio.open(path, "w", **profile, crs="EPSG:3857", transform=transform) as dataset:
        dataset.write(np.zeros((1, 8, 8), np.uint8))


def look_around(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    """Note what there is where this runs; the user function of that run."""
    outputs.copy = inputs.image
    other["worker"] = f"{os.uname().nodename}:{os.getpid()}"
    place = tempfile.gettempdir()
    other["temp"], other["free"] = place, shutil.disk_usage(place).free
    with suppress(OSError):
        Path(other["folder"], f"seen-by-{other['worker']}").touch()
        other["sees"] = True


def _look_at_space(found: Findings, said: dict[str, Any]) -> None:
    roomy = said["free"] >= _LEAST_SPACE
    found.add(
        "its temporary files",
        "good" if roomy else "note",
        f"{said['temp']}, {said['free'] / 2**30:,.1f} GiB free",
        "" if roomy else "set TMPDIR for the jobs to a directory that has more room",
    )


def _look_at_folder(
    found: Findings, style: ConcurrencyStyle, folder: Path, said: dict[str, Any]
) -> None:
    end, mark = time.monotonic() + _DELAY, folder / f"seen-by-{said['worker']}"
    shared = bool(said.get("sees"))
    while shared and not mark.exists():
        if time.monotonic() > end:
            shared = False
        time.sleep(0.1)
    if shared:
        found.add("shared directory", "good", f"the worker writes to {folder.parent}")
    elif sees_tempdir(style):
        found.add(
            "shared directory",
            "bad",
            f"the worker cannot write to {folder.parent}, or that is another one there",
            "set tempdir to a directory that compute nodes see, or haveSharedTemp=False",
        )
    else:
        found.add("shared directory", "good", "none is needed")
