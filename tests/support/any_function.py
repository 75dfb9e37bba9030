"""A script without a guard: has local workers call functions of every kind. Run by a test."""

from __future__ import annotations

import functools
import logging
import os
import sys
import threading
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from rios_flows import engine
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle, FilenameAssociations

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))
os.chdir(folder)
with Path("began").open("a") as began:
    # a worker must not run the script again
    began.write(f"{os.getpid()}\n")

import beside  # type: ignore[import-not-found]  # noqa: E402 - the test puts it into the folder

os.environ["RIOS_DFLT_JOBNAME"] = "of the environment"
warnings.simplefilter("always")
FACTOR = 2
LOCK = threading.Lock()


class Sum:
    """Of the script: what comes home must be of this very class."""

    def __init__(self) -> None:
        self.total = 0
        self.places: set[tuple[str, str]] = set()
        self.env: Any = None

    def add(self, info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = FACTOR * inputs.image
        self.total += int(inputs.image.sum(dtype=np.int64))
        self.places.add((os.getcwd(), os.environ["RIOS_DFLT_JOBNAME"]))


def gather(info: Any, inputs: Any, outputs: Any, other: Sum) -> None:
    other.add(info, inputs, outputs)
    if info.getBlockCount() == (0, 0):
        sys.stdout.write("printed\n")
        warnings.warn("warned", UserWarning, stacklevel=1)
        logging.getLogger("script").warning("logged")
        other.env = rasterio.env.getenv().get("COLOUR_OF_THE_DAY")


def multiplied(factor: int) -> Any:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = factor * inputs.image

    return function


class Called:
    def __call__(self, info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = FACTOR * inputs.image


def with_factor(info: Any, inputs: Any, outputs: Any, factor: int = 1) -> None:
    outputs.result = factor * inputs.image


def recursive(info: Any, inputs: Any, outputs: Any, again: bool = True) -> None:
    if again:
        recursive(info, inputs, outputs, False)
    outputs.result = FACTOR * inputs.image


cell = types.ModuleType("cell")
exec("def function(info, inputs, outputs):\n  outputs.result = 2 * inputs.image", vars(cell))

FUNCTIONS: dict[str, Any] = {
    "lambda": lambda info, inputs, outputs: setattr(outputs, "result", 2 * inputs.image),
    "closure": multiplied(2),
    "method": Sum().add,
    "callable": Called(),
    "partial": functools.partial(with_factor, factor=2),
    "recursive": recursive,
    "beside": beside.double,
    "exec": vars(cell)["function"],
}


class Progress:
    """Cannot be sent anywhere."""

    lock = threading.Lock()

    def __init__(self) -> None:
        self.lock, self.steps = threading.Lock(), 0

    def setTotalSteps(self, steps: int) -> None:
        pass

    def setProgress(self, progress: int) -> None:
        self.steps += 1

    def reset(self) -> None:
        pass


def run(function: Any, other: Any = None) -> Any:
    infiles, outfiles, controls = FilenameAssociations(), FilenameAssociations(), ApplierControls()
    infiles.image, outfiles.result = "in.tif", "out.tif"
    controls.setWindowSize(64, 64)
    controls.setConcurrencyStyle(ConcurrencyStyle(0, 1, CW_SUBPROC, computeWorkersRead=True))
    progress = Progress()
    closed: list[Any] = []

    def close(*given: Any) -> None:
        with LOCK:
            closed.append(given)

    controls.setProgress(progress)
    controls.setCallBeforeClose(close, (LOCK,))
    rtn = engine.apply(function, infiles, outfiles, other, controls)
    assert progress.steps
    assert len(closed) == 1
    with rasterio.open("in.tif") as before, rasterio.open("out.tif") as after:
        np.testing.assert_array_equal(after.read(), 2 * before.read())
    Path("out.tif").unlink()
    return rtn


for name, function in FUNCTIONS.items():
    run(function)
    Path(f"done {name}").touch()
with rasterio.Env(COLOUR_OF_THE_DAY="red"):
    (found,) = run(gather, Sum()).otherArgsList
assert type(found) is Sum
assert found.places == {(str(folder), "of the environment")}
assert found.env == "red"
sys.stdout.write(f"total {found.total}\n")
