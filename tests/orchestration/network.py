"""A network between a machine and a server, which a test can cut."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Event, Thread
from typing import Self


class Network:
    """A way to a server on loopback; a context manager.

    While it is cut, nothing gets through and nobody is told so: connections stay open, new ones
    can be made, and there is never an answer.
    """

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._whole = Event()
        self._whole.set()
        self._here = socket.create_server(("127.0.0.1", 0))
        self._open = [self._here]
        self.port: int = self._here.getsockname()[1]

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._whole.set()
        for each in self._open:
            # whoever waits for it wakes
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._here.accept()
                self._open.append(near)
                self._whole.wait()
                far = socket.create_connection(self._server)
                self._open.append(far)
                for pair in ((near, far), (far, near)):
                    Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._whole.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
