"""Stores on loopback that say what was asked of them."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server


class Request(NamedTuple):
    """One request for (a part of) a file."""

    method: str
    path: str
    sent: int


def bytes_sent(requests: list[Request], name: str) -> int:
    """Return how much of a file was sent, over all requests."""
    return sum(request.sent for request in requests if name in request.path)


class Store:
    """Serves the files of a folder by HTTP, and notes each request."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[Request] = []
        self.folder = folder
        self.silent_after: int | None = None
        self.unanswered = 0
        self._end = threading.Event()
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_HEAD(self) -> None:
                self.answer()

            def do_GET(self) -> None:
                self.answer()

            def answer(self) -> None:
                if store.is_silent:
                    store.unanswered += 1
                    store._end.wait(30)
                    self.close_connection = True
                    return
                status, headers, body = store.respond(
                    self.path.partition("?")[0], self.headers.get("Range", "")
                )
                sent = body if self.command == "GET" else b""
                store.requests.append(Request(self.command, self.path, len(sent)))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(sent)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"

    @property
    def is_silent(self) -> bool:
        """Whether it takes requests and never answers."""
        return self.silent_after is not None and len(self.requests) >= self.silent_after

    def end(self) -> None:
        """Let go of requests that have got no answer."""
        self._end.set()

    def respond(self, path: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body for a path and a Range header."""
        file = self.folder / path.lstrip("/")
        if not file.is_file():
            return 404, {}, b""
        content = file.read_bytes()
        headers = {"Accept-Ranges": "bytes"}
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
        if not found:
            return 200, headers, content
        first = int(found[1])
        last = min(int(found[2] or len(content) - 1), len(content) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return 206, headers, content[first : last + 1]


@contextmanager
def serving(folder: Path) -> Iterator[Store]:
    """Serve a folder while the block lasts."""
    store = Store(folder)
    thread = threading.Thread(target=store.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield store
    finally:
        store.end()
        store.server.shutdown()
        thread.join()
        store.server.server_close()


class S3:
    """An S3 service by moto, which keeps objects in memory, and notes each request.

    Attributes
    ----------
    dropping : list of tuple
        Method and a part of the address, with the query, of requests that it does as it is asked
        but leaves without an answer: the first such request, for each entry.

    Uploads that have come to an end are not known any more, as AWS may have it and moto has not.
    """

    def __init__(self) -> None:
        self.dropping: list[tuple[str, str]] = []
        self._ended: set[str] = set()
        self.requests: list[Request] = []
        self._application = DomainDispatcherApplication(create_backend_app)
        self.server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.address = f"127.0.0.1:{self.server.port}"

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Any:
        method, query = environ["REQUEST_METHOD"], environ["QUERY_STRING"]
        if query in self._ended and query.startswith("uploadId="):
            start_response("404 Not Found", [("Content-Type", "application/xml")])
            return [b"<Error><Code>NoSuchUpload</Code><Message>No such upload</Message></Error>"]

        def noted(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            size = int(dict(headers).get("Content-Length", 0))
            sent = size if method == "GET" else 0
            self.requests.append(Request(method, environ["PATH_INFO"], sent))
            if status.startswith("2"):
                if method in ("POST", "DELETE"):
                    self._ended.add(query)
                self._drop(method, environ)
            return start_response(status, headers, *more)

        return self._application(environ, noted)

    def _drop(self, method: str, environ: dict[str, Any]) -> None:
        address = f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}"
        for entry in self.dropping:
            if entry[0] == method and entry[1] in address:
                self.dropping.remove(entry)
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                raise ConnectionResetError


@contextmanager
def s3_service() -> Iterator[S3]:
    """Run an S3 service while the block lasts."""
    service = S3()
    thread = threading.Thread(target=service.server.serve_forever)
    thread.start()
    try:
        yield service
    finally:
        service.server.shutdown()
        thread.join()
        service.server.server_close()
