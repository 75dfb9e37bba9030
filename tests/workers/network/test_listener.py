"""Strangers on the port: refused, told of once, and nobody is disturbed."""

from __future__ import annotations

import contextlib
import errno
import logging
import re
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from rios_flows.workers.network import listener as module
from rios_flows.workers.network.addresses import Address
from rios_flows.workers.network.certificates import client_context, new_authkey
from rios_flows.workers.network.connecting import connect
from rios_flows.workers.network.listener import Listener
from rios_flows.workers.wire import StreamConnection

LOOPBACK = "127.0.0.1"
PORTS = range(30000, 50001)


class Echo:
    """A listener whose workers get back what they send."""

    def __init__(self, host: str = LOOPBACK) -> None:
        self.arrivals: list[tuple[ssl.SSLSocket, str]] = []
        self.threads: list[threading.Thread] = []
        self.listener = Listener(host, PORTS, new_authkey(), self.arrived)
        self.address = self.listener.address

    def arrived(self, stream: ssl.SSLSocket, peer: str) -> None:
        self.arrivals.append((stream, peer))
        self.threads.append(threading.Thread(target=self.echo, args=(stream,)))
        self.threads[-1].start()

    def echo(self, stream: ssl.SSLSocket) -> None:
        connection = StreamConnection(stream)
        with contextlib.suppress(OSError):
            while True:
                connection.send(connection.receive())
        connection.close()

    def close(self) -> None:
        self.listener.close()
        for thread in self.threads:
            thread.join(10)


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.close()


def plain(address: Address) -> socket.socket:
    return socket.create_connection((address.host, address.port), 10)


def greet(address: Address) -> ssl.SSLSocket:
    """Come as a worker, and have something echoed: a client is done before the server is."""
    stream = connect(address, 20)
    connection = StreamConnection(stream)
    connection.send("hello")
    assert connection.receive() == "hello"
    return stream


def ended(stream: socket.socket, within: float) -> bool:
    """Tell whether the other side has closed the connection, whatever it sent before."""
    stream.settimeout(within)
    try:
        while stream.recv(1000):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def speaks(*data: bytes) -> Callable[[Address], None]:
    def stranger(address: Address) -> None:
        with plain(address) as stream:
            with contextlib.suppress(OSError):
                for piece in data:
                    stream.sendall(piece)
            assert ended(stream, 5)

    return stranger


def scan(address: Address) -> None:
    plain(address).close()


def reset(address: Address) -> None:
    with plain(address) as stream:
        # closing sends no FIN, but a reset
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def foreign(context: ssl.SSLContext) -> Callable[[Address], None]:
    def stranger(address: Address) -> None:
        # TLS 1.3: a client only learns afterwards that it is not wanted
        with contextlib.suppress(OSError), context.wrap_socket(plain(address)) as shaken:
            assert ended(shaken, 5)

    return stranger


def anybody(context: ssl.SSLContext) -> ssl.SSLContext:
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


STRANGERS = {
    "plain TCP": speaks(b"hello\n"),
    "HTTP": speaks(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "garbage": speaks(bytes(range(256)) * 400),
    "half a handshake": speaks(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"x" * 600),
    "a pickle": speaks(b"\x80\x05\x95" + b"\0" * 64),
    "a port scan": scan,
    "a reset": reset,
    "no certificate": foreign(anybody(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))),
    "a foreign certificate": foreign(anybody(client_context(new_authkey()))),
    "a wrong key": foreign(client_context(new_authkey())),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_a_stranger_is_refused_and_disturbs_nobody(
    echo: Echo, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rios_flows.workers")
    connection = StreamConnection(connect(echo.address, 10))
    stop, failures = threading.Event(), []

    def work() -> None:
        for number in range(100_000):
            connection.send(number)
            if connection.receive() != number:
                failures.append(number)
            if stop.is_set() and number > 20:
                return

    worker = threading.Thread(target=work)
    worker.start()
    began = time.monotonic()
    STRANGERS[name](echo.address)
    assert time.monotonic() - began < 5
    # the listener goes on
    greet(echo.address).close()
    stop.set()
    worker.join(10)
    connection.close()
    assert not worker.is_alive()
    assert failures == []
    assert len(echo.arrivals) == 2
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert re.match(r"Refused a connection from (127\.0\.0\.1:\d+|someone): \w", lines[0])
    assert echo.address.authkey not in lines[0]


@pytest.mark.alone
def test_silent_ones_are_seen_off_and_block_nobody(
    echo: Echo, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rios_flows.workers")
    monkeypatch.setattr(module, "HANDSHAKE_TIME", 1.5)
    silent = [plain(echo.address) for _ in range(20)]
    try:
        began = time.monotonic()
        greet(echo.address).close()
        assert time.monotonic() - began < 1
        slow = plain(echo.address)
        silent.append(slow)
        with contextlib.suppress(OSError):
            # a byte now and then wins no time
            for byte in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 2:
                slow.sendall(bytes([byte]))
                time.sleep(0.1)
        assert all(ended(each, 1) for each in silent)
        assert time.monotonic() - began < 4
    finally:
        for each in silent:
            each.close()
    lines = [record.getMessage() for record in caplog.records]
    assert "no handshake within 1.5 s" in lines[0]
    assert len(lines) <= 3


@pytest.mark.alone
def test_more_than_may_shake_hands_wait_outside(
    echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HANDSHAKE_TIME", 1.0)
    monkeypatch.setattr(module, "MOST_GUESTS", 4)
    silent = [plain(echo.address) for _ in range(4)]
    time.sleep(0.1)
    try:
        began = time.monotonic()
        greet(echo.address).close()
        assert 0.5 < time.monotonic() - began < 3
    finally:
        for each in silent:
            each.close()


def test_strangers_are_counted_not_listed(echo: Echo, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rios_flows.workers")
    for _ in range(30):
        speaks(b"hello\n")(echo.address)
    time.sleep(1.1)
    speaks(b"hello\n")(echo.address)
    lines = [record.getMessage() for record in caplog.records]
    assert 2 <= len(lines) <= 4
    told = sum(int(found) for found in re.findall(r"and (\d+) more", " ".join(lines)))
    assert len(lines) + told == 31


def test_many_workers_at_once(echo: Echo) -> None:
    streams: list[ssl.SSLSocket] = []
    threads = [
        threading.Thread(target=lambda: streams.append(greet(echo.address))) for _ in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for stream in streams:
        stream.close()
    assert len(streams) == len(echo.arrivals) == 40


def test_whoever_cannot_be_taken_does_not_end_the_listener(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def arrived(stream: ssl.SSLSocket, peer: str) -> None:
        raise KeyError("nobody there")

    listener = Listener(LOOPBACK, PORTS, new_authkey(), arrived)
    try:
        for _ in range(2):
            with connect(listener.address, 5) as stream:
                assert ended(stream, 5)
    finally:
        listener.close()
    assert "nobody could take it" in caplog.text


@pytest.mark.parametrize("host", [LOOPBACK, "::1", "localhost"])
def test_a_vanished_host_is_noticed(host: str) -> None:
    echo = Echo(host)
    with greet(echo.address) as stream:
        for each in (stream, echo.arrivals[0][0]):
            assert each.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            options = {
                name: each.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
                for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
            }
            assert options["TCP_KEEPIDLE"] + 4 * options["TCP_KEEPINTVL"] == 30
            assert options["TCP_KEEPCNT"] == 4
            assert options["TCP_USER_TIMEOUT"] == 30_000
            assert each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    echo.close()


def test_no_file_descriptor_is_left_for_a_while(
    echo: Echo, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rios_flows.workers")
    accept = socket.socket.accept
    failed: list[float] = []

    def full(self: socket.socket) -> object:
        if len(failed) < 3:
            failed.append(time.monotonic())
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(self)

    monkeypatch.setattr(socket.socket, "accept", full)
    greet(echo.address).close()
    assert len(failed) == 3
    assert failed[2] - failed[0] >= 0.2  # it is not tried again and again without a pause
    assert "too many open files" in caplog.text


def test_a_forked_child_does_not_keep_the_port_open() -> None:
    echo = Echo()
    child = subprocess.Popen(
        ["sleep", "30"], pass_fds=(echo.listener._socket.fileno(),), close_fds=True
    )
    try:
        echo.close()
        with pytest.raises(OSError, match="refused"):
            plain(echo.address)
    finally:
        child.kill()
        child.wait(10)


@pytest.mark.alone
def test_nothing_is_left_after_closing() -> None:
    process = psutil.Process()
    threads, files = threading.active_count(), process.num_fds()
    echo = Echo()
    silent = [plain(echo.address) for _ in range(3)]
    stream = greet(echo.address)
    began = time.monotonic()
    echo.listener.close()
    echo.listener.close()
    assert time.monotonic() - began < 1
    # whoever has arrived stays
    connection = StreamConnection(stream)
    connection.send("still there")
    assert connection.receive() == "still there"
    assert all(ended(each, 1) for each in silent)
    with pytest.raises(OSError, match="refused"):
        plain(echo.address)
    for each in (stream, *silent):
        each.close()
    echo.close()
    assert threading.active_count() == threads
    assert process.num_fds() == files
