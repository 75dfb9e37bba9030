"""Many small runs on one Prefect server: one after the other, and several at a time.

python -m benchmarks.small_runs            # settings of the server, side by side
python -m benchmarks.small_runs hundred    # a hundred in a row: does the last take longer?
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from tests.orchestration.served import Server, free_port
from tests.support.postgres import postgres

_SERVICES = "PREFECT_SERVER_SERVICES_"
RECORDER = {
    f"{_SERVICES}TASK_RUN_RECORDER_BATCH_SIZE": "200",
    f"{_SERVICES}TASK_RUN_RECORDER_READ_BATCH_SIZE": "200",
    f"{_SERVICES}TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}
PERSISTER = {
    f"{_SERVICES}EVENT_PERSISTER_BATCH_SIZE": "200",
    f"{_SERVICES}EVENT_PERSISTER_READ_BATCH_SIZE": "200",
}
SETTINGS: dict[str, dict[str, str]] = {
    "default": {},
    "recorder": RECORDER,
    "both": {**RECORDER, **PERSISTER},
}
IN_A_ROW, AT_A_TIME, EACH = 15, 4, 4


class State(NamedTuple):
    """What a process has: threads, open files, and temporary files in its directory."""

    threads: int
    handles: int
    files: int

    @classmethod
    def now(cls) -> State:
        here = [path for path in Path.cwd().rglob("*") if path.is_file()]
        return cls(threading.active_count(), len(os.listdir("/proc/self/fd")), len(here))


def runs(count: int, name: str) -> dict[str, Any]:
    """Run small jobs one after the other in this process; return times (s) and what is left."""
    from rios_flows import applier
    from tests.orchestration.jobs import Job, double
    from tests.support.styles import STYLES

    job = Job(Path.cwd(), name, STYLES["threads 2-2"])
    server = psutil.Process(int(os.environ["SERVER"])) if "SERVER" in os.environ else None
    times: list[float] = []
    processor: list[float] = []
    states: list[State] = []
    failures: list[str] = []
    for _ in range(count):
        start, used = time.perf_counter(), _processor_time(server)
        try:
            applier.apply(double, job.infiles, job.outfiles, controls=job.controls)
        except Exception as error:
            failures.append(repr(error)[:200])
        times.append(time.perf_counter() - start)
        processor.append(_processor_time(server) - used)
        states.append(State.now())
    return {"times": times, "processor": processor, "states": states, "failures": failures}


def _processor_time(server: psutil.Process | None) -> float:
    """Return what this process, and the server if it is known, have used (s)."""
    used = time.process_time()
    if server is not None:
        times = server.cpu_times()
        used += times.user + times.system
    return used


def in_processes(server: Server, processes: int, count: int) -> list[dict[str, Any]]:
    """Do the same in several processes at a time."""
    with ExitStack() as stack:
        begun = []
        for number in range(processes):
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            environment = {**server.environment(), "PREFECT_LOGGING_LEVEL": "WARNING"}
            environment["SERVER"] = str(server.process.pid)
            begun.append(
                subprocess.Popen(
                    [sys.executable, "-m", "benchmarks.small_runs", str(count), f"r{number}"],
                    env=environment,
                    cwd=folder,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            )
        return [json.loads(process.communicate()[0].splitlines()[-1]) for process in begun]


def servers(databases: Sequence[str]) -> Iterator[tuple[str, Server]]:
    """Start a server for each way to set one up."""
    for database in databases:
        for name, settings in SETTINGS.items():
            with ExitStack() as own:
                home = Path(own.enter_context(tempfile.TemporaryDirectory()))
                given = dict(settings)
                if database == "PostgreSQL":
                    url = own.enter_context(postgres(free_port()))
                    given["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = url
                server = Server(home, settings=given)
                own.callback(server.stop)
                yield f"{database}, {name}", server


def _say(text: str) -> None:
    print(text, flush=True)


def compare_settings(databases: Sequence[str]) -> None:
    """Print a table: seconds a run, failures, and complaints of the server."""
    for name, server in servers(databases):
        (row,) = in_processes(server, 1, IN_A_ROW)
        crowd = in_processes(server, AT_A_TIME, EACH)
        crowded = [seconds for each in crowd for seconds in each["times"][1:]]
        failed = sum(len(each["failures"]) for each in (row, *crowd))
        log = server.log.read_text(errors="replace")
        complaints = {word: log.count(word) for word in ("database is locked", "503", "Traceback")}
        _say(
            f"{name:<26} in a row {statistics.median(row['times'][1:]):.2f} s (worst "
            f"{max(row['times'][1:]):.2f}, processor {statistics.median(row['processor']):.2f}), "
            f"{AT_A_TIME} at a time "
            f"{statistics.median(crowded):.2f} (worst {max(crowded):.2f}), failed {failed}, "
            f"{complaints}"
        )


def hundred() -> None:
    """Print whether the last of a hundred runs takes longer than the first, or leaves anything."""
    with tempfile.TemporaryDirectory() as home:
        server = Server(Path(home))
        try:
            (done,) = in_processes(server, 1, 100)
        finally:
            server.stop()
    times, states = done["times"], [State(*state) for state in done["states"]]
    first, last = statistics.mean(times[1:11]), statistics.mean(times[-10:])
    _say(f"first ten {first:.3f} s, last ten {last:.3f} s: {last / first:.2f}; {done['failures']}")
    used = done["processor"]
    first, last = statistics.mean(used[1:11]), statistics.mean(used[-10:])
    _say(f"processor time: {first:.3f} s, {last:.3f} s: {last / first:.2f}")
    _say(f"after the second {states[1]}, after the last {states[-1]}")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _say(json.dumps(runs(int(sys.argv[1]), sys.argv[2])))
    elif sys.argv[1:] == ["hundred"]:
        hundred()
    else:
        compare_settings(sys.argv[1:] or ("SQLite", "PostgreSQL"))
