"""What the processes of a Dask cluster carry out, without one."""

from __future__ import annotations

import os
import threading
from types import SimpleNamespace
from typing import Any

import psutil

from rios_flows.workers.launchers import ondask
from rios_flows.workers.launchers.processes import told
from tests.support.queues import wait_until


def test_how_a_worker_ends_and_what_it_said() -> None:
    program = "import os; print(os.environ['COLOUR'], 'and', flush=True); print('blue'); exit(3)"
    end = ("exit code 3", "red and\nblue")
    assert ondask.work(["-c", program], {"COLOUR": "red"}, "a-1") == end
    program = "import os; print(os.environ['COLOUR'], flush=True); os.abort()"
    assert ondask.work(["-c", program], {"COLOUR": "red"}, "a-2") == ("killed by SIGABRT", "red")
    assert told(-15) == "killed by SIGTERM"
    assert not ondask._groups


def test_what_it_has_started_ends_with_it() -> None:
    program = "import subprocess as s; print(s.Popen(['sleep', '60']).pid)"
    end, said = ondask.work(["-c", program], {}, "b-1")
    assert end == "exit code 0"
    wait_until(lambda: not is_alive(int(said)), 10)


def test_killing() -> None:
    ends: list[Any] = []
    work = threading.Thread(
        target=lambda: ends.append(ondask.work(["-c", "import time; time.sleep(60)"], {}, "c-1"))
    )
    work.start()
    wait_until(lambda: "c-1" in ondask._groups)
    ondask.kill(["c-1", "c-2"])
    work.join(20)
    assert ends == [("killed by SIGKILL", "")]
    # and one that was to come begins no more
    assert ondask.work(["-c", "print('here')"], {}, "c-2") == ("cancelled", "")


def test_how_the_scheduler_sees_tasks() -> None:
    def task(state: str, place: Any, lost: int = 0) -> Any:
        return SimpleNamespace(state=state, processing_on=place, suspicious=lost)

    place = SimpleNamespace(address="tcp://h:1", host="h", nthreads=2, executing=())
    tasks = {"x": task("processing", place, 1), "y": task("no-worker", None)}
    place.executing = (tasks["x"],)
    scheduler = SimpleNamespace(tasks=tasks, workers={"tcp://h:1": place})
    seen, workers, threads = ondask.look(["x", "y", "z"], dask_scheduler=scheduler)
    assert seen == {
        "x": ("processing", "tcp://h:1", "h", True, 1),
        "y": ("no-worker", "", "", False, 0),
    }
    assert (workers, threads) == (1, 2)


def is_alive(pid: int) -> bool:
    assert pid != os.getpid()
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
