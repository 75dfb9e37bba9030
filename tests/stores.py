"""Stores on loopback that say what was asked of them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple


class Request(NamedTuple):
    """One request for (a part of) a file."""

    method: str
    path: str
    sent: int


class Store:
    """Serves the files of a folder by HTTP, and notes each request.

    With ``forward`` it hands requests on to another server instead, and notes them the same way.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.requests: list[Request] = []
        self.folder = folder
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

    def respond(self, path: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body for a path and a Range header."""
        assert self.folder is not None
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

    def bytes_sent(self, name: str) -> int:
        """Return how much of a file was sent, over all requests."""
        return sum(request.sent for request in self.requests if name in request.path)


@contextmanager
def serving(folder: Path) -> Iterator[Store]:
    """Serve a folder while the block lasts."""
    store = Store(folder)
    thread = threading.Thread(target=store.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield store
    finally:
        store.server.shutdown()
        thread.join()
        store.server.server_close()
