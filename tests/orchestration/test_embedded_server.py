"""Where no API is configured, a server of our own: in fresh processes with an empty home."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.orchestration.served import Server, eventually, plain_environment, run_python

pytestmark = [pytest.mark.prefect, pytest.mark.slow]

SCRIPT = """
import sys
from pathlib import Path
from rios_flows import applier, rioserrors
from rios_flows.orchestration import embedded_server
from tests.orchestration.jobs import Job, double, fail_in_the_middle
from tests.support.styles import STYLES

def run(name, style="none", function=double):
    job = Job(Path.cwd(), name, STYLES[style])
    applier.apply(function, job.infiles, job.outfiles, controls=job.controls)
    assert job.is_done()

def say_server():
    running = embedded_server._server
    print("server", running._process.pid if running else None, flush=True)
"""


def environment(folder: Path) -> dict[str, str]:
    """Return that of a user who has never heard of Prefect."""
    (folder / "home").mkdir(exist_ok=True)
    ours = {**plain_environment(folder), "HOME": str(folder / "home")}
    del ours["PREFECT_HOME"]
    return ours


@pytest.fixture
def old_user(server: Server, folder: Path) -> dict[str, str]:
    """Return the environment of a user who has a database already, which saves some seconds."""
    theirs = environment(folder)
    home = folder / "home" / ".prefect"
    home.mkdir()
    shutil.copy(server.new_database, home / "prefect.db")
    return theirs


def server_pid(output: str) -> int:
    (line,) = {line for line in output.splitlines() if line.startswith("server ")}
    return int(line.split()[1])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "server_process.py" in Path(f"/proc/{pid}/cmdline").read_text()


def states(folder: Path, table: str) -> dict[str, str]:
    with sqlite3.connect(folder / "home" / ".prefect" / "prefect.db") as database:
        return dict(database.execute(f"select name, state_name from {table}").fetchall())


def test_first_start(folder: Path) -> None:
    code = f"""{SCRIPT}
assert "prefect" not in sys.modules
run("first")
say_server()
run("second", "threads 2-2")
say_server()
try:
    run("third", "threads 1-1", fail_in_the_middle)
except rioserrors.WorkerExceptionError:
    print("failed as it should")
"""
    done = run_python(code, environment(folder), folder, 240)
    assert done.returncode == 0, done.stderr
    assert "failed as it should" in done.stdout
    assert not is_alive(server_pid(done.stdout))
    # all is told to the server before it ends: task runs too, which it learns of by events
    assert states(folder, "flow_run") == {
        "first": "Completed", "second": "Completed", "third": "Failed"
    }  # fmt: skip
    tasks = states(folder, "task_run")
    assert tasks.keys() == {"apply", "read-0", "read-1", "compute-0", "compute-1", "write"}
    assert {tasks["apply"], tasks["read-1"], tasks["compute-1"]} == {"Completed"}
    # the next server of the user's must not think that this one has registered all blocks
    assert not (folder / "home" / ".prefect" / "memo_store.toml").exists()
    # the failure is told in full, by Prefect, once or more; nothing else is
    quiet = done.stderr.partition("Flow run 'third'")[0]
    assert "Traceback" not in quiet
    assert "ERROR" not in quiet
    assert "WARNING" not in quiet
    assert not done.stderr.rstrip().endswith("Error")


def test_two_first_calls_at_a_time_and_no_home_yet(folder: Path) -> None:
    theirs = environment(folder)
    (folder / "home").rmdir()
    code = f"""{SCRIPT}
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(3) as pool:
    names = ["one", "two", "three"]
    for done in [pool.submit(run, name, "threads 1-1") for name in names]:
        done.result()
say_server()
"""
    done = run_python(code, theirs, folder, 240)
    assert done.returncode == 0, done.stderr
    assert not is_alive(server_pid(done.stdout))
    runs = states(folder, "flow_run")
    assert runs == dict.fromkeys(["one", "two", "three"], "Completed")
    # Prefect's modules were not imported by two threads at once
    assert "partially initialized" not in done.stderr


def test_it_dies_under_a_run_that_fails(old_user: dict[str, str], folder: Path) -> None:
    code = f"""{SCRIPT}
import os, signal
def kills_the_server(info, inputs, outputs):
    os.kill(embedded_server._server._process.pid, signal.SIGKILL)
    raise ValueError("the job's own error")
try:
    run("killed", "threads 1-1", kills_the_server)
except rioserrors.WorkerExceptionError as error:
    print("cause:", error.__cause__)
"""
    # how long Prefect tries to reach a server is not what this is about
    theirs = {**environment(folder), "PREFECT_CLIENT_MAX_RETRIES": "0"}
    done = run_python(code, theirs, folder, 240)
    assert done.returncode == 0, done.stderr
    assert "cause: the job's own error" in done.stdout
    assert "Prefect was not told that the run has failed" in done.stderr


def spent(pid: int) -> float:
    """Return the processor time of a process (s)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rests(pid: int) -> bool:
    before = spent(pid)
    time.sleep(2)
    return spent(pid) - before < 0.5


def test_it_rests_and_ends_with_a_process_that_is_killed(
    old_user: dict[str, str], folder: Path
) -> None:
    code = f"{SCRIPT}\nrun('job')\nsay_server()\nimport time\ntime.sleep(200)\n"
    (folder / "script.py").write_text(code)
    with subprocess.Popen(
        [sys.executable, "script.py"],
        env=old_user,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        pid = server_pid(process.stdout.readline())
        assert is_alive(pid)
        eventually(lambda: rests(pid), 60)
        process.send_signal(signal.SIGKILL)
    eventually(lambda: not is_alive(pid), 60)


def test_it_is_replaced_once_it_has_died(old_user: dict[str, str], folder: Path) -> None:
    # Prefect may be imported already
    code = f"""import prefect
{SCRIPT}
import os, signal, time
run("before", "none, 2 readers")
os.kill(embedded_server._server._process.pid, signal.SIGKILL)
embedded_server._server._process.wait()
run("after", "none, 2 readers")
embedded_server.stop()
assert embedded_server._server is None
run("at last", "threads 1-1")
say_server()
"""
    done = run_python(code, old_user, folder, 240)
    assert done.returncode == 0, done.stderr
    assert not is_alive(server_pid(done.stdout))
    assert "The temporary Prefect server has ended; another is started" in done.stderr
    runs = states(folder, "flow_run")
    assert (runs["after"], runs["at last"]) == ("Completed", "Completed")
    tasks = states(folder, "task_run")
    assert (tasks["compute-write"], tasks["write"]) == ("Completed", "Completed")


def test_a_flow_of_the_users_has_a_server_of_prefects(
    old_user: dict[str, str], folder: Path
) -> None:
    code = f"""{SCRIPT}
from prefect import flow
@flow(flow_run_name="theirs")
def users_flow():
    run("job", "threads 1-1")
users_flow()
print(embedded_server._server)
"""
    theirs = {**environment(folder), "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120"}
    done = run_python(code, theirs, folder, 240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "None"
    assert states(folder, "flow_run") == {"job": "Completed", "theirs": "Completed"}


def test_a_profile_with_a_server(server: Server, folder: Path) -> None:
    profiles = folder / "home" / ".prefect" / "profiles.toml"
    theirs = environment(folder)
    profiles.parent.mkdir()
    profiles.write_text(f'active = "x"\n[profiles.x]\nPREFECT_API_URL = "{server.url}"\n')
    code = f"{SCRIPT}\nrun('by profile')\nprint(embedded_server._server)\n"
    done = run_python(code, theirs, folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "None"
    assert not (folder / "home" / ".prefect" / "prefect.db").exists()


@pytest.mark.parametrize("name", ["SERVER_EPHEMERAL_ENABLED", "SERVER_ALLOW_EPHEMERAL_MODE"])
def test_a_user_who_wants_no_temporary_server(folder: Path, name: str) -> None:
    theirs = {**environment(folder), f"PREFECT_{name}": "false"}
    done = run_python(f"{SCRIPT}\nrun('job')\n", theirs, folder)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("rios_flows.rioserrors.UnavailableError: No Prefect API is configured")
    assert "PREFECT_API_URL" in last
    assert "rios_flows.engine.apply" in last
    assert not (folder / "job.tif").exists()


def test_a_server_that_cannot_start(folder: Path) -> None:
    theirs = {
        **environment(folder),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:////nowhere/at/all.db",
    }
    began = time.monotonic()
    done = run_python(f"{SCRIPT}\nrun('job')\n", theirs, folder)
    assert time.monotonic() - began < 100
    assert done.returncode == 1
    message = done.stderr.partition("UnavailableError: ")[2]
    assert message.startswith("The temporary Prefect server did not start in ")
    assert "PREFECT_API_URL" in message
    assert "unable to open database file" in message
