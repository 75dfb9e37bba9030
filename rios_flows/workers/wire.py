"""Messages between a run and its workers: pickles, with the pixels beside them."""

from __future__ import annotations

import os
import pickle
import select
import socket
import ssl
import struct
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from rios_flows.reports.workerbook import Traffic

#: Arrays below this size stay in the pickle (bytes).
SMALL_ARRAY = 2048

#: Number of parts; their sizes follow.
COUNT = struct.Struct("<I")
SIZE = struct.Struct("<Q")

Buffer = bytes | bytearray | memoryview


class ConnectionLost(ConnectionError):  # noqa: N818 - named like Python's own
    """The other side is gone."""


class Connection(ABC):
    """Sends and receives objects; one thread may send while another receives."""

    def __init__(self, stream: socket.socket) -> None:
        self._socket = stream
        #: what has gone through it
        self.traffic = Traffic()
        # the garbage collector may have this thread print something in the midst of a message
        self._sending = threading.RLock()
        self._is_sending = False
        self._later: deque[list[Buffer]] = deque()
        self._receiving = threading.Lock()

    def send(self, message: object) -> None:
        """Send an object; raises ConnectionLost."""
        parts = dumps(message)
        with self._sending:
            self._later.append(parts)
            if self._is_sending:
                return
            self._is_sending = True
            try:
                while self._later:
                    self._send_parts(self._later.popleft())
            except BaseException:
                # such as one that a handler of signals raises: what is sent next must not be taken
                # for the rest of this message
                self.interrupt()
                raise
            finally:
                self._is_sending = False

    @abstractmethod
    def _send_parts(self, parts: Sequence[Buffer]) -> None: ...

    @abstractmethod
    def receive(self) -> Any:
        """Wait for an object; raises ConnectionLost."""

    def interrupt(self) -> None:
        """End the conversation, and wake whoever waits here; for any thread."""
        with suppress(OSError):
            # not that of an encrypted socket: it would talk to the other side
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Give it up."""
        self.interrupt()
        self._socket.close()

    def leave_to_parent(self) -> None:
        """Close it in a forked child, and disturb nobody."""
        os.close(self._socket.detach())


def dumps(message: object) -> list[Buffer]:
    """Return the parts of a message: a pickle, and the memory of its larger arrays."""
    parts: list[Buffer] = [b""]

    def keep(buffer: pickle.PickleBuffer) -> bool:
        memory = buffer.raw()
        if memory.nbytes < SMALL_ARRAY:
            return True
        parts.append(memory)
        return False

    try:
        parts[0] = pickle.dumps(message, protocol=5, buffer_callback=keep)
    except Exception:
        # what a script has defined: plain pickle would look for it where it is not
        import cloudpickle

        del parts[1:]
        parts[0] = cloudpickle.dumps(message, protocol=5, buffer_callback=keep)
    return parts


def loads(parts: Sequence[Buffer]) -> Any:
    """Return the message of these parts, whose memory it takes."""
    return pickle.loads(parts[0], buffers=parts[1:])


def table_of(parts: Sequence[Buffer]) -> bytes:
    """Return what comes before the parts: their number and sizes."""
    return b"".join([COUNT.pack(len(parts)), *(SIZE.pack(len(part)) for part in parts)])


class StreamConnection(Connection):
    """Messages over a connected socket, plain or encrypted.

    An encrypted socket must not be read and written at the same time, so that each call of its is
    short, and under a lock.
    """

    def __init__(self, stream: socket.socket) -> None:
        super().__init__(stream)
        stream.setblocking(False)
        self._using = threading.Lock()

    def _send_parts(self, parts: Sequence[Buffer]) -> None:
        sizes = table_of(parts)
        self.traffic.sent += len(sizes) + sum(map(len, parts))
        if len(parts) == 1:
            self._send_all(sizes + parts[0])
            return
        self._send_all(sizes)
        for part in parts:
            self._send_all(part)

    def receive(self) -> Any:
        """Wait for an object; raises ConnectionLost."""
        with self._receiving:
            (count,) = COUNT.unpack(self._receive_all(COUNT.size))
            sizes = self._receive_all(count * SIZE.size)
            parts = [self._receive_all(size) for (size,) in SIZE.iter_unpack(sizes)]
            self.traffic.received += COUNT.size + len(sizes) + sum(map(len, parts))
        return loads(parts)

    def _send_all(self, data: Buffer) -> None:
        left = memoryview(data).cast("B")
        while left:
            try:
                with self._using:
                    sent = self._socket.send(left)
                left = left[sent:]
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._wait_for(select.POLLOUT)
            except ssl.SSLWantReadError:
                self._wait_for(select.POLLIN)
            except OSError as error:
                # whoever waits for this message, or for an answer to it, is to notice
                self.interrupt()
                raise ConnectionLost(str(error)) from None

    def _receive_all(self, size: int) -> memoryview:
        whole = np.empty(size, np.uint8).data
        left = whole
        while left:
            try:
                with self._using:
                    received = self._socket.recv_into(left)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait_for(select.POLLIN)
            except ssl.SSLWantWriteError:
                self._wait_for(select.POLLOUT)
            except OSError as error:
                raise ConnectionLost(str(error)) from None
            else:
                if not received:
                    raise ConnectionLost("the connection has ended")
                left = left[received:]
        return whole

    def _wait_for(self, event: int) -> None:
        waiting = select.poll()
        try:
            waiting.register(self._socket, event)
        except ValueError:
            raise ConnectionLost("the connection is closed") from None
        waiting.poll()
