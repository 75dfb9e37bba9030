"""Outputs appear when they are complete, with what belongs to them, and not before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import rioserrors
from rios_flows.structures import FilenameAssociations, OtherInputs
from tests.support.jobs import SmallJob, double
from tests.support.rasters import read_raster, write_raster
from tests.support.styles import STYLES

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=STYLES)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> SmallJob:
    return SmallJob(tmp_path, STYLES[request.param])


def test_no_outputs_at_all(job: SmallJob) -> None:
    def add(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        other.total += int(inputs.image.sum())

    job.outfiles = FilenameAssociations()
    other = OtherInputs()
    other.total = 0
    rtn = job.run(add, other)
    assert sum(mine.total for mine in rtn.otherArgsList) == int(job.pixels.sum())
    assert job.heard.steps[-1] == (12, 12)
    assert job.files() == job.before


def test_the_old_output_is_there_until_the_end(job: SmallJob) -> None:
    seen = set()

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)
        seen.add((job.folder / "out.tif").read_bytes())

    job.run(function)
    assert seen == {job.before["out.tif"]}
    np.testing.assert_array_equal(job.result(), job.pixels * 2)


def test_a_new_output_is_not_there_until_the_end(job: SmallJob) -> None:
    path = job.folder / "new.tif"
    job.outfiles.result = path
    seen: set[bool] = set()

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)
        seen.add(path.exists())

    job.run(function)
    assert seen == {False}
    np.testing.assert_array_equal(read_raster(path), job.pixels * 2)


def test_what_is_written_meanwhile_lies_beside_it(job: SmallJob) -> None:
    seen: set[str] = set()

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)
        seen.update(path.name for path in job.folder.iterdir())

    job.run(function)
    hidden = seen - set(job.before)
    assert hidden == {".out.tif.rios_flows"}
    assert set(job.files()) == {"in.tif", "out.tif"}


def test_the_mode_of_an_output_is_that_of_any_new_file(job: SmallJob) -> None:
    plain = job.folder / "plain"
    plain.touch()
    job.run()
    assert (job.folder / "out.tif").stat().st_mode == plain.stat().st_mode


def test_what_lay_beside_the_old_output_goes(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    beside = ["out.tif.aux.xml", "out.tif.ovr", "out.tif.msk"]
    for name in beside:
        (tmp_path / name).write_text("stale")
    with rasterio.open(tmp_path / "out.tif", "r+") as dataset:
        dataset.update_tags(ns="OLD", note="stale")
    job.run()
    assert set(job.files()) == {"in.tif", "out.tif"}
    with rasterio.open(tmp_path / "out.tif") as dataset:
        assert dataset.tags(ns="OLD") == {}


def test_what_lay_beside_the_old_output_stays_where_the_run_fails(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    (tmp_path / "out.tif.aux.xml").write_text("<PAMDataset></PAMDataset>")
    job.before = job.files()

    def fails(info: Any, inputs: Any, outputs: Any) -> None:
        raise ValueError("too bad")

    with pytest.raises(rioserrors.WorkerExceptionError):
        job.run(fails)
    assert job.files() == job.before


@pytest.mark.parametrize(("name", "kept"), [("out.tif", True), ("out.img", False)])
def test_files_of_another_format_are_not_touched(tmp_path: Path, name: str, kept: bool) -> None:
    # a large HFA keeps its pixels in out.ige, and its overviews in out.rrd
    job = SmallJob(tmp_path)
    job.outfiles.result = tmp_path / name
    others = [tmp_path / "out.ige", tmp_path / "out.rrd"]
    for path in others:
        path.write_text("pixels of out.img")
    job.run()
    assert [path.exists() for path in others] == [kept, kept]


def test_an_output_that_cannot_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise OSError("the folder is on strike")

    job = SmallJob(tmp_path)
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(rioserrors.ImageWriteError, match="the folder is on strike") as caught:
        job.run()
    for word in ("Unable to move", "out.tif", "'result'", "final name"):
        assert word in str(caught.value)
    # nobody was told that all is well
    assert job.heard.ends == [caught.value]
    assert job.files() == job.before


def test_a_relative_name_means_where_the_run_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    job = SmallJob(tmp_path)
    monkeypatch.chdir(tmp_path)
    job.outfiles.result = "relative.tif"

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)
        os.chdir("elsewhere" if Path("elsewhere").exists() else ".")

    job.run(function)
    np.testing.assert_array_equal(read_raster(tmp_path / "relative.tif"), job.pixels * 2)


PRELUDE = """
import resource, sys
import numpy as np
import rasterio
from rios_flows import engine, rioserrors
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import FilenameAssociations
from tests.support.styles import STYLES

infiles, outfiles, controls = FilenameAssociations(), FilenameAssociations(), ApplierControls()
"""

FULL_DISK = """
infiles.image, outfiles.result, cache = sys.argv[1], sys.argv[2], int(sys.argv[3])
# no file may grow further; a full disk looks alike to GDAL
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

def copy(info, inputs, outputs):
    outputs.result = inputs.image

try:
    with rasterio.Env(GDAL_CACHEMAX=cache):
        engine.apply(copy, infiles, outfiles, controls=controls)
except rioserrors.ImageWriteError as error:
    print(error)
"""

MANY_FILES = """
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
infiles.dates = [f"{sys.argv[1]}/{number}.tif" for number in range(300)]
outfiles.total = sys.argv[2]
controls.setWindowSize(8, 8)
controls.setConcurrencyStyle(STYLES[sys.argv[3]])

def add_up(info, inputs, outputs):
    outputs.total = np.sum(inputs.dates, axis=0, dtype="int32")

engine.apply(add_up, infiles, outfiles, controls=controls)
"""


def in_child(code: str, *arguments: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PRELUDE + code, *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


# a large cache is written when the file is closed, a small one by the way
@pytest.mark.parametrize("cache", [64 * 2**20, 300_000])
@pytest.mark.parametrize("name", ["out.tif", "out.img"])
def test_a_disk_that_is_full(tmp_path: Path, name: str, cache: int) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (1, 1000, 1000), dtype="uint8")
    write_raster(tmp_path / "in.tif", noise)
    (tmp_path / name).write_text("the previous output")
    message = in_child(FULL_DISK, str(tmp_path / "in.tif"), str(tmp_path / name), str(cache))
    assert message.startswith("Unable to ")
    for word in (name, "'result'", "is the disk full?"):
        assert word in message
    assert (tmp_path / name).read_text() == "the previous output"
    assert {path.name for path in tmp_path.iterdir()} == {"in.tif", name}


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_more_inputs_than_files_may_be_open(tmp_path: Path, style: str) -> None:
    total = np.zeros((1, 16, 20), "int32")
    for number in range(300):
        pixels = np.full((1, 16, 20), number % 7, "uint8")
        total += pixels
        write_raster(tmp_path / f"{number}.tif", pixels)
    in_child(MANY_FILES, str(tmp_path), str(tmp_path / "total.tif"), style)
    np.testing.assert_array_equal(read_raster(tmp_path / "total.tif"), total)
