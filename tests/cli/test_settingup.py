"""Preparing a server where there is none, or one that refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from typer.testing import CliRunner, Result

from rios_flows.cli import examining, settingup
from rios_flows.cli.program import app


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (None, "No Prefect API is configured"),
        ("http://me:secret@127.0.0.1:9/api", "http://127.0.0.1:9/api does not answer"),
    ],
)
def test_no_server(monkeypatch: pytest.MonkeyPatch, url: str | None, told: str) -> None:
    monkeypatch.setattr(settingup, "configured_url", lambda: url)
    done = CliRunner().invoke(app, ["setup"])
    assert done.exit_code == 1
    assert told in done.output
    assert "prefect server start" in done.output
    assert "secret" not in done.output


class Refusing(ThreadingHTTPServer):
    """A server that answers like Prefect's what is asked first, and refuses all else."""

    status = 403
    content_type = "application/json"
    csrf = 422

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://127.0.0.1:{self.server_port}/api"


_WORDS = {
    "detail": "not for you",
    # for who has asked for a token
    "token": "a token",
    "client": "rios-flows",
    "expiration": "2099-01-01T00:00:00Z",
}


class _Answers(BaseHTTPRequestHandler):
    server: Refusing

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        known = {"/api/health": 200, "/api/csrf-token?client=rios-flows": self.server.csrf}
        status = known.get(self.path, self.server.status)
        if status == 0:
            # as one that is stopped
            return
        words: object = [] if self.path.endswith("/filter") else _WORDS
        body = json.dumps(words).encode()
        self.send_response(status)
        self.send_header("Content-Type", self.server.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    with Refusing() as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with temporary_settings({PREFECT_API_URL: server.url, PREFECT_CLIENT_MAX_RETRIES: 0}):
            yield server
        server.shutdown()


def set_up(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["setup", *arguments])


@pytest.mark.parametrize(
    ("status", "told", "remedy"),
    [
        (401, "401 Unauthorized (not for you)", "PREFECT_API_AUTH_STRING"),
        (403, "403 Forbidden (not for you)", "permission"),
        (409, "409 Conflict (not for you)", "once more"),
        (500, "500 Internal Server Error (not for you)", "server's log"),
        (0, "does not answer any more", "Start the server again"),
    ],
)
@pytest.mark.parametrize("asked", [(), ("--pool", "", "--no-limits")], ids=["all", "automations"])
def test_a_server_that_refuses(
    refusing: Refusing, asked: tuple[str, ...], status: int, told: str, remedy: str
) -> None:
    refusing.status = status
    done = set_up(*asked)
    assert done.exit_code == 1
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first.startswith("UnavailableError: ")
    assert refusing.url in first
    assert told in first
    assert remedy in second
    error = json.loads(set_up(*asked, "--json").stdout)["error"]
    assert told in error["message"]


def test_an_address_that_is_no_api(refusing: Refusing) -> None:
    refusing.content_type = "text/html; charset=utf-8"
    done = set_up()
    assert done.exit_code == 1
    assert "a web page; the URL of an API ends in /api" in done.stderr


def test_a_way_to_itself_that_is_none(refusing: Refusing) -> None:
    done = set_up("--server-url", "localhost:4200/api")
    assert done.exit_code == 2
    assert "must be as http://127.0.0.1:4200/api" in done.stderr


def test_a_server_that_is_protected(refusing: Refusing) -> None:
    refusing.csrf = refusing.status = 200
    done = set_up("--pool", "", "--no-limits", "--dry-run")
    assert done.exit_code == 0, done.output
    first, second, remedy = done.stdout.splitlines()[0], *done.stdout.splitlines()[-2:]
    assert first.startswith("missing")
    assert second.startswith("left out automation rios-flows: mark task runs")
    assert "CSRF protection" in second
    assert "PREFECT_SERVER_CSRF_PROTECTION_ENABLED" in remedy
    told = set_up("--pool", "", "--no-limits", "--dry-run", "--json").stdout
    assert [part["state"] for part in json.loads(told)] == ["missing", "left out"]
    # nobody wants it
    only = set_up("--pool", "", "--no-limits", "--dry-run", "--server-url", "")
    assert "left out" not in only.stdout
    [note] = [each for each in examining.examine() if each.what == "CSRF protection"]
    assert note.state == "note"
    assert "stay Running" in note.found
