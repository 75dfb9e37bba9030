"""What only Slurm does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rios_flows.workers.launchers.launcher import tail
from tests.support.queues import Queue, Starts, wait_for, wait_until


def test_job_that_takes_too_much_memory(in_slurm: Starts) -> None:
    greedy = f"exec {sys.executable} -c 'import time; x = b\"1\" * (400 << 20); time.sleep(60)'"
    launcher = in_slurm([3], greedy, extra={"sbatchOptions": "--mem=50M"})
    job = wait_for(launcher, "ended")
    # OUT_OF_MEMORY is what a Slurm with control groups says
    assert job.reason == "signal 9 (SIGKILL)"
    assert "Exceeded job memory limit" in tail(job.log)


@pytest.mark.slow
def test_job_that_takes_too_long(slurm_queue: Queue, in_slurm: Starts) -> None:
    launcher = in_slurm([3], "exec sleep 300", extra={"sbatchOptions": "--time=1"})
    job = wait_for(launcher, "running")
    slurm_queue.lab.run("scontrol", "update", f"JobId={job.id}", "EndTime=now")
    ended = wait_for(launcher, "ended", seconds=60)
    assert ended.reason == "TIMEOUT"
    assert "DUE TO TIME LIMIT" in tail(ended.log)


def test_job_whose_log_cannot_be_made_is_not_launched(in_slurm: Starts, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    launcher = in_slurm([0, 1], f"rmdir '{folder}' || rm -r '{folder}'")
    wait_for(launcher, "ended", 2)
    launcher.start([2])
    assert wait_for(launcher, "ended", 3).reason == "not launched"


@pytest.mark.parametrize("export", ["NONE", "OTHER", "ALL", "OTHER,HOME=/nowhere"])
@pytest.mark.parametrize("by", ["option", "variable"])
def test_secrets_reach_a_job_whatever_the_user_exports(
    in_slurm: Starts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, export: str, by: str
) -> None:
    monkeypatch.setenv("OTHER", "yes")
    monkeypatch.setenv("THIRD", "yes")
    extra = {}
    if by == "option":
        extra["sbatchOptions"] = f"--export={export}"
    else:
        monkeypatch.setenv("SBATCH_EXPORT", export)
    found = tmp_path / "found"
    script = f"echo $RIOS_SECRET $OTHER $THIRD >'{found}.new'; mv '{found}.new' '{found}'"
    in_slurm([1], script, extra=extra, environment={"RIOS_SECRET": "s3"})
    wait_until(found.exists)
    assert (
        found.read_text().split()
        == {
            "NONE": ["s3"],
            "OTHER": ["s3", "yes"],
            "ALL": ["s3", "yes", "yes"],
            "OTHER,HOME=/nowhere": ["s3", "yes"],
        }[export]
    )


@pytest.mark.parametrize("numbers", [[4], [0, 1]])
def test_logs_without_a_common_directory_are_where_the_job_runs(
    in_slurm: Starts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: list[int]
) -> None:
    monkeypatch.chdir(tmp_path)
    launcher = in_slurm(numbers, "echo here $2", shared=False)
    job = wait_for(launcher, "ended", len(numbers))
    assert job.log == tmp_path / f"demo-{numbers[-1]}.log"
    wait_until(lambda: tail(job.log) == f"here {numbers[-1]}")
    assert not list((tmp_path / "run").iterdir())
    launcher.close()
    assert not list(tmp_path.glob("*.log"))


def test_folder_with_what_slurm_replaces_in_names(in_slurm: Starts, tmp_path: Path) -> None:
    launcher = in_slurm([0, 1], "echo here", folder=tmp_path / "50 %j of %a")
    job = wait_for(launcher, "ended", 2)
    wait_until(lambda: tail(job.log) == "here")
