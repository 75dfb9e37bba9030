"""Messages to a process on this machine, with the pixels in memory that both share."""

from __future__ import annotations

import io
import mmap
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rios_flows.workers.wire import (
    COUNT,
    SIZE,
    Buffer,
    Connection,
    ConnectionLost,
    dumps,
    loads,
    table_of,
)

#: Messages below this size go through the socket, even where there is shared memory (bytes).
SMALL_MESSAGE = 16384

#: How far a message may be away from the start of a page's worth (bytes).
_ALIGNMENT = 64

#: Slot of shared memory or -1, its size where it is a new one, size of the message.
_HEADER = struct.Struct("<iQQ")


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


class LocalConnection(Connection):
    """Messages to a process on this machine: larger ones in shared memory, announced by a socket.

    Parameters
    ----------
    stream : socket
        One of a pair of UNIX sockets.
    """

    def __init__(self, stream: socket.socket) -> None:
        super().__init__(stream)
        stream.setblocking(True)
        self._own: list[_Slot] = []
        self._theirs: dict[int, _Slot] = {}

    def send(self, message: object) -> None:
        """Send an object; raises ConnectionLost."""
        parts = dumps(message)
        table = table_of(parts)
        room = _ALIGNMENT + sum(_aligned(len(part)) for part in parts)
        try:
            with self._sending:
                self.traffic.sent += len(table) + sum(map(len, parts))
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
        (count,) = COUNT.unpack(body.read(COUNT.size))
        sizes = [size for (size,) in SIZE.iter_unpack(body.read(count * SIZE.size))]
        self.traffic.received += COUNT.size + SIZE.size * count + sum(sizes)
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
