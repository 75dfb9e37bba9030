"""Flow runs as jobs of a queue: one body over all worker types."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from importlib.metadata import entry_points
from typing import Any

import psutil
import pytest
from prefect.client.schemas.objects import FlowRun

from tests.orchestration.queueworkers.labs import SLEEP, STUBBORN, Doubled, Lab
from tests.orchestration.served import Server, eventually

pytestmark = [pytest.mark.prefect, pytest.mark.slow]


def command_lines() -> list[str]:
    lines = []
    for process in psutil.process_iter():
        try:
            lines.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return lines


@pytest.mark.usefixtures("often")
def test_a_worker_goes_on_with_the_job_of_one_before(lab: Lab) -> None:
    job, pool = Doubled(lab.folder / "data", "when_told"), lab.pool("restarted")
    with lab.working(pool):
        run = lab.run(pool, job.parameters, env={"SECRET": "for nobody's eyes"}, walltime=5)
        eventually(job.has_begun)
        number = lab.job(run)
        lab.api.log_line(run.id, rf"^Job {re.escape(number)} runs")
        told = lab.told(number)
        assert run.name in told
        assert not any("for nobody's eyes" in line for line in [*command_lines(), told])
    assert number in lab.ids()
    assert lab.now(run.id).state_name == "Running"
    with lab.working(pool):
        lab.api.log_line(run.id, "goes on with job")
        job.go()
        lab.state(run, "Completed")
        lab.api.log_line(run.id, "has ended: exit code 0")
        # nothing is left of a run that is complete
        eventually(lambda: not list((lab.folder / "jobs").glob("*")))
    assert job.is_done()
    assert not lab.ids()


@pytest.mark.usefixtures("often")
def test_a_run_that_fails(lab: Lab) -> None:
    job, pool = Doubled(lab.folder / "data", "without_luck"), lab.pool("failed")
    with lab.working(pool):
        run = lab.state(lab.run(pool, job.parameters, waltime=5), "Failed", "Crashed")
        assert run.state_name == "Failed"
        assert "no such luck" in str(run.state.message)  # type: ignore[union-attr]
        lab.api.log_line(run.id, "has ended: exit code")
        lab.api.log_line(run.id, r"no job variable 'waltime' \(did you mean 'walltime'\?\)")
    assert lab.now(run.id).state_name == "Failed"


@pytest.mark.alone
def test_a_cancelled_run(lab: Lab) -> None:
    job, pool = Doubled(lab.folder / "data", "slowly", 8), lab.pool("cancelled")
    with lab.working(pool):
        run = lab.run(pool, job.parameters)
        eventually(job.has_begun)
        number = lab.job(run)
        cancel(lab, run, number)
        # so it is when the worker has seen it, too
        lab.api.log_line(run.id, "has ended")
        assert lab.now(run.id).state_name == "Cancelled"
    assert not job.output.exists()


@pytest.mark.alone
def test_a_cancelled_run_whose_job_does_not_end(lab: Lab) -> None:
    pool = lab.pool("stubborn")
    with lab.working(pool):
        run = lab.run(pool, command=STUBBORN)
        number = lab.job(run)
        lab.api.log_line(run.id, r"^Job .* runs")
        cancel(lab, run, number)


def cancel(lab: Lab, run: FlowRun, number: str) -> None:
    """Cancel a flow run; within 15 s its job is gone, and the server knows."""
    end = time.monotonic() + 15 + lab.tidies
    lab.api.cancel(run)
    lab.is_gone(number, 15 + lab.tidies)
    lab.state(run, "Cancelled", seconds=max(1, end - time.monotonic()))


@pytest.mark.alone
def test_a_run_that_is_cancelled_while_its_job_waits(lab: Lab) -> None:
    pool = lab.pool("cancelled early")
    with lab.working(pool):
        run = lab.run(pool, command=SLEEP, **lab.endless)
        number = lab.job(run)
        lab.api.log_line(run.id, r"^Job .* pends: ")
        cancel(lab, run, number)


def test_a_job_that_is_killed(lab: Lab) -> None:
    pool = lab.pool("killed")
    with lab.working(pool):
        run = lab.run(pool, command=SLEEP)
        number = lab.job(run)
        lab.api.log_line(run.id, r"^Job .* runs")
        lab.kill(number)
        check_crashed(lab, lab.state(run, "Crashed"), number)


@pytest.mark.usefixtures("often")
def test_a_job_that_ends_while_there_is_no_worker(lab: Lab) -> None:
    pool = lab.pool("killed meanwhile")
    with lab.working(pool):
        run = lab.run(pool, command=SLEEP)
        number = lab.job(run)
        lab.api.log_line(run.id, r"^Job .* runs")
    lab.kill(number)
    with lab.working(pool):
        check_crashed(lab, lab.state(run, "Crashed"), number)


def check_crashed(lab: Lab, run: Any, number: str) -> None:
    """See that a flow run tells why its job has ended, where it ran, and what it printed last."""
    message = str(run.state.message)
    assert message.startswith(f"Job {number} (")
    # in AWS, only containers with an address of their own have one
    assert " on " in message.split(")")[0] or lab.kind == "aws-batch"
    assert "ended without a word: " in message
    assert "reason" not in message
    # Slurm adds a line of its own
    assert "\nIts log ends:\nits last words" in message
    lab.api.log_line(run.id, r"^The log of job .* ends:\nits last words")
    assert not lab.ids()


@pytest.mark.usefixtures("often")
def test_a_job_that_is_refused(lab: Lab) -> None:
    pool = lab.pool("refused")
    with lab.working(pool):
        run = lab.state(lab.run(pool, command=SLEEP, **lab.refused), "Crashed")
    assert lab.words in str(run.state.message)  # type: ignore[union-attr]
    assert not lab.ids()


def check_one_at_a_time(lab: Lab, whose: str) -> None:
    pool = lab.pool(f"limit of the {whose}", limit=1 if whose == "pool" else None)
    inside, both, ended = (lab.folder / name for name in ("inside", "both", "ended"))
    # the jobs themselves know best whether they are alone
    script = f"mkdir {inside} || touch {both}; sleep 1.5; rmdir {inside}; echo >>{ended}"
    with lab.working(pool, limit=1 if whose == "worker" else None):
        for run in [lab.run(pool, command=f"sh -c '{script}'") for _ in range(2)]:
            lab.state(run, "Crashed")
    assert ended.read_text() == "\n\n"
    assert not both.exists()


@pytest.mark.usefixtures("often")
def test_the_limit_of_a_worker(lab: Lab) -> None:
    check_one_at_a_time(lab, "worker")


@pytest.mark.usefixtures("often")
def test_the_limit_of_a_pool(slurm_lab: Lab) -> None:
    # it is Prefect's, for all types alike
    check_one_at_a_time(slurm_lab, "pool")


def test_prefects_own_command_and_a_worker_that_is_killed(slurm_lab: Lab, server: Server) -> None:
    lab, log, pool = slurm_lab, slurm_lab.folder / "worker.log", "made by a worker"
    command = ["-m", "prefect", "worker", "start", "--pool", pool, "--type", "slurm"]
    environment = {**server.environment(), "PREFECT_WORKER_QUERY_SECONDS": "1"}
    with log.open("wb") as out:
        worker = subprocess.Popen(
            [sys.executable, *command], env=environment, stdout=out, stderr=out, cwd=lab.folder
        )
    try:
        eventually(lambda: b"started!" in log.read_bytes() or worker.poll() is not None)
        run = lab.run(pool, command=SLEEP)
        number = lab.job(run)
        lab.api.log_line(run.id, r"^Job .* runs")
        assert f"Job {number} runs on n" in log.read_text()
    finally:
        worker.kill()
        worker.wait(30)
    lab.kill(number)
    with lab.working(pool):
        check_crashed(lab, lab.state(run, "Crashed"), number)


def test_the_plugin_imports_little() -> None:
    code = "import {}, sys; print(*sys.modules)".format(
        entry_points(group="prefect.collections")["rios_flows"].value
    )
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    ours = {name for name in modules.split() if name.startswith("rios_flows.orchestration.")}
    package = "rios_flows.orchestration.queueworkers"
    assert ours == {package, f"{package}.worker", f"{package}.variables"}
    assert not {"numpy", "rasterio", "dask", "boto3"} & set(modules.split())
