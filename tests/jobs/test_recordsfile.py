"""The file for the records of a run: refused before the run if it cannot be, kept if it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rios_flows import engine, rioserrors
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.jobs.recordsfile import place_for_records
from rios_flows.reports.recordfiles import read_records
from rios_flows.rioserrors import ParameterError
from tests.orchestration.jobs import BLOCKS, Job, double, fail_in_the_middle


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = FilenameAssociations()
    files.dates = ["a.tif", "b.tif"]
    assert place_for_records(None, files) is None
    assert place_for_records("records.json", files) == str(tmp_path / "records.json")
    (tmp_path / "link.json").symlink_to("b.tif")
    for path, why in (
        ("nowhere/records.json", "there is no directory"),
        (".", "is a directory"),
        ("b.tif", r"is the file of 'dates\[1\]'"),
        ("link.json", r"is the file of 'dates\[1\]'"),
    ):
        with pytest.raises(ParameterError, match=f"^setRecordsFile: '{path}'.*{why}"):
            place_for_records(path, files)


def test_a_run_that_completes(tmp_path: Path) -> None:
    job, path = Job(tmp_path, "complete"), tmp_path / "records.json"
    job.controls.setRecordsFile(path)  # type: ignore[arg-type]
    result = engine.apply(double, job.infiles, job.outfiles, controls=job.controls)
    kept = read_records(path)
    assert kept.error == ""
    assert list(kept.records) == list(result.records)
    assert kept.seconds == pytest.approx(result.seconds, rel=0.5)


def test_a_run_that_fails_keeps_what_there_was(tmp_path: Path) -> None:
    job, path = Job(tmp_path, "failure"), tmp_path / "records.json"
    job.controls.setRecordsFile(str(path))
    with pytest.raises(rioserrors.WorkerExceptionError):
        engine.apply(fail_in_the_middle, job.infiles, job.outfiles, controls=job.controls)
    kept = read_records(path)
    assert "no such luck" in kept.error
    assert "\n" not in kept.error
    # row by row: the seventh block fails
    assert [record.stage for record in kept.records].count("write") == 6
    assert "no such luck" in kept.records[-1].error
    assert len(kept.info.blocks) == BLOCKS
    assert kept.seconds > 0


def test_a_file_that_cannot_be_written_at_the_end_costs_no_pixel(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job, path = Job(tmp_path, "lost"), tmp_path / "records.json"
    job.controls.setRecordsFile(str(path))

    def takes_the_place(info: Any, inputs: Any, outputs: Any) -> None:
        path.mkdir(exist_ok=True)
        double(info, inputs, outputs)

    engine.apply(takes_the_place, job.infiles, job.outfiles, controls=job.controls)
    assert job.is_done()
    assert "The records of the run are not in" in caplog.text
