"""Messages to a process on this machine, with the pixels in memory that both share."""

from __future__ import annotations

import io
import logging
import mmap
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rios_flows.rioserrors import JobMgrError
from rios_flows.workers.wire import (
    COUNT,
    SIZE,
    Buffer,
    Connection,
    ConnectionLost,
    loads,
    table_of,
)

logger = logging.getLogger(__name__)

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
        try:
            self.memory = mmap.mmap(descriptor, size)
        finally:
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


def _made(size: int) -> tuple[int, _Slot]:
    """Return a new piece of shared memory, and a descriptor of it for the other process."""
    descriptor = os.memfd_create("rios_flows", os.MFD_CLOEXEC)
    try:
        os.ftruncate(descriptor, size)
        return descriptor, _Slot(os.dup(descriptor), size)
    except BaseException:
        os.close(descriptor)
        raise


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

    def _send_parts(self, parts: Sequence[Buffer]) -> None:
        table = table_of(parts)
        room = _ALIGNMENT + sum(_aligned(len(part)) for part in parts)
        try:
            self.traffic.sent += len(table) + sum(map(len, parts))
            if room <= SMALL_MESSAGE or not self._send_shared(room, parts, table):
                body = b"".join([table, *parts])
                self._socket.sendall(_HEADER.pack(-1, 0, len(body)) + body)
        except OSError as error:
            # whoever waits for this message, or for an answer to it, is to notice
            self.interrupt()
            raise ConnectionLost(str(error)) from None

    def _send_shared(self, room: int, parts: Sequence[Buffer], table: bytes) -> bool:
        """Send parts in shared memory; return False where there is none to be had."""
        for number, slot in enumerate(self._own):
            if not slot.taken and slot.size >= room:
                slot.fill(parts)
                self._socket.sendall(_HEADER.pack(number, 0, len(table)) + table)
                return True
        try:
            descriptor, slot = _made(-(-room // mmap.PAGESIZE) * mmap.PAGESIZE)
        except OSError as error:
            # the connection is whole: an error would be taken for its end
            logger.debug("No shared memory: %s", error)
            return False
        try:
            # one that is too small serves no more: give back its memory
            free = [n for n, old in enumerate(self._own) if not old.taken and old.size < room]
            slot.fill(parts)
            number = free[0] if free else len(self._own)
            self._own[number : number + 1] = [slot]
            header = _HEADER.pack(number, slot.size, len(table))
            sent = socket.send_fds(self._socket, [header], [descriptor])
            self._socket.sendall(header[sent:] + table)
        finally:
            os.close(descriptor)
        return True

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
        if size:
            if not descriptors:
                raise JobMgrError(
                    "The pixels of a block cannot be taken over from another process: no file "
                    "descriptor is left; raise the limit (ulimit -n), or ask for fewer workers"
                )
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
