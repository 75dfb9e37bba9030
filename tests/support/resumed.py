"""A job that is to go on after a kill, and one that was broken off."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import engine
from rios_flows.controls.controls import ApplierControls
from rios_flows.runs.checkpoints import Checkpoints
from rios_flows.runs.resume.journal import Journal
from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle, FilenameAssociations, OtherInputs
from tests.support.styles import STYLES as WITHOUT_PROCESSES

ROWS, COLS, WINDOW = 320, 256, 64

STYLES = {
    **WITHOUT_PROCESSES,
    "local workers": ConcurrencyStyle(1, 2, CW_SUBPROC),
    "workers that read": ConcurrencyStyle(1, 2, CW_SUBPROC, computeWorkersRead=True),
}


def double(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    time.sleep(0.01)
    outputs.result = inputs.image * 2
    other.blocks += 1
    other.total += int(inputs.image.astype(np.int64).sum())


def job(folder: Path, style: str) -> tuple[Callable[..., None], Any, Any, Any, ApplierControls]:
    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    infiles.image, outfiles.result = folder / "in.tif", folder / "out.tif"
    other = OtherInputs()
    other.blocks, other.total = 0, 0
    controls = ApplierControls()
    controls.setWindowSize(WINDOW, WINDOW)
    controls.setOverviewLevels([2, 4])
    controls.setOverviewMinDim(10)
    # a file beside the output
    controls.setDefaultHistogram(True)
    controls.setConcurrencyStyle(STYLES[style])
    controls.setResume(True, checkpointInterval=0.03)
    return double, infiles, outfiles, other, controls


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


class Killed(BaseException):
    """Stands for a kill: it ends the run, and what is on disk stays."""


def broken_off(folder: Path, style: str, blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run break off after so many blocks, with a checkpoint after each."""
    function, infiles, outfiles, other, controls = job(folder, style)
    controls.setResume(True, checkpointInterval=0)
    calls, add = itertools.count(), Journal.add

    def breaks_off(*given: Any) -> None:
        if next(calls) == blocks:
            raise Killed
        add(*given)

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "add", breaks_off)
        with pytest.raises(Killed):
            engine.apply(function, infiles, outfiles, other, controls)


#: Exit status of a process that has ended itself where it was told to.
DEAD = 77


def die_at(points: str, number: int, side: str) -> None:
    """End this process at the so-manieth call of any of some functions, as a kill would.

    A function without a module is looked for all over the package.
    """
    calls = itertools.count(1)
    for point in points.split(","):
        module, _, name = point.rpartition(".")
        holders: list[Any] = [
            sys.modules[holder]
            for holder in list(sys.modules)
            if holder == module or (not module and holder.startswith("rios_flows"))
        ]
        holders += [held for held in (Journal, Checkpoints) if held.__name__ == module]
        holders = [holder for holder in holders if hasattr(holder, name)]
        assert holders, point
        for holder in holders:
            setattr(holder, name, dying(getattr(holder, name), calls, number, side))


def dying(function: Any, calls: Iterator[int], number: int, side: str) -> Any:
    def dies(*given: Any, **named: Any) -> Any:
        now = next(calls) == number
        if now and side == "before":
            os._exit(DEAD)
        result = function(*given, **named)
        if now:
            os._exit(DEAD)
        return result

    return dies
