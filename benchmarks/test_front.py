"""``rios_flows.apply`` against the form of RIOS, for the same job and the same files."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

import rios_flows as rf
from benchmarks.measure import Board, Timing, timed
from rios_flows import applier, engine

ROUNDS = 81
SIDE, BLOCK = 256, 256

pytestmark = pytest.mark.usefixtures("only_when_measuring")


@pytest.fixture
def scenes(tmp_path: Path) -> dict[str, str]:
    """Write two bands of one block."""
    pixels = np.random.default_rng(1).integers(1, 5000, (1, SIDE, SIDE), "uint16")
    profile = {
        "driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "dtype": "uint16",
        "crs": "EPSG:32755", "transform": from_origin(5e5, 6e6, 30, 30), "tiled": True,
    }  # fmt: skip
    for name in ("green", "red"):
        with rasterio.open(tmp_path / f"{name}.tif", "w", **profile) as dataset:
            dataset.write(pixels)
    return {name: str(tmp_path / f"{name}.tif") for name in ("green", "red")}


def index(green: Any, red: Any) -> Any:
    return (green - red) / (green + red)


def as_in_rios(files: dict[str, Any], out: str) -> None:
    infiles, outfiles = applier.FilenameAssociations(), applier.FilenameAssociations()
    infiles.green, infiles.red, outfiles.index = files["green"], files["red"], out
    controls = applier.ApplierControls()
    controls.setStatsIgnore(-9999)

    def user(info: Any, inputs: Any, outputs: Any) -> None:
        green, red = inputs.green.astype("float32"), inputs.red.astype("float32")
        outputs.index = (green - red) / (green + red)

    engine.apply(user, infiles, outfiles, controls=controls)


def in_turns(*calls: Callable[[], object]) -> list[list[Timing]]:
    """Time calls in turns, after a round that does not count."""
    times: list[list[Timing]] = [[] for _ in calls]
    for _ in range(ROUNDS + 1):
        for call, own in zip(calls, times, strict=True):
            own.append(timed(call))
    return [own[1:] for own in times]


def fastest(times: list[Timing]) -> tuple[float, float]:
    """Return the time of the fastest tenth by the clock, and of processors (ms)."""
    wall, processor = zip(*times, strict=True)
    first, second = (statistics.quantiles(each, n=10)[0] * 1e3 for each in (wall, processor))
    return first, second


def test_one_line_over_the_form_of_rios(
    board: Board, scenes: dict[str, str], tmp_path: Path
) -> None:
    out = str(tmp_path / "index.tif")
    ours, theirs = map(
        fastest,
        in_turns(
            lambda: rf.apply(index, scenes, out, nodata=-9999, workers=1),
            lambda: as_in_rios(scenes, out),
        ),
    )
    detail = f"{ours[0]:.2f} ms less {theirs[0]:.2f} ms; {ROUNDS} rounds, one block"
    # what else the machine does adds to that
    board.add("rf.apply over engine.apply, by the clock", ours[0] - theirs[0], "ms", None, detail)
    detail = f"{ours[1]:.2f} ms less {theirs[1]:.2f} ms"
    board.add("rf.apply over engine.apply, processor", ours[1] - theirs[1], "ms", 2, detail)


def test_defaults_of_masks_and_types(board: Board, scenes: dict[str, str]) -> None:
    """What masks and floats cost for each block of 256 x 256, two inputs."""
    window = 32
    blocks = (SIDE // window) ** 2

    def run(**options: Any) -> Callable[[], object]:
        return lambda: rf.apply(
            lambda green, red: None, scenes, window=window, workers=1, **options
        )

    plain, floats, masked = map(
        fastest,
        in_turns(run(masked=False, dtype=None), run(masked=False), run()),
    )
    for name, found in (("floats", floats), ("floats and masks", masked)):
        cost = (found[1] - plain[1]) / blocks
        board.add(f"{name}, a block of {window} x {window}", cost * 1e3, "us", 200, "processor")


@pytest.mark.parametrize("kind", ["Raster", "DataArray"])
def test_arrays_in_place_of_files(board: Board, scenes: dict[str, str], kind: str) -> None:
    xarray = pytest.importorskip("xarray")
    arrays: dict[str, Any] = {}
    for name, place in scenes.items():
        with rasterio.open(place) as dataset:
            array = dataset.read(1)
            arrays[name] = rf.Raster(array, dataset.transform, dataset.crs)
            if kind == "DataArray":
                x, y = dataset.xy(range(SIDE), range(SIDE))
                arrays[name] = xarray.DataArray(
                    array, dims=("y", "x"), coords={"y": y, "x": x}, attrs={"crs": "EPSG:32755"}
                )

    def run(inputs: dict[str, Any]) -> Callable[[], object]:
        return lambda: rf.apply(lambda green, red: None, inputs, masked=False, workers=1)

    ours, theirs = map(fastest, in_turns(run(arrays), run(scenes)))
    detail = f"processor {ours[1]:.2f} ms against {theirs[1]:.2f} ms"
    board.add(f"two inputs as {kind} / as files", ours[1] / theirs[1], "x", 2, detail)
