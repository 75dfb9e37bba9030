"""What the caller hands over stays as it is, and counts as it is when apply() is called."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import rioserrors
from rios_flows.controls.controls import ApplierControls
from rios_flows.jobs.preparing import prepare
from rios_flows.structures import CW_THREADS, ConcurrencyStyle
from tests.support.jobs import SmallJob, double
from tests.support.rasters import read_raster
from tests.support.styles import STYLES


def state(thing: Any) -> dict[str, Any]:
    # a stream cannot be copied
    return copy.deepcopy(
        {name: value for name, value in vars(thing).items() if name != "loggingstream"}
    )


@pytest.mark.parametrize("fails", [False, True], ids=["good", "failing"])
@pytest.mark.parametrize("style_name", STYLES)
def test_nothing_is_changed(tmp_path: Path, style_name: str, fails: bool) -> None:
    style = copy.deepcopy(STYLES[style_name])
    job = SmallJob(tmp_path, style)
    job.infiles.dates = (tmp_path / "in.tif", str(tmp_path / "in.tif"))
    job.outfiles.more = [tmp_path / "more.img"]
    job.controls.setLayerNames(["first"], imagename="result")
    job.controls.setCreationOptions(["COMPRESSED=YES"], imagename="more")
    job.controls.selectInputImageLayers([1], imagename="dates")
    job.controls.setInputNoDataValue([7], imagename="dates")
    things = (job.infiles, job.outfiles, job.controls, style)
    before = [state(thing) for thing in things]

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)
        outputs.more = [inputs.dates[1]]
        if fails:
            raise ValueError("too bad")

    if fails:
        with pytest.raises(rioserrors.WorkerExceptionError):
            job.run(function)
    else:
        job.run(function)
    assert [state(thing) for thing in things] == before
    assert job.controls.concurrency is style
    assert isinstance(job.infiles.dates, tuple)
    assert isinstance(job.infiles.dates[0], Path)


def test_the_user_function_cannot_reach_the_callers_objects(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    job.outfiles.more = [tmp_path / "more.tif"]

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)
        outputs.more[0] = inputs.image
        outputs.extra = inputs.image
        inputs.extra = inputs.image

    job.run(function)
    assert sorted(vars(job.outfiles)) == ["more", "result"]
    assert list(vars(job.infiles)) == ["image"]


def test_what_is_changed_after_planning_has_no_effect(tmp_path: Path) -> None:
    job = SmallJob(tmp_path, ConcurrencyStyle(numReadWorkers=1))
    prepared = job.prepare()
    job.infiles.image = "elsewhere.tif"
    job.outfiles.result = "elsewhere.tif"
    job.controls.setWindowSize(7, 7)
    job.controls.concurrency.numReadWorkers = 2
    rtn = job.execute(prepared)
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    assert rtn.info is not None
    assert rtn.info.blocks.window == (32, 32)
    assert rtn.info.lanes == ("read-0", "compute-write")


def test_a_style_may_be_set_after_construction(tmp_path: Path) -> None:
    style = ConcurrencyStyle()
    job = SmallJob(tmp_path, style)
    style.numReadWorkers = 2
    style.numComputeWorkers = 1
    style.computeWorkerKind = CW_THREADS
    rtn = job.run()
    assert rtn.info is not None
    assert rtn.info.lanes == ("read-0", "read-1", "compute-0", "write")
    np.testing.assert_array_equal(job.result(), job.pixels * 2)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("numComputeWorkers", 1, "needs a computeWorkerKind"),
        ("numReadWorkers", -1, "numReadWorkers=-1"),
        ("readBufferPopTimeout", 0, "readBufferPopTimeout=0"),
        ("computeWorkerKind", "CW_MAGIC", "'CW_MAGIC' is unknown"),
        ("computeWorkerKind", CW_THREADS, "asks for no worker"),
    ],
)
def test_a_style_is_checked_again(tmp_path: Path, name: str, value: Any, words: str) -> None:
    job = SmallJob(tmp_path, ConcurrencyStyle())
    setattr(job.controls.concurrency, name, value)
    with pytest.raises(rioserrors.ParameterError, match=words):
        job.run()
    assert job.files() == job.before


def test_controls_serve_several_runs(tmp_path: Path) -> None:
    job = SmallJob(tmp_path, STYLES["threads 2-2"])
    for _ in range(3):
        job.run()
        np.testing.assert_array_equal(job.result(), job.pixels * 2)


def test_an_output_in_place_of_its_input(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    job.outfiles.result = job.infiles.image
    job.run()
    # the input stays readable until every block is read, and is replaced then
    np.testing.assert_array_equal(read_raster(tmp_path / "in.tif"), job.pixels * 2)


def test_controls_are_optional(tmp_path: Path) -> None:
    job = SmallJob(tmp_path)
    job.controls = ApplierControls()
    rtn = job.run()
    assert rtn.info is not None
    assert rtn.info.blocks.window == (256, 256)


def test_each_control_is_checked_once(tmp_path: Path) -> None:
    class Counted(list[int]):
        times = 0

        def __iter__(self) -> Iterator[int]:
            Counted.times += 1
            return super().__iter__()

    job = SmallJob(tmp_path)
    job.controls.layerselection = Counted([1])
    made = prepare(double, job.infiles, job.outfiles, None, job.controls)
    assert made.summary()["controls"]["layerselection"] == [1]
    assert Counted.times == 1
