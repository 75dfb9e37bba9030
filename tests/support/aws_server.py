"""An AWS of this machine: moto's, in which tasks of ECS and jobs of Batch are processes.

It listens on a port of loopback, which it writes into the folder, until its standard input ends.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from moto.moto_api import state_manager
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.aws_batch import Jobs
from tests.support.aws_ecs import Tasks


class Quiet(WSGIRequestHandler):
    """Tells nothing of requests."""

    # connections of clients stay
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None:
        pass


class Faulty:
    """Answers as the application does, or, as often as a file in the folder says, with a fault.

    At ``/left`` it tells which tasks and jobs have not ended.

    The file is called as the action ("DescribeTasks"), and holds JSON: ``times``, ``status`` and
    ``code`` of the answer, ``delay`` (s) before it; without a status the answer is right.
    """

    def __init__(
        self,
        application: Callable[..., Iterable[bytes]],
        folder: Path,
        left: Callable[[], dict[str, Any]],
    ) -> None:
        self._application, self._folder, self._left = application, folder, left
        self._lock = Lock()

    def __call__(self, request: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if request["PATH_INFO"] == "/left":
            return _told(self._left(), start)
        if str(request["PATH_INFO"]).endswith("/task"):
            return _metadata(request, start)
        action = _action(request)
        with (self._folder / "calls").open("a") as calls:
            calls.write(f"{action}\n")
        fault = self._take(action)
        time.sleep(fault.get("delay", 0))
        if "status" not in fault:
            return self._application(request, start)
        # else it would be taken for the beginning of the next request
        request["wsgi.input"].read(int(request.get("CONTENT_LENGTH") or 0))
        body = json.dumps({"__type": fault["code"], "message": fault["code"]}).encode()
        headers = [
            ("Content-Type", "application/x-amz-json-1.1"),
            ("Content-Length", str(len(body))),
            ("x-amzn-ErrorType", fault["code"]),
        ]
        start(f"{fault['status']} Fault", headers)
        return [body]

    def _take(self, action: str) -> dict[str, Any]:
        path = self._folder / action
        with self._lock:
            if not path.exists():
                return {}
            fault: dict[str, Any] = json.loads(path.read_text())
            fault["times"] -= 1
            if fault["times"]:
                path.write_text(json.dumps(fault))
            else:
                path.unlink()
            return fault


def _metadata(request: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Tell a task who it is."""
    task = str(request["PATH_INFO"]).split("/")[-2]
    arn = f"arn:aws:ecs:us-east-1:123456789012:task/a-cluster/{task}"
    return _told({"TaskARN": arn}, start)


def _told(what: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    body = json.dumps(what).encode()
    start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _action(request: dict[str, Any]) -> str:
    """Return what is asked for: "RunTask", or, of Batch, "submitjob"."""
    target = str(request.get("HTTP_X_AMZ_TARGET", ""))
    return target.rpartition(".")[2] or str(request["PATH_INFO"]).rpartition("/")[2] or "none"


def main(folder: Path) -> None:
    """Serve until standard input ends, then end all tasks and jobs."""
    for model in ("ecs::task", "batch::job"):
        # by themselves they change with each look at them
        state_manager.set_transition(model, {"progression": "manual", "times": 10**9})
    faults = folder / "faults"
    faults.mkdir()

    def left() -> dict[str, Any]:
        return {"tasks": tasks.left(), "jobs": jobs.left()}

    application = Faulty(DomainDispatcherApplication(create_backend_app), faults, left)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    endpoint = f"http://127.0.0.1:{server.server_port}"
    (folder / "containers").mkdir()
    tasks, jobs = Tasks(folder / "containers", endpoint), Jobs(folder / "containers", endpoint)
    for runner in (tasks, jobs):
        runner.patch()
    Thread(target=server.serve_forever, daemon=True).start()
    (folder / "endpoint.new").write_text(endpoint)
    (folder / "endpoint.new").rename(folder / "endpoint")
    sys.stdin.read()
    for runner in (tasks, jobs):
        runner.stop()
