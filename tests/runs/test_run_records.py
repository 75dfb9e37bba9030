"""What a run tells of its work: records, timers, progress."""

from __future__ import annotations

import itertools
import logging
import os
import pickle
import socket
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import engine
from rios_flows.inputs.reading import read_input
from rios_flows.reports.records import BlockRecord
from rios_flows.runs import blockwork
from rios_flows.structures import ConcurrencyStyle
from tests.support.jobs import BLOCKS, Heard, SmallJob, double
from tests.support.rasters import write_raster
from tests.support.styles import STYLES

LANES = {
    "none": ("apply",),
    "none, 2 readers": ("read-0", "read-1", "compute-write"),
    "threads 1-1": ("read-0", "compute-0", "write"),
    "threads 2-2": ("read-0", "read-1", "compute-0", "compute-1", "write"),
}

#: Which lanes do a stage, by the beginnings of their names.
STAGES = {
    "read": ("read-", "apply"),
    "compute": ("compute-", "apply"),
    "write": ("write", "compute-write", "apply"),
}


@pytest.fixture(params=STYLES)
def job(request: pytest.FixtureRequest, tmp_path: Path) -> SmallJob:
    return SmallJob(tmp_path, STYLES[request.param])


def two_dates(job: SmallJob) -> None:
    """Add a list of two inputs, of one byte a pixel, and one more output."""
    small = (job.pixels % 100).astype("uint8")
    job.infiles.dates = [
        write_raster(job.folder / "may.tif", small),
        write_raster(job.folder / "june.tif", np.concatenate([small, small])),
    ]
    job.outfiles.more = job.folder / "more.tif"


def use_all(info: Any, inputs: Any, outputs: Any) -> None:
    double(info, inputs, outputs)
    outputs.more = inputs.dates[1]


@pytest.mark.parametrize("overlap", [0, 3])
def test_one_record_for_each_read_call_and_write(job: SmallJob, overlap: int) -> None:
    two_dates(job)
    job.controls.setOverlap(overlap)
    rtn = job.run(use_all)
    counts = Counter((record.stage, record.name) for record in rtn.records)
    assert counts == {
        ("read", "image"): BLOCKS,
        ("read", "dates[0]"): BLOCKS,
        ("read", "dates[1]"): BLOCKS,
        ("compute", "use_all"): BLOCKS,
        ("write", ""): BLOCKS,
    }
    for which in counts:
        blocks = [record.block for record in rtn.records if (record.stage, record.name) == which]
        assert len(set(blocks)) == BLOCKS
    sizes: Counter[tuple[str, str]] = Counter()
    for record in rtn.records:
        sizes[record.stage, record.name] += record.nbytes
    # 4 columns and 3 rows of blocks have a margin on both sides
    read = (100 + 4 * 2 * overlap) * (80 + 3 * 2 * overlap)
    assert sizes == {
        ("read", "image"): 4 * read,
        ("read", "dates[0]"): read,
        ("read", "dates[1]"): 2 * read,
        ("compute", "use_all"): 0,
        # four bytes of one output and two bands of the other, without margin
        ("write", ""): 6 * 100 * 80,
    }


def test_who_did_it_where_and_when(job: SmallJob) -> None:
    before = time.perf_counter()
    rtn = job.run()
    took = time.perf_counter() - before
    worker = f"{socket.gethostname()}:{os.getpid()}"
    assert len(rtn.records) == 3 * BLOCKS
    for record in rtn.records:
        assert record.lane.startswith(STAGES[record.stage])
        assert record.worker == worker
        assert record.attempt == 1
        assert record.error == ""
        assert 0 <= record.start <= record.end <= took
    by_block: dict[Any, list[BlockRecord]] = {}
    for record in rtn.records:
        by_block.setdefault(record.block, []).append(record)
    for records in by_block.values():
        read, compute, write = sorted(records, key=lambda record: record.start)
        assert [read.stage, compute.stage, write.stage] == ["read", "compute", "write"]
        assert read.end <= compute.start
        assert compute.end <= write.start
    # nobody is at two places at once
    for lane in {record.lane for record in rtn.records}:
        spans = sorted((r.start, r.end) for r in rtn.records if r.lane == lane)
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))


@pytest.mark.parametrize("style", STYLES)
def test_what_a_run_tells_of_itself(tmp_path: Path, style: str) -> None:
    job = SmallJob(tmp_path, STYLES[style])
    rtn = job.run()
    info = rtn.info
    assert info is not None
    assert info == job.heard.info
    assert info.name == "double"
    assert (len(info.blocks), info.blocks.xblocks, info.blocks.yblocks) == (12, 4, 3)
    assert info.blocks.window == (32, 32)
    assert tuple(info.lanes) == LANES[style]
    job.controls.setJobName("spring")
    rtn = job.run()
    assert rtn.info is not None
    assert rtn.info.name == "spring"


def test_without_workers_everything_goes_row_by_row(tmp_path: Path) -> None:
    rtn = SmallJob(tmp_path).run()
    order = [(record.block, record.stage) for record in rtn.records]
    assert order == sorted(
        order, key=lambda entry: (entry[0], ["read", "compute", "write"].index(entry[1]))
    )


def test_records_survive_a_pickle(job: SmallJob) -> None:
    rtn = job.run()
    assert pickle.loads(pickle.dumps(rtn.records)) == rtn.records
    assert pickle.loads(pickle.dumps(rtn.info)) == rtn.info


def test_both_workers_compute(tmp_path: Path) -> None:
    both = threading.Barrier(2)

    def together(info: Any, inputs: Any, outputs: Any) -> None:
        both.wait(10)
        double(info, inputs, outputs)

    rtn = SmallJob(tmp_path, STYLES["threads 2-2"]).run(together)
    computed = Counter(record.lane for record in rtn.records if record.stage == "compute")
    assert computed == {"compute-0": BLOCKS / 2, "compute-1": BLOCKS / 2}


def test_inputs_of_one_block_are_read_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2)

    def together(*arguments: Any) -> Any:
        both.wait(10)
        return read_input(*arguments)

    monkeypatch.setattr(blockwork, "read_input", together)
    job = SmallJob(tmp_path, ConcurrencyStyle(numReadWorkers=2))
    job.infiles.again = job.infiles.image
    rtn = job.run()
    blocks = {record.block for record in rtn.records}
    assert len(blocks) == BLOCKS
    for block in blocks:
        reads = [r for r in rtn.records if (r.stage, r.block) == ("read", block)]
        assert {record.lane for record in reads} == {"read-0", "read-1"}


# listeners


def test_listeners_hear_everything(job: SmallJob) -> None:
    rtn = job.run()
    heard = job.heard
    assert sorted(heard.records) == sorted(rtn.records)
    assert heard.steps == [(done, BLOCKS) for done in range(1, BLOCKS + 1)]
    assert heard.ends == [None]


class Broken(Heard):
    """A listener that raises when told of one thing."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at
        self.calls = Counter[str]()

    def _hear(self, what: str) -> None:
        self.calls[what] += 1
        if what == self.at:
            raise RuntimeError(f"no ears for {what}")

    def started(self, info: Any) -> None:
        self._hear("started")

    def recorded(self, record: BlockRecord) -> None:
        self._hear("recorded")

    def written(self, done: int, total: int) -> None:
        self._hear("written")

    def finished(self, error: BaseException | None) -> None:
        self._hear("finished")


@pytest.mark.parametrize("at", ["started", "recorded", "written", "finished"])
def test_a_listener_that_raises_costs_no_pixel(
    job: SmallJob, caplog: pytest.LogCaptureFixture, at: str
) -> None:
    broken, good = Broken(at), Heard()
    with caplog.at_level(logging.ERROR, "rios_flows"):
        engine.execute(job.prepare(), listeners=[broken, good])
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    # two lanes may be at it at the same time
    assert 1 <= broken.calls[at] <= 5
    assert "Broken failed, and hears no more" in caplog.text
    assert f"no ears for {at}" in caplog.text
    assert len(good.records) == 3 * BLOCKS
    assert good.ends == [None]


def test_a_listener_that_raises_in_several_lanes_at_once(tmp_path: Path) -> None:
    everyone = threading.Barrier(2)

    class Together(Heard):
        def recorded(self, record: BlockRecord) -> None:
            if record.stage == "read":
                everyone.wait(10)
                raise RuntimeError("both of us")

    job = SmallJob(tmp_path, STYLES["threads 2-2"])
    engine.execute(job.prepare(), listeners=[Together()])
    np.testing.assert_array_equal(job.result(), job.pixels * 2)


def test_publishing_comes_before_the_end(job: SmallJob) -> None:
    class Looks(Heard):
        def finished(self, error: BaseException | None) -> None:
            np.testing.assert_array_equal(job.result(), job.pixels * 2)
            super().finished(error)

    looks = Looks()
    engine.execute(job.prepare(), listeners=[looks])
    assert looks.ends == [None]


# timers


@pytest.mark.parametrize("style", STYLES)
def test_names_of_timers(tmp_path: Path, style: str) -> None:
    job = SmallJob(tmp_path, STYLES[style])
    job.controls.setCalcStats(False)
    rtn = job.run()
    lanes = LANES[style]
    names = {"walltime", "reading", "userfunction", "writing"}
    if "read-0" in lanes:
        names |= {"insert_readbuffer", "pop_readbuffer"}
    if "compute-0" in lanes:
        names |= {"insert_computebuffer", "pop_computebuffer"}
    assert set(rtn.timings.pairs) == names
    counts = {name: timer["N"] for name, timer in rtn.timings.makeSummaryDict().items()}
    # and once to close the file
    assert counts.pop("writing") == BLOCKS + 1
    assert counts.pop("walltime") == 1
    # several lanes may wait for room for the same block
    assert counts.pop("insert_readbuffer", BLOCKS) >= BLOCKS
    assert set(counts.values()) == {BLOCKS}


def test_timers_agree_with_records(job: SmallJob) -> None:
    start = time.perf_counter()
    rtn = job.run()
    took = time.perf_counter() - start
    summary = rtn.timings.makeSummaryDict()
    assert 0 < summary["walltime"]["tot"] <= took
    for stage, timer in (("read", "reading"), ("compute", "userfunction")):
        recorded = sum(r.end - r.start for r in rtn.records if r.stage == stage)
        assert summary[timer]["tot"] == pytest.approx(recorded, abs=1e-6)
    report = rtn.timings.formatReport(level=1)
    assert report.startswith("Wall clock elapsed time: ")
    assert f"userfunction            {BLOCKS}," in report


def test_a_slow_function_shows_in_its_timer(job: SmallJob) -> None:
    def slow(info: Any, inputs: Any, outputs: Any) -> None:
        time.sleep(0.01)
        double(info, inputs, outputs)

    summary = job.run(slow).timings.makeSummaryDict()["userfunction"]
    assert summary["min"] >= 0.01
    assert summary["tot"] >= 0.01 * BLOCKS


# progress


class Progress:
    """Looks like RIOS's progress objects."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def setTotalSteps(self, steps: int) -> None:
        raise AssertionError("nobody calls this")

    def setProgress(self, percent: int) -> None:
        self.told.append(percent)

    def reset(self) -> None:
        raise AssertionError("nobody calls this")

    def wasCancelled(self) -> bool:
        raise AssertionError("nobody calls this")


def test_progress_in_percent(job: SmallJob) -> None:
    progress = Progress()
    job.controls.setProgress(progress)
    job.run()
    assert progress.told == [0, 8, 16, 25, 33, 41, 50, 58, 66, 75, 83, 91, 100]
    assert all(type(percent) is int for percent in progress.told)


def test_progress_tells_each_percent_once(tmp_path: Path) -> None:
    job, progress = SmallJob(tmp_path), Progress()
    job.controls.setWindowSize(5, 5)
    job.controls.setProgress(progress)
    rtn = job.run()
    assert rtn.info is not None
    assert len(rtn.info.blocks) == 320
    assert progress.told == list(range(101))


def test_progress_of_a_run_that_fails(job: SmallJob) -> None:
    progress = Progress()
    job.controls.setProgress(progress)

    def fails(info: Any, inputs: Any, outputs: Any) -> None:
        if info.isLastBlock():
            raise ValueError("so close")
        double(info, inputs, outputs)

    with pytest.raises(RuntimeError, match="so close"):
        job.run(fails)
    assert progress.told[0] == 0
    assert progress.told[-1] < 100


def test_a_progress_object_that_raises(job: SmallJob, caplog: pytest.LogCaptureFixture) -> None:
    class Bad(Progress):
        def setProgress(self, percent: int) -> None:
            super().setProgress(percent)
            raise OSError("the terminal is gone")

    progress = Bad()
    job.controls.setProgress(progress)
    job.run()
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    assert progress.told == [0]
    assert "the terminal is gone" in caplog.text


def test_nothing_is_printed(job: SmallJob, capfd: pytest.CaptureFixture[str]) -> None:
    job.run()
    assert capfd.readouterr() == ("", "")
