"""A forked child works, or is refused at once; it never waits for what only its parent has."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support import forking
from tests.support.rasters import write_raster

ROOT = Path(__file__).parents[2]


def play(
    scenario: str, folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.support.forking", scenario, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("threads", ["", "ALL_CPUS"])
def test_children_after_a_run(tmp_path: Path, threads: str) -> None:
    environment = {"GDAL_NUM_THREADS": threads} if threads else {}
    done = play("children_after_a_run", tmp_path, **environment)
    assert done.stdout == "done\n", done.stderr


@pytest.mark.parametrize("scenario", ["children_of_a_user_function", "children_during_a_run"])
def test_children_during_a_run(tmp_path: Path, scenario: str) -> None:
    done = play(scenario, tmp_path)
    assert done.stdout == "done\n", done.stderr


class Server(ThreadingHTTPServer):
    """Serves one file under any name; knows from which ports each name was asked for."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.ports: dict[str, set[int]] = {}


class Handler(BaseHTTPRequestHandler):
    # connections are kept for the next request
    protocol_version = "HTTP/1.1"

    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(200, self.server.content, send=False)

    def do_GET(self) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted is None:
            self._answer(200, self.server.content)
        else:
            self._answer(206, self.server.content[int(wanted[1]) : int(wanted[2]) + 1])

    def _answer(self, status: int, body: bytes, send: bool = True) -> None:
        self.server.ports.setdefault(self.path, set()).add(self.client_address[1])
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if send:
            self.wfile.write(body)


def test_a_child_has_connections_of_its_own(tmp_path: Path) -> None:
    # answers to parent and child would come over one connection, and get mixed
    server = Server(write_raster(tmp_path / "in.tif", forking.PIXELS).read_bytes())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"/vsicurl/http://127.0.0.1:{server.server_port}"
    try:
        done = play(
            "children_that_read_from_a_server", tmp_path, f"{url}/one.tif", f"{url}/two.tif"
        )
    finally:
        server.shutdown()
        server.server_close()
    assert done.stdout == "done\n", done.stderr
    assert server.ports["/one.tif"]
    assert server.ports["/two.tif"].isdisjoint(server.ports["/one.tif"])


def test_a_child_that_outlives_a_killed_run(tmp_path: Path) -> None:
    left = play("a_child_that_outlives_a_killed_run", tmp_path)
    try:
        assert play("one_run", tmp_path).stdout == "done\n"
    finally:
        os.kill(int(left.stdout), signal.SIGKILL)
