"""Objects of the main process, called from elsewhere."""

from __future__ import annotations

import pickle
import socket
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from rios_flows import rioserrors
from rios_flows.workers.network import proxies
from rios_flows.workers.network.addresses import Address
from rios_flows.workers.wire import ConnectionLost, StreamConnection


class Served:
    """Answers as the main process does; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.ends: list[StreamConnection] = []

    def connect(self, *_: object) -> socket.socket:
        """Return a client's end of a new connection."""
        ours, theirs = socket.socketpair()
        self.ends.append(StreamConnection(ours))
        threading.Thread(target=self._answer, args=(self.ends[-1],), daemon=True).start()
        return theirs

    def _answer(self, connection: StreamConnection) -> None:
        try:
            assert connection.receive() == ("client",)
            while True:
                request = connection.receive()
                self.asked.append(request)
                connection.send(self._answer_to(*request))
        except ConnectionLost:
            connection.close()

    def _answer_to(self, name: str | None, method: str = "", *_: object) -> tuple[str, Any]:
        if name is None:
            return "value", (["queue"], pickle.dumps("data"))
        if method == "fail":
            return "error", KeyError("told")
        return "value", f"{name}.{method}"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    server = Served()
    monkeypatch.setattr(proxies, "connect", server.connect)
    yield server
    for end in server.ends:
        end.interrupt()


@pytest.fixture
def client(served: Served) -> Iterator[proxies.Client]:
    made = proxies.Client(cast("Address", "here:1"))
    yield made
    made.close()


def test_the_call_is_carried_out_elsewhere(client: proxies.Client, served: Served) -> None:
    assert client.data == "data"
    assert client.objects["queue"].get(1, timeout=2) == "queue.get"
    assert served.asked[-1] == ("queue", "get", (1,), {"timeout": 2})
    assert len(served.ends) == 1  # one connection, used again


def test_an_error_is_raised_here(client: proxies.Client) -> None:
    with pytest.raises(KeyError, match="told"):
        client.objects["queue"].fail()
    assert client.objects["queue"].get() == "queue.get"


def test_only_public_methods(client: proxies.Client, served: Served) -> None:
    with pytest.raises(AttributeError, match="queue offers no '_lock'"):
        _ = client.objects["queue"]._lock
    assert served.asked == [(None,)]


def test_a_channel_that_was_closed_is_said(client: proxies.Client, served: Served) -> None:
    served.ends[0].interrupt()
    with pytest.raises(rioserrors.JobMgrError, match="here:1 has closed the data channel"):
        client.objects["queue"].get()
