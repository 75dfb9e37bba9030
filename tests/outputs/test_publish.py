"""Outputs get their final names all together, or all is as it was before."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.errors import RasterioIOError

from rios_flows import rioserrors
from rios_flows.outputs.publishing.scratch import ScratchDirectory
from rios_flows.outputs.publishing.staging import BesidePlace
from tests.support.copies import Copy
from tests.support.jobs import SmallJob
from tests.support.rasters import read_raster

SIDECARS = ("out.tif.aux.xml", "out.tif.ovr")


def failing_for(name: str, error: BaseException, times: int = 1) -> Callable[..., None]:
    """Rename as usual, but fail for a new name, as often as is said."""
    real, left = os.replace, iter(range(times))

    def replace(source: Any, target: Any) -> None:
        if os.path.basename(target) == name and next(left, None) is not None:
            raise error
        real(source, target)

    return replace


def fails(info: Any, inputs: Any, outputs: Any) -> None:
    raise ValueError("too bad")


@pytest.fixture
def job(tmp_path: Path) -> SmallJob:
    return SmallJob(tmp_path)


@pytest.mark.parametrize("error", [OSError("on strike"), KeyboardInterrupt()])
def test_side_car_files_stay_where_the_output_cannot_be_moved(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    for name in SIDECARS:
        (job.folder / name).write_text("of the old one")
    before = job.files()
    job.controls.setDefaultHistogram(True)  # a new .aux.xml
    monkeypatch.setattr(os, "replace", failing_for("out.tif", error))
    with pytest.raises((rioserrors.ImageWriteError, KeyboardInterrupt)):
        job.run()
    assert job.files() == before
    job.run()
    assert set(job.files()) == {"in.tif", "out.tif", "out.tif.aux.xml"}


def test_a_store_stays_where_the_new_one_cannot_be_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Copy(tmp_path, np.ones((1, 70, 70), "uint8"), "out.zarr")
    job.run()
    names = set(tmp_path.iterdir())
    job.pixels = job.pixels + 1
    real = os.replace

    def replace(source: Any, target: Any) -> None:
        if Path(source).parent.name == "new":
            raise OSError("on strike")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(rioserrors.ImageWriteError, match="on strike"):
        job.run()
    assert (read_raster(job.path) == 1).all()
    assert set(tmp_path.iterdir()) == names


def twice(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.image * 2
    outputs.second = inputs.image * 3


@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("error", [OSError("on strike"), KeyboardInterrupt()])
def test_all_outputs_or_none(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch, error: BaseException, existing: bool
) -> None:
    job.outfiles.second = job.folder / "second.tif"
    if existing:
        shutil.copy(job.folder / "out.tif", job.folder / "second.tif")
    before = job.files()
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing_for("second.tif", error))
        with pytest.raises((rioserrors.ImageWriteError, KeyboardInterrupt)):
            job.run(twice)
    assert job.files() == before
    job.run(twice)
    np.testing.assert_array_equal(read_raster(job.folder / "second.tif"), job.pixels * 3)
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    assert set(job.files()) == {"in.tif", "out.tif", "second.tif"}


def test_what_cannot_be_brought_to_disk_is_known_before_any_output_moves(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[str] = []
    monkeypatch.setattr(BesidePlace, "move_in", lambda place: moved.append(place.name))

    def full(path: Path) -> None:
        if path.name == "second.tif":
            raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr("rios_flows.outputs.publishing.staging.sync", full)
    job.outfiles.second = job.folder / "second.tif"
    with pytest.raises(rioserrors.ImageWriteError, match=r"second\.tif.*no room"):
        job.run(twice)
    assert moved == []
    assert job.files() == job.before


def test_what_cannot_be_put_back_is_not_lost(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (job.folder / SIDECARS[0]).write_text("of the old one")
    before = job.files()
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing_for("out.tif", OSError("on strike"), times=10))
        # as it goes aside it has the same name
        patch.setattr(os, "replace", aside_first(os.replace))
        with pytest.raises(rioserrors.ImageWriteError, match="on strike"):
            job.run()
    hidden = job.folder / ".out.tif.rios_flows"
    assert (hidden / "old" / "out.tif").read_bytes() == before["out.tif"]
    assert f"lies in '{hidden / 'old'}'" in caplog.text
    # nor by the next run, unless it succeeds
    with caplog.at_level(logging.WARNING), pytest.raises(rioserrors.WorkerExceptionError):
        job.run(fails)
    assert job.files() == before


def aside_first(replace: Callable[..., None]) -> Callable[..., None]:
    def around(source: Any, target: Any) -> None:
        (os.rename if Path(target).parent.name == "old" else replace)(source, target)

    return around


def test_only_the_journal_is_kept_to_go_on_from(tmp_path: Path) -> None:
    job = Copy(tmp_path, np.ones((1, 70, 70), "uint8"))
    job.controls.setOutputDriverName("COG")
    job.controls.setResume(True, 0)

    def late(info: Any, inputs: Any, outputs: Any) -> None:
        job.function(info, inputs, outputs)
        if info.isLastBlock():
            raise ValueError("too bad")

    with pytest.raises(rioserrors.WorkerExceptionError):
        job.run(function=late)
    kept = tmp_path / ".out.tif.rios_flows"
    assert [path.name for path in kept.iterdir()] == ["journal"]


def test_a_lock_that_was_lost(job: SmallJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(scratch: ScratchDirectory) -> None:
        raise OSError("another run has taken it over meanwhile")

    monkeypatch.setattr(ScratchDirectory, "check", lost)
    with pytest.raises(rioserrors.ImageWriteError, match="taken it over"):
        job.run()
    assert job.files() == job.before


def test_single_pass_of_a_list_of_outputs(job: SmallJob) -> None:
    job.outfiles.result = [job.folder / "a.tif", job.folder / "b.zarr"]
    job.outfiles.other = [job.folder / "c.zarr", job.folder / "d.tif"]
    job.outfiles.good = [job.folder / "e.tif", job.folder / "f.tif"]
    job.controls.setOverviewMinDim(10)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = outputs.other = outputs.good = [inputs.image, inputs.image]

    manager = job.run(function).singlePassMgr
    assert [manager.doSinglePassPyramids(name) for name in ("result", "other", "good")] == [
        False,
        False,
        True,
    ]
    assert manager.doSinglePassStatistics("result")
    assert manager.directPyramidsSupported == {"result": False, "other": False, "good": True}


@pytest.mark.parametrize(
    ("error", "hinted"),
    [
        (OSError(errno.EACCES, os.strerror(errno.EACCES)), False),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), True),
        (RasterioIOError("Write failed"), True),
    ],
)
def test_who_is_asked_for_the_disk(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch, error: Exception, hinted: bool
) -> None:
    def write(*arguments: Any, **named: Any) -> None:
        raise error

    monkeypatch.setattr("rasterio.io.DatasetWriter.write", write)
    job.controls.setBlockRetries(io=0)
    with pytest.raises(rioserrors.ImageWriteError) as caught:
        job.run()
    assert ("is the disk full?" in str(caught.value)) == hinted


@pytest.mark.parametrize("driver", ["GTiff", "Zarr"])
def test_a_directory_that_took_the_place_of_the_output(tmp_path: Path, driver: str) -> None:
    job = Copy(tmp_path, np.ones((1, 100, 100), "uint8"))
    job.controls.setOutputDriverName(driver)

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        job.function(info, inputs, outputs)
        if info.isLastBlock():
            job.path.mkdir()
            (job.path / "notes.txt").write_text("of somebody else")

    with pytest.raises(rioserrors.ImageWriteError, match=r"it is a directory.* by now"):
        job.run(function=function)
    assert (job.path / "notes.txt").read_text() == "of somebody else"
    assert not list(tmp_path.glob(".*"))
