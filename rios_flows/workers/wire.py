"""Messages between a run and its workers: pickles, with the pixels beside them."""

from __future__ import annotations

import io
import mmap
import os
import pickle
import select
import socket
import ssl
import struct
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import numpy as np

#: Arrays below this size stay in the pickle (bytes).
SMALL_ARRAY = 2048

#: Messages below this size go through the socket, even where there is shared memory (bytes).
SMALL_MESSAGE = 16384

#: How far a message may be away from the start of a page's worth (bytes).
_ALIGNMENT = 64

#: Number of parts; their sizes follow.
_COUNT = struct.Struct("<I")
_SIZE = struct.Struct("<Q")

#: Slot of shared memory or -1, its size where it is a new one, size of the message.
_HEADER = struct.Struct("<iQQ")

Buffer = bytes | bytearray | memoryview


class ConnectionLost(ConnectionError):  # noqa: N818 - named like Python's own
    """The other side is gone."""


class Connection(Protocol):
    """Sends and receives objects; one thread may send while another receives."""

    def send(self, message: object) -> None:
        """Send an object; raises ConnectionLost."""

    def receive(self) -> Any:
        """Wait for an object; raises ConnectionLost."""

    def fileno(self) -> int:
        """Return the number of its socket."""

    def interrupt(self) -> None:
        """End the conversation, and wake whoever waits here; for any thread."""

    def close(self) -> None:
        """Give it up."""

    def leave_to_parent(self) -> None:
        """Close it in a forked child, and disturb nobody."""


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


class StreamConnection:
    """Messages over a connected socket, plain or encrypted.

    An encrypted socket must not be read and written at the same time, so that each call of its is
    short, and under a lock.
    """

    def __init__(self, stream: socket.socket) -> None:
        stream.setblocking(False)
        self._socket = stream
        self._sending = threading.Lock()
        self._receiving = threading.Lock()
        self._using = threading.Lock()

    def send(self, message: object) -> None:
        """Send an object; raises ConnectionLost."""
        parts = dumps(message)
        sizes = b"".join([_COUNT.pack(len(parts)), *(_SIZE.pack(len(part)) for part in parts)])
        with self._sending:
            if len(parts) == 1:
                self._send_all(sizes + parts[0])
                return
            self._send_all(sizes)
            for part in parts:
                self._send_all(part)

    def receive(self) -> Any:
        """Wait for an object; raises ConnectionLost."""
        with self._receiving:
            (count,) = _COUNT.unpack(self._receive_all(_COUNT.size))
            sizes = self._receive_all(count * _SIZE.size)
            parts = [self._receive_all(size) for (size,) in _SIZE.iter_unpack(sizes)]
        return loads(parts)

    def fileno(self) -> int:
        """Return the number of its socket."""
        return self._socket.fileno()

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


class _Slot:
    """A piece of shared memory without a name, which is gone with the last process that has it."""

    def __init__(self, descriptor: int, size: int) -> None:
        self.size = size
        self.memory = mmap.mmap(descriptor, size)
        os.close(descriptor)

    @property
    def taken(self) -> bool:
        """Whether it holds a message that the other side has not taken out yet."""
        return self.memory[0] != 0

    @taken.setter
    def taken(self, taken: bool) -> None:
        self.memory[0] = taken

    def fill(self, parts: Iterable[Buffer]) -> None:
        at = _ALIGNMENT
        for part in parts:
            np.copyto(self._view(at, len(part)), np.frombuffer(part, np.uint8))
            at += _aligned(len(part))
        self.taken = True

    def take(self, sizes: Sequence[int]) -> list[Buffer]:
        at, parts = _ALIGNMENT, list[Buffer]()
        for size in sizes:
            parts.append(self._view(at, size).copy().data)
            at += _aligned(size)
        self.taken = False
        return parts

    def _view(self, at: int, size: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        return np.frombuffer(self.memory, np.uint8, size, at)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


class LocalConnection:
    """Messages to a process on this machine: larger ones in shared memory, announced by a socket.

    Parameters
    ----------
    stream : socket
        One of a pair of UNIX sockets.
    """

    def __init__(self, stream: socket.socket) -> None:
        stream.setblocking(True)
        self._socket = stream
        self._sending = threading.Lock()
        self._receiving = threading.Lock()
        self._own: list[_Slot] = []
        self._theirs: dict[int, _Slot] = {}

    def send(self, message: object) -> None:
        """Send an object; raises ConnectionLost."""
        parts = dumps(message)
        table = b"".join([_COUNT.pack(len(parts)), *(_SIZE.pack(len(part)) for part in parts)])
        room = _ALIGNMENT + sum(_aligned(len(part)) for part in parts)
        try:
            with self._sending:
                if room <= SMALL_MESSAGE:
                    body = b"".join([table, *parts])
                    self._socket.sendall(_HEADER.pack(-1, 0, len(body)) + body)
                else:
                    self._send_shared(room, parts, table)
        except OSError as error:
            raise ConnectionLost(str(error)) from None

    def _send_shared(self, room: int, parts: Sequence[Buffer], table: bytes) -> None:
        for number, slot in enumerate(self._own):
            if not slot.taken and slot.size >= room:
                slot.fill(parts)
                self._socket.sendall(_HEADER.pack(number, 0, len(table)) + table)
                return
        size = -(-room // mmap.PAGESIZE) * mmap.PAGESIZE
        descriptor = os.memfd_create("rios_flows", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, size)
        # one that is too small serves no more: give back its memory
        free = [n for n, slot in enumerate(self._own) if not slot.taken and slot.size < room]
        slot = _Slot(os.dup(descriptor), size)
        slot.fill(parts)
        number = free[0] if free else len(self._own)
        self._own[number : number + 1] = [slot]
        header = _HEADER.pack(number, size, len(table))
        sent = socket.send_fds(self._socket, [header], [descriptor])
        self._socket.sendall(header[sent:] + table)
        os.close(descriptor)

    def receive(self) -> Any:
        """Wait for an object; raises ConnectionLost."""
        try:
            with self._receiving:
                parts = self._receive_parts()
        except OSError as error:
            raise ConnectionLost(str(error)) from None
        return loads(parts)

    def _receive_parts(self) -> list[Buffer]:
        header, descriptors, _, _ = socket.recv_fds(self._socket, _HEADER.size, 1)
        if not header:
            raise ConnectionLost("the connection has ended")
        header += self._receive_all(_HEADER.size - len(header))
        number, size, length = _HEADER.unpack(header)
        if descriptors:
            self._theirs[number] = _Slot(descriptors[0], size)
        body = io.BytesIO(self._receive_all(length))
        (count,) = _COUNT.unpack(body.read(_COUNT.size))
        sizes = [size for (size,) in _SIZE.iter_unpack(body.read(count * _SIZE.size))]
        if number < 0:
            return [bytearray(body.read(size)) for size in sizes]
        return self._theirs[number].take(sizes)

    def _receive_all(self, size: int) -> bytes:
        whole = bytearray()
        while len(whole) < size:
            part = self._socket.recv(size - len(whole))
            if not part:
                raise ConnectionLost("the connection has ended")
            whole += part
        return bytes(whole)

    def fileno(self) -> int:
        """Return the number of its socket."""
        return self._socket.fileno()

    def interrupt(self) -> None:
        """End the conversation, and wake whoever waits here; for any thread."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give it up."""
        self.interrupt()
        self._socket.close()

    def leave_to_parent(self) -> None:
        """Close it in a forked child, and disturb nobody."""
        os.close(self._socket.detach())
