"""Waiting for the embedded server, with small programs in its place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rios_flows.orchestration import embedded_server
from rios_flows.orchestration.embedded_server import EmbeddedServer
from rios_flows.rioserrors import UnavailableError

ANSWERS = """
import http.server, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.5)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""

Start = Callable[[str], EmbeddedServer]


@pytest.fixture
def start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    started = []

    def start(code: str) -> EmbeddedServer:
        script = folder / "server.py"
        script.write_text(code)
        monkeypatch.setattr(embedded_server, "_SCRIPT", script)
        started.append(EmbeddedServer(os.environ))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def test_two_threads_wait_for_one_server(start: Start) -> None:
    server = start(ANSWERS)
    with ThreadPoolExecutor(4) as pool:
        urls = {done.result() for done in [pool.submit(server.url) for _ in range(4)]}
    assert len(urls) == 1
    assert urls.pop().startswith("http://127.0.0.1:")
    assert server.alive


def test_a_server_that_names_no_port_in_time(start: Start) -> None:
    server = start("import time\ntime.sleep(60)\n")
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="no answer: it has not named its port"):
        server.url(timeout=0.2)
    assert time.monotonic() - began < 10


def test_one_that_is_only_slow_may_be_waited_for_again(start: Start) -> None:
    server = start(f"import time\ntime.sleep(1.5)\n{ANSWERS}")
    with pytest.raises(UnavailableError):
        server.url(timeout=0.01)
    assert server.alive
    assert server.url().startswith("http://127.0.0.1:")


def test_a_server_that_ends_at_once_says_why_to_all(start: Start) -> None:
    server = start("raise SystemExit('no database today')")
    for _ in range(2):
        with pytest.raises(UnavailableError, match=r"(?s)ended with code 1.*no database today"):
            server.url()
        # even if another thread has cleared it away
        server.stop()


def test_who_waits_in_vain_ends_no_server_that_lives(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(embedded_server, "_server", server)

    def in_vain(timeout: float = 0) -> str:
        raise UnavailableError("no answer")

    monkeypatch.setattr(server, "url", in_vain)
    with pytest.raises(UnavailableError), embedded_server.connected(server):
        pass
    assert embedded_server._server is server
    assert server.alive
    server._process.kill()
    server._process.wait()
    with pytest.raises(UnavailableError), embedded_server.connected(server):
        pass
    assert embedded_server._server is None
