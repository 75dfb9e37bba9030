"""What makes a later run start afresh, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rios_flows import engine, rioserrors
from rios_flows.controls.controls import ApplierControls
from rios_flows.runs.resume import fingerprint as module
from rios_flows.runs.resume.fingerprint import Fingerprint, differences, fingerprint
from rios_flows.structures import CW_THREADS, ConcurrencyStyle, FilenameAssociations, OtherInputs
from tests.support.functions import CLOSURE, PLAIN, made
from tests.support.rasters import coordinates, write_raster


class Job:
    """A call of apply() to be changed in one thing, and its fingerprint."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "in.tif").exists():
            write_raster(folder / "in.tif", coordinates(1, 100, 100, "int32"))
            write_raster(folder / "other.tif", coordinates(1, 80, 100, "int32"))
        self.function: Any = made(PLAIN)
        self.infiles, self.outfiles = FilenameAssociations(), FilenameAssociations()
        self.infiles.image, self.outfiles.result = folder / "in.tif", folder / "out.tif"
        self.other: Any = OtherInputs()
        self.other.names = {"a", "b"}
        self.controls = ApplierControls()
        self.controls.setConcurrencyStyle(ConcurrencyStyle(1, 2, computeWorkerKind=CW_THREADS))
        self.controls.setCallBeforeClose(made(CLOSURE.format(1)), (1,))

    def fingerprint(self) -> Fingerprint:
        job = engine.prepare(self.function, self.infiles, self.outfiles, self.other, self.controls)
        return fingerprint(job)


def _window(job: Job) -> None:
    job.controls.setWindowSize(17, 64)


def _overlap(job: Job) -> None:
    job.controls.setOverlap(1)


def _grid(job: Job) -> None:
    job.infiles.second = job.infiles.image.with_name("other.tif")


def _nodata(job: Job) -> None:
    job.controls.setInputNoDataValue(5)


def _function(job: Job) -> None:
    job.function = made(PLAIN.replace("1", "2"))


def _ignore(job: Job) -> None:
    job.controls.setStatsIgnore(3)


def _driver(job: Job) -> None:
    job.controls.setOutputDriverName("HFA")


def _name(job: Job) -> None:
    job.outfiles.second = job.outfiles.result.with_name("second.tif")


def _callback(job: Job) -> None:
    job.controls.setCallBeforeClose(made(CLOSURE.format(2)), (1,))


def _callback_arguments(job: Job) -> None:
    job.controls.setCallBeforeClose(made(CLOSURE.format(1)), (2,))


def _other(job: Job) -> None:
    job.other.names.add("c")


def _workers(job: Job) -> None:
    job.controls.setConcurrencyStyle(ConcurrencyStyle(1, 1, computeWorkerKind=CW_THREADS))


def _input(job: Job) -> None:
    write_raster(job.infiles.image, coordinates(1, 100, 100, "int32"), tiled=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        # the output's tiles follow the window
        (_window, {"block size or overlap", "an output's name or options"}),
        (_overlap, {"block size or overlap"}),
        (_nodata, {"the way inputs are read"}),
        (_function, {"the user function"}),
        (_ignore, {"an output's name or options"}),
        (_driver, {"an output's name or options"}),
        (_name, {"an output's name or options", "setCallBeforeClose"}),
        (_callback, {"setCallBeforeClose"}),
        (_callback_arguments, {"setCallBeforeClose"}),
        (_other, {"otherArgs"}),
        (_workers, {"the number of compute workers"}),
        (_input, {"the input file '{folder}/in.tif'"}),
        (
            _grid,
            {
                "the input file '{folder}/other.tif'",
                "the way inputs are read",
                "the working grid",
                "block size or overlap",
                "an output's name or options",
            },
        ),
    ],
)
def test_what_is_changed_is_named(
    tmp_path: Path, change: Callable[[Job], None], words: set[str]
) -> None:
    before = Job(tmp_path).fingerprint()
    assert differences(before, Job(tmp_path).fingerprint()) == []
    changed = Job(tmp_path)
    change(changed)
    after = changed.fingerprint()
    named = {word.format(folder=tmp_path) for word in words}
    assert set(differences(before, after)) == named
    assert set(differences(after, before)) == named


def test_another_version_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Job(tmp_path).fingerprint()
    monkeypatch.setattr(module, "__version__", "0.0.0")
    assert differences(before, Job(tmp_path).fingerprint()) == ["rios_flows' version"]


def test_what_does_not_change_the_outputs(tmp_path: Path) -> None:
    before = Job(tmp_path).fingerprint()
    job = Job(tmp_path)
    job.controls.setJobName("again")
    job.controls.setTempdir(str(tmp_path))
    job.controls.setBlockRetries(userFunction=3)
    job.controls.setConcurrencyStyle(ConcurrencyStyle(2, 2, computeWorkerKind=CW_THREADS))
    job.controls.setResume(True, checkpointInterval=1)
    assert differences(before, job.fingerprint()) == []


def test_workers_are_no_matter_without_other_args(tmp_path: Path) -> None:
    found = []
    for style in (ConcurrencyStyle(), ConcurrencyStyle(1, 1, computeWorkerKind=CW_THREADS)):
        job = Job(tmp_path)
        job.other = None
        job.controls.setConcurrencyStyle(style)
        found.append(job.fingerprint())
    assert differences(found[0], found[1]) == []


def test_what_is_nested_too_deeply(tmp_path: Path) -> None:
    job = Job(tmp_path)
    nested: Any = None
    for _ in range(10_000):
        nested = [nested]
    job.function = made("def f(i, n, o): return N", N=nested)
    with pytest.raises(rioserrors.ParameterError, match=r"setResume.*nested too deeply"):
        job.fingerprint()
