"""What only Slurm does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from rios_flows.workers.launchers.book import Seen
from rios_flows.workers.launchers.commands import Answer
from rios_flows.workers.launchers.launcher import tail
from rios_flows.workers.launchers.slurm import SlurmLauncher
from rios_flows.workers.launchers.undertaker import Undertaker
from tests.support.queues import Queue, Starts, order, shadow, wait_for, wait_until


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


def test_job_of_an_array_that_failed_is_asked_for_once(in_slurm: Starts, tmp_path: Path) -> None:
    launcher = in_slurm([0, 1], "[ $2 = 0 ] && exit 3; exec sleep 60")
    calls = shadow(tmp_path / "bin", "scontrol", 'exec "$REAL" "$@"')
    for _ in range(3):
        assert wait_for(launcher, "ended").reason == "exit code 3"
    assert calls() == 1


def test_variables_that_would_change_what_commands_do(
    in_slurm: Starts, slurm_queue: Queue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    meddling = {"SQUEUE_PARTITION": "other", "SQUEUE_USERS": "nobody", "SCANCEL_INTERACTIVE": "1"}
    meddling |= {"SBATCH_WAIT": "1", "SBATCH_ARRAY_INX": "0-3", "SLURM_ARRAY_JOB_ID": "99"}
    with monkeypatch.context() as patch:
        for name, value in meddling.items():
            patch.setenv(name, value)
        launcher = in_slurm([5], "echo of ${SLURM_ARRAY_JOB_ID:-none}; exec sleep 60")
        job = wait_for(launcher, "running")
        wait_until(lambda: tail(job.log) == "of none")
        launcher.close()
    assert launcher.jobs()[0].state == "ended"
    assert not slurm_queue.ids()


def test_job_that_is_only_not_shown_is_cancelled_in_the_end(
    slurm_queue: Queue, tmp_path: Path
) -> None:
    undertaker = Undertaker()
    launcher = slurm_queue.launcher(order(tmp_path / "run", "exec sleep 60"), undertaker)
    launcher.start([0, 1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.environ["PATH"])
        shadow(tmp_path / "bin", "squeue", "exit 0")
        assert [job.state for job in launcher.jobs()] == ["ended", "ended"]
    launcher.close()
    assert len(slurm_queue.ids()) == 2
    undertaker.close()
    wait_until(lambda: not slurm_queue.ids())


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
    # another run may have its logs here, too
    assert job.log == tmp_path / f"demo-run-{numbers[-1]}.log"
    wait_until(lambda: tail(job.log) == f"here {numbers[-1]}")
    assert not list((tmp_path / "run").iterdir())
    launcher.close()
    assert not list(tmp_path.glob("*.log"))


def test_folder_with_what_slurm_replaces_in_names(in_slurm: Starts, tmp_path: Path) -> None:
    launcher = in_slurm([0, 1], "echo here", folder=tmp_path / "50 %j of %a")
    job = wait_for(launcher, "ended", 2)
    wait_until(lambda: tail(job.log) == "here")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("7|CONFIGURING|n1|None", Seen("pending", "")),
        ("7|PENDING||AssocGrpCpuLimit", Seen("pending", "AssocGrpCpuLimit")),
        ("7|PENDING||(a|b)", Seen("pending", "(a|b)")),
        ("7|COMPLETING|n1|None", Seen("running", "COMPLETING", "n1")),
        ("7|SUSPENDED|n1|None", Seen("running", "SUSPENDED", "n1")),
        ("7|OUT_OF_MEMORY|n1|OutOfMemory", Seen("ended", "OUT_OF_MEMORY", "n1")),
        ("7|NODE_FAIL|n1|NodeDown", Seen("ended", "NODE_FAIL", "n1")),
        ("7|PREEMPTED|n1|None", Seen("ended", "PREEMPTED", "n1")),
        ("7|BOOT_FAIL|n1|None", Seen("ended", "BOOT_FAIL", "n1")),
        ("7|DEADLINE||DeadLine", Seen("ended", "DEADLINE")),
        # what no Slurm of today knows has not ended
        ("7|HIBERNATING|n1|None", Seen("running", "HIBERNATING", "n1")),
        # scontrol, that is asked then, says nothing of it
        ("7|FAILED|n1|JobLaunchFailure", Seen("ended", "FAILED", "n1")),
    ],
)
def test_states_in_slurms_words(monkeypatch: pytest.MonkeyPatch, line: str, expected: Seen) -> None:
    launcher = object.__new__(SlurmLauncher)
    launcher._ends = {}
    monkeypatch.setattr(SlurmLauncher, "ask", lambda *_: Answer(("squeue",), 0, f"{line}\n", ""))
    assert launcher.look(["7"]) == {"7": expected}
