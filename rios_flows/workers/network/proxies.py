"""The client's side of a `NetworkDataChannel`: objects whose methods are carried out elsewhere."""

from __future__ import annotations

import os
import pickle
import weakref
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from rios_flows import rioserrors
from rios_flows.workers.network.addresses import Address
from rios_flows.workers.network.connecting import connect
from rios_flows.workers.wire import StreamConnection

#: How long to try to connect: the first time the main process may be slow; later it was there (s).
_FIRST_TIME, _LATER_TIME = 60.0, 5.0


class Client:
    """Calls methods of a server's objects, from any thread and at the same time."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._patience = _FIRST_TIME
        # a call holds a connection until its answer is there, however long that takes
        self._idle: deque[StreamConnection] = deque()
        self._process = os.getpid()
        weakref.finalize(self, _close_all, self._idle, self._process)
        names, data = self._ask(None)
        self._patience = _LATER_TIME
        #: the objects that the server has
        self.objects = {name: Proxy(self, name) for name in names}
        self.data = pickle.loads(data)

    def call(self, name: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of an object, and return or raise what it returns or raises."""
        return self._ask(name, method, args, kwargs)

    def close(self) -> None:
        """Close the connections that no call is using."""
        _close_all(self._idle, self._process)

    def _ask(self, *request: Any) -> Any:
        connection, new = self._take()
        try:
            if new:
                connection.send(("client",))
            connection.send(request)
            kind, answer = connection.receive()
        except ConnectionError as error:
            connection.close()
            raise rioserrors.JobMgrError(
                f"The main process at {self._address} has closed the data channel: the run has "
                f"ended, or was killed ({error})."
            ) from error
        except BaseException:
            # what is under way on it is nobody's answer
            connection.close()
            raise
        self._idle.append(connection)
        if kind == "error":
            raise answer
        return answer

    def _take(self) -> tuple[StreamConnection, bool]:
        """Return a connection that no call is using, and whether it is a new one."""
        if self._process != os.getpid():
            self.close()
            self._process = os.getpid()
        try:
            return self._idle.pop(), False
        except IndexError:
            return StreamConnection(connect(self._address, self._patience)), True


class Proxy:
    """An object of the main process: only its public methods can be called."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method.startswith("_"):
            raise AttributeError(f"{self._name} offers no {method!r} from here")
        return partial(self._client.call, self._name, method)


def _close_all(connections: deque[StreamConnection], process: int) -> None:
    if process != os.getpid():
        # a forked child's are its parent's, whose conversations closing would end
        connections.clear()
    while connections:
        connections.pop().close()
