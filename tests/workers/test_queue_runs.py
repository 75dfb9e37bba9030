"""Whole runs whose workers are jobs of a queue, compared with runs that have no workers."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import rioserrors
from rios_flows.workers.network.addresses import Address
from rios_flows.workers.network.certificates import client_context, new_authkey
from tests.support.executors import add_all_kinds_of_inputs, combine
from tests.support.jobs import SmallJob
from tests.support.queue_runs import (
    ALL,
    check,
    check_nothing_is_left,
    job_on,
    meanwhile,
    nothing_counted,
    slow,
    wait_for_workers,
    workers_in,
)
from tests.support.queues import Queue, wait_until


def everything_in(path: Path) -> tuple[Any, ...]:
    """Return pixels, statistics, histogram and overviews."""
    with rasterio.open(path) as dataset:
        overviews = []
        for level in range(len(dataset.overviews(1))):
            with rasterio.open(path, OVERVIEW_LEVEL=level) as overview:
                overviews.append(overview.read().tobytes())
        tags = dataset.tags(1)
        assert overviews
        assert "STATISTICS_MEAN" in tags
        assert "STATISTICS_HISTOBINVALUES" in tags
        return dataset.read().tobytes(), dataset.profile, tags, overviews


STYLES = {
    "workers read": {"computeWorkersRead": True, "numReadWorkers": 2, "haveSharedTemp": False},
    "read here": {"computeWorkersRead": False, "numReadWorkers": 2},
}


@pytest.mark.parametrize("style", STYLES)
def test_equal_to_a_run_without_workers(style: str, queue: Queue, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    plain, job = SmallJob(tmp_path / "plain"), job_on(queue, tmp_path, **STYLES[style])
    for each in (plain, job):
        add_all_kinds_of_inputs(each)
        each.controls.setOverviewLevels([2, 4])
        each.controls.setOverviewMinDim(10)
        each.controls.setThematic(True, "parts")
    plain.run(combine, {"blocks": [], "options": set()})
    rtn = job.run(combine, {"blocks": [], "options": set()})
    for name in ("out.tif", "inside.tif", "touched.tif"):
        assert everything_in(tmp_path / name) == everything_in(plain.folder / name)
        beside = f"{name}.aux.xml"
        assert (tmp_path / beside).exists() == (plain.folder / beside).exists()
    assert sorted(block for each in rtn.otherArgsList for block in each["blocks"]) == ALL
    check_nothing_is_left(job)


def of_its_job(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    """Note in which job and environment a block was done."""
    slow(info, inputs, outputs, other)
    names = ("SLURM_JOB_ID", "PBS_JOBID", "SLURMD_NODENAME", "COLOUR", "SIZE", "SHAPE")
    other.setdefault("seen", []).append({name: os.environ.get(name) for name in names})


def test_a_job_for_each_block(queue: Queue, tmp_path: Path) -> None:
    changes = {"numComputeWorkers": 0, "singleBlockComputeWorkers": True}
    job = job_on(queue, tmp_path, extra={"maxJobs": 3}, **changes)
    job.controls.setWindowSize(50, 40)
    most, over = [0], threading.Event()

    def count_jobs() -> None:
        while not over.wait(0.3):
            most.append(len(queue.ids()))

    counting = threading.Thread(target=count_jobs)
    counting.start()
    try:
        rtn = job.run(of_its_job, nothing_counted(tmp_path))
    finally:
        over.set()
        counting.join()
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    seen = [block for other in rtn.otherArgsList for block in other.get("seen", ())]
    assert len({block["SLURM_JOB_ID"] or block["PBS_JOBID"] for block in seen}) == len(seen) == 4
    assert sum(other["sum"] for other in rtn.otherArgsList) == job.pixels.sum(dtype=np.int64)
    # a job may be seen for a moment after its worker has gone
    assert 1 <= max(most) <= 3 + 1
    check_nothing_is_left(job)


def test_what_the_user_adds(queue: Queue, tmp_path: Path) -> None:
    options = {
        "slurm": {"sbatchOptions": ["--nodelist=n2", "--comment=nothing"]},
        "pbs": {"qsubOptions": ["-v COLOUR=red", "-A somebody"]},
    }
    extra = {
        "initCmds": ["SHAPE=round", "export SHAPE"],
        "cmdPrefix": "env SIZE=3",
        "cmdSuffix": f"&& echo all is done >>{tmp_path}/said",
    }
    job = job_on(queue, tmp_path, extra={**extra, **options[queue.name]})
    rtn = job.run(of_its_job, nothing_counted(tmp_path))
    check(job, rtn)
    for seen in (block for other in rtn.otherArgsList for block in other["seen"]):
        assert (seen["SHAPE"], seen["SIZE"]) == ("round", "3")
        assert (seen["SLURMD_NODENAME"], seen["COLOUR"]) in {("n2", None), (None, "red")}
    assert set((tmp_path / "said").read_text().splitlines()) == {"all is done"}


def test_variables_of_rios(queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, options = {
        "slurm": ("SLURMJOBMGR_SBATCH", "--nodelist=n2"),
        "pbs": ("PBSJOBMGR_QSUB", "-v COLOUR=red"),
    }[queue.name]
    monkeypatch.setenv(f"RIOS_{name}OPTIONS", options)
    monkeypatch.setenv(f"RIOS_{name.partition('_')[0]}_INITCMDS", "export SHAPE=round")
    job = job_on(queue, tmp_path, numComputeWorkers=1)
    rtn = job.run(of_its_job, nothing_counted(tmp_path))
    check(job, rtn)
    for seen in (block for other in rtn.otherArgsList for block in other["seen"]):
        assert seen["SHAPE"] == "round"
        assert (seen["SLURMD_NODENAME"], seen["COLOUR"]) in {("n2", None), (None, "red")}


def strange_guests(address: Address) -> None:
    """Come to a port in every way that is not a worker's."""
    place = (address.host, address.port)
    for said in (b"", b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000)):
        with socket.create_connection(place, 5) as stream:
            stream.sendall(said)
    for context in (client_context(new_authkey()), ssl.create_default_context()):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        assert not answers(context, place)


def answers(context: ssl.SSLContext, place: tuple[str, int]) -> bool:
    """Return whether a port says something to whoever shakes hands in this way."""
    try:
        with (
            socket.create_connection(place, 5) as stream,
            context.wrap_socket(stream) as shaken,
        ):
            shaken.sendall(bytes(100))
            return bool(shaken.recv(100))
    except OSError:
        return False


def address_of(job: SmallJob) -> Address:
    """Return the address of a run with a common directory, as soon as it has one."""
    temp = job.folder / "temp"
    wait_until(lambda: any(path.read_text() for path in temp.glob("*/address")), 30)
    return Address.parse(next(temp.glob("*/address")).read_text())


def test_two_runs_at_a_time_outside_the_main_thread_with_strangers_about(
    queue: Queue, tmp_path: Path
) -> None:
    jobs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        jobs.append(job_on(queue, tmp_path / name))
    results: list[Any] = []

    def run(job: SmallJob) -> None:
        def disturb() -> None:
            address = address_of(job)
            strange_guests(address)
            wait_for_workers(job.folder)
            strange_guests(address)

        with meanwhile(job.folder, disturb):
            results.append((job, job.run(slow, nothing_counted(job.folder))))

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert len(results) == 2
    for job, rtn in results:
        check(job, rtn)
    one, two = ({process for process, _ in workers_in(job.folder)} for job in jobs)
    assert not one & two


@pytest.mark.parametrize(
    "by", ["--address-file", pytest.param("--address", marks=pytest.mark.slow)]
)
def test_workers_started_by_hand_where_jobs_pend(by: str, queue: Queue, tmp_path: Path) -> None:
    options = {queue.words["options"]: queue.words["too many"]}
    job = job_on(queue, tmp_path, extra=options)
    started: list[subprocess.Popen[bytes]] = []

    def start_two() -> None:
        address = address_of(job)
        file = next((tmp_path / "temp").glob("*/address"))
        command = [sys.executable, "-m", "rios_flows.workers", by]
        command.append(str(file) if by == "--address-file" else address.text)
        started.extend(subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(2))

    with meanwhile(tmp_path, start_two):
        rtn = job.run(slow, nothing_counted(tmp_path))
    check(job, rtn)
    assert [process.wait(20) for process in started] == [0, 0]
    assert set.union(*(other["workers"] for other in rtn.otherArgsList)) <= {
        process.pid for process in started
    }


def test_a_worker_started_by_hand_takes_the_place_of_a_lost_one(
    slurm_queue: Queue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = job_on(slurm_queue, tmp_path, numComputeWorkers=1)
    started: list[subprocess.Popen[bytes]] = []

    def start_one() -> None:
        address = address_of(job)
        (process, _), *_ = wait_for_workers(tmp_path, 1)
        command = [sys.executable, "-m", "rios_flows.workers", "--address", address.text]
        started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))
        wait_until(lambda: len(connections(address.port)) >= 2)
        os.kill(process, 9)
        wait_for_workers(tmp_path, 2)

    with meanwhile(tmp_path, start_one):
        rtn = job.run(slow, nothing_counted(tmp_path))
    check(job, rtn)
    assert started[0].wait(20) == 0
    assert started[0].pid in {process for process, _ in workers_in(tmp_path)}
    assert "worker 0 (" in caplog.text


def connections(port: int) -> list[str]:
    """Return the connections that a port of this process has."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return [each[2] for each in fields if each[1].endswith(f":{port:04X}") and each[3] == "01"]


@pytest.mark.parametrize("shared", [True, False])
def test_secrets(
    shared: bool,
    queue: Queue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    key = new_authkey()
    monkeypatch.setattr("rios_flows.workers.network.channel.new_authkey", lambda: key)
    caplog.set_level("DEBUG", "rios_flows")
    job = job_on(queue, tmp_path, numComputeWorkers=1, haveSharedTemp=shared)
    found: list[str] = []

    def look_about() -> None:
        wait_for_workers(tmp_path, 1)
        found.extend(files_with(key, tmp_path))
        found.extend(files_with(key, queue.lab.folder))
        found.extend(commands_with(key))

    prepared = job.prepare(of_its_job, nothing_counted(tmp_path))
    with meanwhile(tmp_path, look_about):
        rtn = job.execute(prepared)
    allowed = [path for path in found if path.endswith("/address") and shared]
    # the queues keep environments of jobs with what only they and root can read
    own = ("/state/", "/jobs/")
    assert [path for path in found if path not in allowed and not any(map(path.count, own))] == []
    assert len(allowed) == shared
    assert key not in caplog.text
    assert key not in repr((list(rtn.records), prepared.plan, job.controls, rtn))


def files_with(key: str, folder: Path) -> list[str]:
    """Return files that have a text."""
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and key.encode() in path.read_bytes()
    ]


def commands_with(key: str) -> list[str]:
    """Return the command lines of processes that have a text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if key.encode() in command:
            found.append(command.decode(errors="replace"))
    return found


def test_other_versions_on_a_worker(queue: Queue, tmp_path: Path) -> None:
    fake = tmp_path / "fake"
    fake.mkdir()
    (fake / "sitecustomize.py").write_text("import numpy\nnumpy.__version__ = '1.9.3'\n")
    extra = {"initCmds": f"export PYTHONPATH={fake}:$PYTHONPATH"}
    job = job_on(queue, tmp_path, extra=extra)
    with pytest.raises(rioserrors.JobMgrError) as caught:
        job.run(slow, nothing_counted(tmp_path))
    for text in ("numpy", "1.9.3", np.__version__, os.uname().nodename):
        assert text in str(caught.value)
    assert not queue.ids()
    check_nothing_is_left(job)
