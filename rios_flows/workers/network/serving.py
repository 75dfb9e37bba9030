"""The server's side of a `NetworkDataChannel`: its objects, used by clients in other processes."""

from __future__ import annotations

import logging
import pickle
import select
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from rios_flows import rioserrors
from rios_flows.workers.network import patience
from rios_flows.workers.wire import StreamConnection

logger = logging.getLogger(__name__)

#: Gets the connection of a worker, and its hello.
OnWorker = Callable[[StreamConnection, Any], object]

#: How long clients have to be told of the end, and then threads to end (s).
_FAREWELL_TIME, _END_TIME = 1.0, 2.0


class _LeftError(ConnectionError):
    """A client has left while its call waited."""


class Server:
    """Serves objects to clients, each in a thread of its own."""

    def __init__(
        self, objects: Mapping[str, Any], data: bytes, find_on_worker: Callable[[], OnWorker | None]
    ) -> None:
        #: by name; what is None is not served
        self.objects = {name: target for name, target in objects.items() if target is not None}
        self.data = data
        self.find_on_worker = find_on_worker
        self.lock = threading.Lock()
        self.ending = False
        self._sessions: set[_Session] = set()

    def welcome(self, stream: ssl.SSLSocket, peer: str) -> None:
        """Serve a connection whose other side has shown to know the secret; returns at once."""
        session = _Session(self, stream, peer)
        with self.lock:
            if not self.ending:
                # there may be no thread left; a session needs the lock to leave
                session.thread.start()
                self._sessions.add(session)
                return
        stream.close()

    def farewell(self, session: _Session) -> None:
        """Forget a session that has ended, or whose connection is a worker's now."""
        with self.lock:
            self._sessions.discard(session)

    def shutdown(self) -> None:
        """End all sessions: calls that wait are told so, and then connections are closed."""
        with self.lock:
            self.ending = True
            sessions = list(self._sessions)
            waited_for = [each.waits_in for each in sessions if each.waits_in is not None]
        for target in waited_for:
            _wake(target)
        for session in sessions:
            if not session.answering:
                session.hang_up()
        _join(sessions, _FAREWELL_TIME)
        for session in sessions:
            session.hang_up()
        _join(sessions, _END_TIME)


class _Session:
    """One connection, until its client leaves."""

    def __init__(self, server: Server, stream: ssl.SSLSocket, peer: str) -> None:
        self._server = server
        self._peer = peer
        self._connection = StreamConnection(stream)
        self._readable = select.poll()
        self._readable.register(stream, select.POLLIN)
        #: the object inside which a call may be waiting, and whether its answer is still to be sent
        self.waits_in: Any = None
        self.answering = False
        self.thread = threading.Thread(target=self._run, name=f"channel-{peer}", daemon=True)

    def hang_up(self) -> None:
        """Wake the thread, whether it receives or sends."""
        self._connection.interrupt()

    def _run(self) -> None:
        try:
            match self._connection.receive():
                case ("client",):
                    self._serve()
                case ("worker", hello):
                    self._hand_on(hello)
                    return
                case _:
                    logger.info("Refused %s: neither a client nor a worker", self._peer)
        except ConnectionError:
            pass  # the client has left, as clients do
        except Exception:
            logger.exception("The data channel cannot understand %s", self._peer)
        self._connection.close()
        self._server.farewell(self)

    def _hand_on(self, hello: Any) -> None:
        on_worker = self._server.find_on_worker()
        if self._server.ending:
            on_worker = None
        self._server.farewell(self)
        try:
            if on_worker is None:
                self._connection.send(("refused", "this run takes no workers"))
                self._connection.close()
            else:
                on_worker(self._connection, hello)
        except Exception as error:
            log = logger.info if isinstance(error, ConnectionError) else logger.exception
            log("The worker from %s could not be taken: %s", self._peer, error)
            self._connection.close()

    def _serve(self) -> None:
        while not self._server.ending:
            try:
                request = self._connection.receive()
            except ConnectionError:
                raise
            except Exception as error:
                # an argument that cannot be unpickled here
                self._connection.send(("error", portable(error)))
            else:
                self._answer(request)

    def _answer(self, request: Any) -> None:
        self.answering = True
        try:
            answer = "result", self._do(*request)
        except _LeftError:
            raise
        except BaseException as error:
            # also SystemExit, which some object may raise: it is the client's
            answer = "error", portable(error)
        try:
            self._connection.send(answer)
        except ConnectionError:
            raise
        except Exception as error:
            # a result that cannot be pickled
            self._connection.send(("error", portable(error)))
        finally:
            self.answering = False

    def _do(
        self,
        name: str | None,
        method: str = "",
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if name is None:
            return tuple(self._server.objects), self._server.data
        target = self._server.objects[name]
        if method.startswith("_") or not callable(getattr(target, method)):
            raise AttributeError(f"{name} has no public method {method!r}")
        with self._server.lock:
            if self._server.ending:
                raise ended()
            self.waits_in = target
        try:
            return patience.call(target, method, args, dict(kwargs or {}), self._go_on)
        finally:
            self.waits_in = None

    def _go_on(self) -> None:
        if self._server.ending:
            raise ended()
        # a client that waits for an answer says nothing: it has left
        if self._readable.poll(0):
            raise _LeftError


def ended() -> rioserrors.JobMgrError:
    """Return the error of calls when the channel is being shut down."""
    return rioserrors.JobMgrError(
        "The main process has shut down the data channel: the run has ended, and its workers are "
        "to end too."
    )


def portable(error: BaseException) -> BaseException:
    """Return the error, or one that says the same, if it does not survive being pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return rioserrors.RiosError(f"{type(error).__name__}: {error}")
    return error


def _wake(target: Any) -> None:
    """Wake calls that wait inside an object; others notice the end by themselves."""
    if hasattr(target, "abort"):
        target.abort()
    elif hasattr(target, "popNextBlock") and hasattr(target, "close"):
        target.close(ended)


def _join(sessions: list[_Session], limit: float) -> None:
    end = time.monotonic() + limit
    for session in sessions:
        session.thread.join(max(0.0, end - time.monotonic()))
