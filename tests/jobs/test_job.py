"""A job says in plain words what it is."""

from __future__ import annotations

import json
from pathlib import Path

from rios_flows.jobs.job import Job
from tests.support.jobs import SmallJob, double


def test_a_summary_in_words_of_json(tmp_path: Path) -> None:
    small = SmallJob(tmp_path)
    small.outfiles.parts = [tmp_path / "b.tif", tmp_path / "c.tif"]
    job = small.prepare(double)
    assert isinstance(job, Job)
    told = json.loads(json.dumps(job.summary()))
    assert told["function"] == "double"
    assert told["infiles"] == {"image": str(tmp_path / "in.tif")}
    assert told["outfiles"] == {
        "result": str(tmp_path / "out.tif"),
        "parts": [str(tmp_path / "b.tif"), str(tmp_path / "c.tif")],
    }
    # what was set, and nothing else
    assert told["controls"].pop("blockRetries")["delay"] == 0
    assert told["controls"] == {"windowxsize": 32, "windowysize": 32}
