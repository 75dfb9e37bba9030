"""Runs, and forks of the process that has them: each scenario by a fresh process of its own.

GDAL's threads and locks would stay with the process of the tests for good.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import applier, engine, rioserrors
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import ConcurrencyStyle, FilenameAssociations
from tests.support.rasters import coordinates, read_raster, write_raster
from tests.support.styles import STYLES

FORK = multiprocessing.get_context("fork")

#: Longest time that a child may take (s).
PATIENCE = 60

PIXELS = coordinates(1, 600, 700, "int32")

OUTPUTS: dict[str, tuple[str, list[str]]] = {
    "deflate.tif": ("GTiff", ["COMPRESS=DEFLATE", "TILED=YES"]),
    "threads.tif": ("GTiff", ["COMPRESS=DEFLATE", "TILED=YES", "NUM_THREADS=4"]),
    "copied.tif": ("COG", ["COMPRESS=DEFLATE", "NUM_THREADS=ALL_CPUS"]),
    "blosc.zarr": ("Zarr", ["COMPRESS=BLOSC"]),
    "imagine.img": ("HFA", ["COMPRESS=YES"]),
}


def copy_pixels(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.image


def run(
    name: str,
    style: ConcurrencyStyle | None = None,
    function: Callable[..., None] = copy_pixels,
    apply: Callable[..., Any] = engine.apply,
    prefix: str = "",
    source: str = "in.tif",
) -> bool:
    """Copy the pixels into one of ``OUTPUTS``; True where all are there."""
    infiles, outfiles, controls = FilenameAssociations(), FilenameAssociations(), ApplierControls()
    infiles.image, outfiles.result = source, f"{prefix or os.getpid()}-{name}"
    driver, options = OUTPUTS[name]
    controls.setOutputDriverName(driver)
    controls.setCreationOptions(options)
    controls.setConcurrencyStyle(style or STYLES["none"])
    apply(function, infiles, outfiles, controls=controls)
    # GDAL itself would hang where the environment asks for threads
    with rasterio.Env(GDAL_NUM_THREADS=1):
        return np.array_equal(read_raster(Path(outfiles.result)), PIXELS)


def run_all(number: int) -> list[str]:
    """Run jobs of all kinds; return those that went wrong."""
    styles = itertools.cycle(STYLES[name] for name in ("none", "threads 2-2"))
    return [name for name, style in zip(OUTPUTS, styles, strict=False) if not run(name, style)]


def in_child(work: Callable[..., Any], *arguments: Any) -> None:
    """Do it in a forked child, and fail where that fails or does not end."""
    child = FORK.Process(target=work, args=arguments)
    child.start()
    # where another thread reaps the child, join and is_alive may be wrong for a moment
    deadline = time.monotonic() + PATIENCE
    while child.is_alive() and time.monotonic() < deadline:
        child.join(0.1)
    if child.is_alive():
        child.kill()
        raise SystemExit("the child hangs")
    assert child.exitcode == 0, child.exitcode


def expect_refusal(apply: Callable[..., Any] = engine.apply) -> None:
    with pytest.raises(rioserrors.UnavailableError, match="forked while a run was in progress"):
        run("deflate.tif", apply=apply)


def children_after_a_run() -> None:
    run("deflate.tif", STYLES["threads 2-2"])
    with FORK.Pool(2) as pool:
        for wrong in pool.map_async(run_all, range(2), chunksize=1).get(3 * PATIENCE):
            assert not wrong, wrong
    # and a child's child
    in_child(in_child, run_all, 0)


def children_that_read_from_a_server() -> None:
    first, second = sys.argv[2:]
    assert run("deflate.tif", source=first)
    in_child(run, "deflate.tif", STYLES["none"], copy_pixels, engine.apply, "", second)


def children_of_a_user_function() -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        if info.isFirstBlock():
            in_child(expect_refusal)
            in_child(expect_refusal, applier.apply)
        with FORK.Pool(2) as pool:
            halves = np.array_split(inputs.image, 2, axis=2)
            outputs.result = np.concatenate(
                pool.map_async(np.positive, halves).get(PATIENCE), axis=2
            )

    for style in ("none", "threads 2-2"):
        assert run("deflate.tif", STYLES[style], function)


def children_during_a_run() -> None:
    running, forked = threading.Event(), threading.Event()

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        running.set()
        forked.wait(2 * PATIENCE)
        copy_pixels(info, inputs, outputs)

    def work() -> None:
        done.append(run("deflate.tif", STYLES["threads 2-2"], function))

    done: list[bool] = []
    thread = threading.Thread(target=work)
    thread.start()
    assert running.wait(PATIENCE)
    in_child(expect_refusal)
    in_child(in_child, expect_refusal)
    forked.set()
    thread.join()
    assert done == [True]
    in_child(run_all, 0)


def a_child_that_outlives_a_killed_run() -> None:
    """Leave a child that has seen the lock of a run; print its number."""

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        child = os.fork()
        if not child:
            # who reads them waits for all that have them open
            os.closerange(0, 3)
            threading.Event().wait(PATIENCE)
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        os._exit(9)

    run("deflate.tif", function=function, prefix="one")


def one_run() -> None:
    assert run("deflate.tif", prefix="one")


if __name__ == "__main__":
    scenario = globals()[sys.argv[1]]
    if not Path("in.tif").exists():
        write_raster(Path("in.tif"), PIXELS)
    scenario()
    sys.stdout.write("done\n")
