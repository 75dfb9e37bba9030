"""What workers print past Python reaches the main process as it comes, each line once."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle
from rios_flows.workers import joblogs
from rios_flows.workers.joblogs import JobLogs
from rios_flows.workers.launchers.launcher import WorkerJob, tail
from tests.support.jobs import BLOCKS, SmallJob


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    lines = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return lines


def test_lines_of_a_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log, logs = tmp_path / "log", JobLogs()
    job = WorkerJob(3, "17_3", "demo", "running", log=log)
    logs.tell(job)
    log.write_bytes(b"one\n\ntwo\nthr")
    logs.tell(job)
    assert told(caplog) == ["worker 3 (job 17_3): one", "worker 3 (job 17_3): two"]
    log.write_bytes(log.read_bytes() + b"ee\nfo\xffur")
    logs.tell(job)
    assert told(caplog) == ["worker 3 (job 17_3): three"]
    # whose end is explained with the end of its log
    logs.tell(replace(job, state="ended", reason="OUT_OF_MEMORY"))
    logs.tell(replace(job, log=None))
    assert told(caplog) == []
    logs.tell(replace(job, state="ended", reason="exit code 0"))
    logs.tell(replace(job, state="ended", reason="exit code 0"))
    assert told(caplog) == ["worker 3 (job 17_3): fo\N{REPLACEMENT CHARACTER}ur"]


def test_a_line_without_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log, logs = tmp_path / "log", JobLogs()
    log.write_bytes(b"x" * 100_000)
    for _ in range(3):
        logs.tell(WorkerJob(0, "1", "demo", "running", log=log))
    (line,) = told(caplog)
    assert line == "worker 0 (job 1): " + 65536 * "x"


def test_much_at_a_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log, logs = tmp_path / "log", JobLogs()
    lines = [f"line {number} {'z' * (number % 97)}" for number in range(4000)]
    log.write_text("\n".join(lines))
    job = WorkerJob(0, "1", "demo", "running", log=log)
    logs.tell(job)
    logs.tell(replace(job, state="ended", reason="exit code 0"))
    assert told(caplog) == [f"worker 0 (job 1): {line}" for line in lines]


def test_a_log_in_memory_takes_no_more_of_it_than_needed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(joblogs, "_PIECE", 100_000)
    logs, lines = JobLogs(), []
    with open(os.memfd_create("log"), "w+") as file:
        log = Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")
        for piece in range(3):
            more = [f"line {piece} {number} {'z' * 400}" for number in range(600)]
            file.write("\n".join([*more, ""]))
            file.flush()
            logs.tell(WorkerJob(0, "1", "demo", "running", log=log))
            lines += more
            held = os.fstat(file.fileno()).st_blocks * 512
            assert 60_000 < held < 100_000
        assert told(caplog) == [f"worker 0 (job 1): {line}" for line in lines]
        assert tail(log).splitlines() == lines[-50:]


def test_while_a_worker_runs_and_at_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    job = SmallJob(tmp_path, ConcurrencyStyle(0, 1, CW_SUBPROC, computeWorkersRead=True))

    def talk(info: Any, inputs: Any, outputs: Any) -> None:
        block = info.getBlockCount()
        os.write(1, f"block {block} of C\n".encode())
        if block == (3, 2):
            time.sleep(0.5)
            os.write(2, b"the rest")
        outputs.result = inputs.image * 2

    job.run(talk)
    lines = [record for record in caplog.records if " of C" in record.getMessage()]
    assert len(lines) == BLOCKS
    assert lines[0].getMessage().startswith("worker 0 (job ")
    (rest,) = [record for record in caplog.records if "the rest" in record.getMessage()]
    # not all at the end
    assert rest.created - lines[0].created > 0.3
