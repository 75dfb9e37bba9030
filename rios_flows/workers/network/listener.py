"""The port on which workers come in: who lacks the run's secret is refused, and disturbs nobody."""

from __future__ import annotations

import contextlib
import errno
import logging
import selectors
import socket
import ssl
import time
from collections.abc import Callable

from rios_flows.basics.threads import start, thread_in_context
from rios_flows.workers.network.addresses import Address, listening
from rios_flows.workers.network.certificates import server_context
from rios_flows.workers.network.connecting import tune

logger = logging.getLogger(__name__)

#: Longest time for a handshake (s), and how many may be under way; others wait in the backlog.
HANDSHAKE_TIME = 10.0
MOST_GUESTS = 64

#: Shortest time between two log lines about strangers (s).
_LINE_TIME = 1.0

_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Listener:
    """Listens on one port, in one thread, until it is closed.

    Parameters
    ----------
    host : str or None
        Name or address by which workers reach this machine; None to find out.
    ports : range
        Ports that are allowed: the first free one is taken, beginning anywhere.
    authkey : str
        The secret.
    arrived : callable
        Gets each connection (an :class:`ssl.SSLSocket`, blocking) that has shown to know the
        secret, and the other side's address. It is called by the listener's thread, and so must be
        quick, and leave waiting to others.
    """

    def __init__(
        self,
        host: str | None,
        ports: range,
        authkey: str,
        arrived: Callable[[ssl.SSLSocket, str], object],
    ) -> None:
        self._context = server_context(authkey)
        self._arrived = arrived
        name, self._socket = listening(host, ports)
        self._socket.setblocking(False)
        self.address = Address(name, self._socket.getsockname()[1], authkey)
        # nobody needs a thread: one looks after all who are shaking hands
        self._guests: dict[ssl.SSLSocket, tuple[str, float]] = {}
        self._selector = selectors.DefaultSelector()
        self._closed, self._close = socket.socketpair()
        self._last_line, self._untold = -_LINE_TIME, 0
        self._thread = thread_in_context(self._listen, name="worker-listener")
        start(self._thread)

    def close(self) -> None:
        """Stop listening; connections that have arrived stay."""
        self._close.close()
        self._thread.join(1.0)

    def _listen(self) -> None:
        self._selector.register(self._closed, selectors.EVENT_READ)
        self._selector.register(self._socket, selectors.EVENT_READ)
        try:
            while self._look():
                self._see_off_the_slow()
                self._open_or_shut_the_door()
        finally:
            with contextlib.suppress(OSError):
                # also for forked children that still have the socket: nobody is to wait for them
                self._socket.shutdown(socket.SHUT_RDWR)
            for guest in self._guests:
                guest.close()
            for each in (self._socket, self._closed, self._selector):
                each.close()

    def _look(self) -> bool:
        """Do what there is to do; False at the end."""
        deadlines = [deadline for _, deadline in self._guests.values()]
        wait = max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
        for key, _ in self._selector.select(wait):
            if key.fileobj is self._closed:
                return False
            if key.fileobj is self._socket:
                self._let_in()
            elif isinstance(key.fileobj, ssl.SSLSocket):
                self._shake(key.fileobj)
        return True

    def _let_in(self) -> None:
        peer = "someone"
        try:
            stream, place = self._socket.accept()
            peer = f"{place[0]}:{place[1]}"
            guest = self._wrapped(stream)
        except BlockingIOError:
            return
        except OSError as error:
            self._tell(peer, _reason(error))
            if error.errno in _FULL:
                time.sleep(0.1)  # it would be tried again at once, in vain
            return
        self._guests[guest] = peer, time.monotonic() + HANDSHAKE_TIME
        self._selector.register(guest, selectors.EVENT_READ)

    def _wrapped(self, stream: socket.socket) -> ssl.SSLSocket:
        try:
            stream.setblocking(False)
            tune(stream)
            stream.getpeername()  # raises when that has left: SSLSocket would not be closed
            return self._context.wrap_socket(
                stream, server_side=True, do_handshake_on_connect=False
            )
        except BaseException:
            stream.close()
            raise

    def _shake(self, guest: ssl.SSLSocket) -> None:
        try:
            guest.do_handshake()
        except ssl.SSLWantReadError:
            self._selector.modify(guest, selectors.EVENT_READ)
        except ssl.SSLWantWriteError:
            self._selector.modify(guest, selectors.EVENT_WRITE)
        except (OSError, ValueError) as error:
            self._refuse(guest, _reason(error))
        else:
            self._hand_on(guest)

    def _hand_on(self, guest: ssl.SSLSocket) -> None:
        peer = self._forget(guest)
        try:
            guest.settimeout(None)
            self._arrived(guest, peer)
        except Exception:
            logger.exception("A worker came from %s, but nobody could take it", peer)
            guest.close()

    def _refuse(self, guest: ssl.SSLSocket, why: str) -> None:
        self._tell(self._forget(guest), why)
        guest.close()

    def _forget(self, guest: ssl.SSLSocket) -> str:
        self._selector.unregister(guest)
        return self._guests.pop(guest)[0]

    def _see_off_the_slow(self) -> None:
        now = time.monotonic()
        for guest, (_, deadline) in list(self._guests.items()):
            if deadline <= now:
                self._refuse(guest, f"no handshake within {HANDSHAKE_TIME:g} s")

    def _open_or_shut_the_door(self) -> None:
        is_open = self._socket in self._selector.get_map()
        if is_open and len(self._guests) >= MOST_GUESTS:
            self._selector.unregister(self._socket)
        elif not is_open and len(self._guests) < MOST_GUESTS:
            self._selector.register(self._socket, selectors.EVENT_READ)

    def _tell(self, peer: str, why: str) -> None:
        """Log one stranger; many at once are counted, so that they cannot fill the log."""
        now = time.monotonic()
        if now - self._last_line < _LINE_TIME:
            self._untold += 1
            return
        more = f", and {self._untold} more before" if self._untold else ""
        logger.info("Refused a connection from %s%s: %s", peer, more, why)
        self._last_line, self._untold = now, 0


def _reason(error: Exception) -> str:
    # OpenSSL's words, or the system's: nothing that a stranger sent
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return str(reason).replace("_", " ").lower()
