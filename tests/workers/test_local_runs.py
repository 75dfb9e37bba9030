"""Whole runs with local workers: from any thread and process, and with anything in otherArgs."""

from __future__ import annotations

import gc
import logging
import os
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from rios_flows import engine, rioserrors
from rios_flows.reports.pictures.timeline import _rows
from rios_flows.structures import CW_PBS, CW_SLURM, CW_SUBPROC, ConcurrencyStyle
from rios_flows.workers.remote import RemoteExecutor
from tests.support.deaths import DEATHS
from tests.support.jobs import BLOCKS, SmallJob, double, lanes_alive
from tests.support.rasters import coordinates, read_raster, write_raster


def local(workers: int = 1, **settings: Any) -> ConcurrencyStyle:
    return ConcurrencyStyle(0, workers, CW_SUBPROC, computeWorkersRead=True, **settings)


@pytest.fixture
def job(tmp_path: Path) -> SmallJob:
    return SmallJob(tmp_path, local())


@pytest.fixture(autouse=True)
def nobody_is_left() -> Any:
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before
    assert not lanes_alive()


def run_in(folder: Path) -> None:
    folder.mkdir()
    job = SmallJob(folder, local())
    job.run()
    np.testing.assert_array_equal(job.result(), job.pixels * 2)


def test_what_workers_cost_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    job = SmallJob(tmp_path, ConcurrencyStyle(1, 2, CW_SUBPROC, computeWorkersRead=False))

    def takes_its_time(info: Any, inputs: Any, outputs: Any) -> None:
        time.sleep(0.05)
        outputs.result = inputs.image * 2

    caplog.set_level(logging.INFO, "rios_flows")
    begun = time.monotonic()
    cost = job.run(takes_its_time).summary()["workers"]
    seconds = time.monotonic() - begun
    assert (cost["kind"], cost["ordered"], cost["came"]) == ("CW_SUBPROC", 2, 2)
    used, asked = cost["hoursUsed"] * 3600, cost["hoursAsked"] * 3600
    assert 0 < used < asked < 2 * seconds
    # twelve blocks of 0.05 s, and hardly more
    assert 0.6 <= cost["busy"] * used < used
    # the pixels go there and come back, with 3 kB a block for what is said about them at most, and
    # what each worker begins with
    for moved, beside in (("sent", 20_000), ("received", 5_000)):
        assert job.pixels.nbytes < cost[moved] < job.pixels.nbytes + 12 * 3000 + 2 * beside
    [line] = [each.getMessage() for each in caplog.records if "worker-hours" in each.getMessage()]
    assert line.startswith("2 compute workers (CW_SUBPROC)")


def test_what_workers_cost_is_told_of_a_run_that_fails(
    job: SmallJob, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(info: Any, inputs: Any, outputs: Any) -> None:
        raise ValueError("no such luck")

    caplog.set_level(logging.INFO, "rios_flows")
    with pytest.raises(rioserrors.WorkerExceptionError, match="no such luck"):
        job.run(fails)
    assert "1 compute worker (CW_SUBPROC): " in caplog.text


def test_each_worker_has_a_row_in_the_timeline(tmp_path: Path) -> None:
    job = SmallJob(tmp_path, ConcurrencyStyle(1, 2, CW_SUBPROC, computeWorkersRead=False))

    def wait_for_the_other(info: Any, inputs: Any, outputs: Any) -> None:
        Path(tmp_path, f"here-{os.getpid()}").touch()
        while len(list(tmp_path.glob("here-*"))) < 2:
            time.sleep(0.01)
        outputs.result = inputs.image * 2

    result = job.run(wait_for_the_other)
    assert result.info is not None
    rows = _rows(result.records, result.info)
    processes = {path.name[5:] for path in tmp_path.glob("here-*")}
    workers = [row for row in dict.fromkeys(rows.values()) if row.startswith("compute")]
    assert [row.partition(", ")[0] for row in workers] == ["compute-0", "compute-1"]
    assert {row.rpartition(":")[2] for row in workers} == processes
    assert set(rows.values()) - set(workers) == {"read-0", "write"}


def test_two_runs_at_the_same_time_in_other_threads(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run_in, [tmp_path / "a", tmp_path / "b"]))


def test_a_worker_that_is_replaced_in_another_thread(job: SmallJob) -> None:
    """Linux ties the end of a process to the thread that has started it."""

    def die_twice(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image * 2
        deaths = len(list(mark.parent.glob("mark*")))
        if info.getBlockCount()[1] == deaths and deaths < 2:
            mark.with_name(f"mark{deaths}").touch()
            DEATHS["SIGKILL"]()
        time.sleep(0.05)

    mark = job.folder / "mark"
    thread = threading.Thread(target=job.run, args=(die_twice,))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(job.result(), job.pixels * 2)


def test_in_a_forked_child(tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        status = 1
        try:
            run_in(tmp_path / "child")
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("kind", [CW_SUBPROC, CW_SLURM, CW_PBS])
def test_nothing_is_begun_with_what_cannot_be_sent(kind: str, job: SmallJob) -> None:
    other = {"scene": {"lock": threading.Lock()}}
    # there is no queue here, and none is asked
    job.controls.setConcurrencyStyle(ConcurrencyStyle(1, 1, kind))
    with pytest.raises(rioserrors.ParameterError, match=r"otherArgs\['scene'\]\['lock'\]"):
        job.run(double, other)
    assert job.files() == job.before


def test_large_other_args_are_not_sent_with_every_block(
    job: SmallJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        outputs.result = inputs.image * 2
        other["table"][0] += 1

    def note(self: RemoteExecutor, worker: Any, kind: str) -> Any:
        message = answer(self, worker, kind)
        heard.append(len(pickle.dumps(message)))
        return message

    heard: list[int] = []
    answer = RemoteExecutor._answer
    monkeypatch.setattr(RemoteExecutor, "_answer", note)
    rtn = job.run(count, {"table": np.zeros(1_250_000)})
    assert rtn.otherArgsList[0]["table"][0] == BLOCKS
    # after the first block and the last one
    assert sum(size > 10_000_000 for size in heard) <= 3


@pytest.mark.parametrize("other", [3, "text", np.arange(4), (1, 2), [1]])
def test_other_args_of_any_kind(other: Any, job: SmallJob) -> None:
    def look(info: Any, inputs: Any, outputs: Any, given: Any) -> None:
        outputs.result = inputs.image * len(np.atleast_1d(given))

    rtn = job.run(look, other)
    (found,) = rtn.otherArgsList
    assert type(found) is type(other)
    np.testing.assert_array_equal(found, other)


def test_each_worker_has_its_own_in_order(tmp_path: Path) -> None:
    job = SmallJob(tmp_path, local(2))

    def note(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        outputs.result = inputs.image
        other.setdefault("processes", set()).add(os.getpid())
        other["blocks"] = other.get("blocks", 0) + 1
        time.sleep(0.02)

    rtn = job.run(note, {})
    assert sum(other["blocks"] for other in rtn.otherArgsList) == BLOCKS
    workers: dict[str, set[str]] = {}
    for record in rtn.records:
        workers.setdefault(record.lane, set()).add(record.worker.rpartition(":")[2])
    for number, other in enumerate(rtn.otherArgsList):
        assert {str(pid) for pid in other["processes"]} == workers[f"compute-{number}"]


def test_each_block_counts_once_with_checkpoints_and_deaths(tmp_path: Path) -> None:
    job = SmallJob(tmp_path, ConcurrencyStyle(1, 2, CW_SUBPROC))
    job.controls.setResume(True, checkpointInterval=0)
    job.controls.setWindowSize(10, 10)

    def count(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        outputs.result = inputs.image * 2
        other["blocks"].append(info.getBlockCount())
        if info.getBlockCount() in ((3, 3), (5, 5)):
            mark = folder / f"{info.getBlockCount()}"
            if not mark.exists():
                mark.touch()
                os._exit(1)

    folder = tmp_path
    rtn = job.run(count, {"blocks": []})
    blocks = [block for other in rtn.otherArgsList for block in other["blocks"]]
    assert sorted(blocks) == sorted((col, row) for row in range(8) for col in range(10))
    np.testing.assert_array_equal(job.result(), job.pixels * 2)


def check_nothing_is_kept(job: SmallJob, runs: int, memory_kept: int) -> None:
    job.run()
    before, process = len(os.listdir("/proc/self/fd")), psutil.Process()
    memory, threads = process.memory_info(), threading.active_count()
    for _ in range(runs):
        job.run()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before
    assert threading.active_count() <= threads
    after = process.memory_info()
    assert after.shared - memory.shared < 10_000_000
    assert after.rss - memory.rss < memory_kept


def test_nothing_is_kept_of_a_few_runs(job: SmallJob) -> None:
    check_nothing_is_kept(job, 3, 60_000_000)


@pytest.mark.slow
def test_nothing_is_kept_of_many_runs(job: SmallJob) -> None:
    check_nothing_is_kept(job, 12, 30_000_000)


@pytest.mark.slow
def test_ten_thousand_small_blocks(tmp_path: Path) -> None:
    job = SmallJob(tmp_path, local(2))
    pixels = coordinates(1, 500, 500, "int32")
    job.infiles.image = write_raster(tmp_path / "large.tif", pixels)
    job.controls.setWindowSize(5, 5)
    rtn = job.run(count_blocks, {"blocks": 0})
    assert sum(other["blocks"] for other in rtn.otherArgsList) == 10_000
    np.testing.assert_array_equal(read_raster(tmp_path / "out.tif"), pixels * 2)


def count_blocks(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    outputs.result = inputs.image * 2
    other["blocks"] += 1


def test_levels_of_loggers_are_those_of_the_caller(
    job: SmallJob, caplog: pytest.LogCaptureFixture
) -> None:
    def talk(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image
        logging.getLogger("forest").debug("a detail")
        logging.getLogger("forest.trees").info("too much")

    caplog.set_level(logging.WARNING, "forest.trees")
    caplog.set_level(logging.DEBUG, "forest")
    job.run(talk)
    said = [record.getMessage() for record in caplog.records]
    assert len([text for text in said if text.endswith("a detail")]) == BLOCKS
    assert not [text for text in said if "too much" in text]


def test_a_job_name_and_apply(tmp_path: Path) -> None:
    job = SmallJob(tmp_path, local())
    rtn = engine.apply(double, job.infiles, job.outfiles, controls=job.controls)
    assert {record.worker.endswith(f":{os.getpid()}") for record in rtn.records} == {True, False}
