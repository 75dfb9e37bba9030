"""The server's side of a channel where the system has no thread left for a client."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from rios_flows.workers.network.serving import Server


def test_no_thread_for_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    server = Server({"event": threading.Event()}, b"", lambda: None)
    own, its = socket.socketpair()
    stream: Any = own
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        # the listener closes the connection, and says so
        with pytest.raises(RuntimeError):
            server.welcome(stream, "somewhere")
    # those who have one are still told of the end
    server.shutdown()
    own.close()
    its.close()
