"""A worker's way in: it waits for a main process that is slow, and says why it gives up."""

from __future__ import annotations

import socket
import threading
import time

import psutil
import pytest

from rios_flows import rioserrors
from rios_flows.workers.network.addresses import Address
from rios_flows.workers.network.certificates import new_authkey
from rios_flows.workers.network.connecting import connect
from rios_flows.workers.network.listener import Listener


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as attempt:
        port: int = attempt.getsockname()[1]
    return port


def test_a_main_process_that_is_slow() -> None:
    port = free_port()
    listeners: list[Listener] = []

    def late() -> None:
        time.sleep(0.5)
        ports = range(port, port + 1)
        listeners.append(Listener("127.0.0.1", ports, key, lambda stream, _: stream.close()))

    key = new_authkey()
    thread = threading.Thread(target=late)
    thread.start()
    connect(f"127.0.0.1,{port},{key}", 10).close()
    thread.join()
    listeners[0].close()


@pytest.mark.alone
def test_nobody_listens() -> None:
    address = Address("127.0.0.1", free_port(), new_authkey())
    files, began = psutil.Process().num_fds(), time.monotonic()
    with pytest.raises(rioserrors.JobMgrError) as caught:
        connect(address, 0.5)
    assert time.monotonic() - began < 1
    assert psutil.Process().num_fds() == files
    told = str(caught.value)
    for part in (socket.gethostname(), str(address), "0.5 s", "refused", "firewall", "interface"):
        assert part in told
    assert address.authkey not in told


def test_a_host_that_nobody_knows() -> None:
    with pytest.raises(rioserrors.JobMgrError, match=r"no\.invalid:30000 within"):
        connect(f"no.invalid,30000,{new_authkey()}", 0.2)


@pytest.mark.parametrize("speech", [b"220 mail ready\r\n" * 10, b""])
def test_another_program_listens(speech: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    stream, _ = server.accept()
                except OSError:
                    return
                with stream:
                    stream.recv(10_000)
                    stream.sendall(speech)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        address = Address("127.0.0.1", server.getsockname()[1], new_authkey())
        expected = "is not the main process" if speech else "No connection from"
        with pytest.raises(rioserrors.JobMgrError, match=expected):
            connect(address, 0.5)
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_another_run_listens() -> None:
    other = Listener("127.0.0.1", range(30000, 50001), new_authkey(), lambda *_: None)
    address = Address("127.0.0.1", other.address.port, new_authkey())
    began = time.monotonic()
    with pytest.raises(rioserrors.JobMgrError, match="not the main process of this run"):
        connect(address, 30)
    assert time.monotonic() - began < 5  # trying again would change nothing
    other.close()


@pytest.mark.alone
def test_one_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        with pytest.raises(rioserrors.JobMgrError, match=r"within 0\.5 s: .*timed out"):
            connect(f"127.0.0.1,{server.getsockname()[1]},{new_authkey()}", 0.5)
        assert time.monotonic() - began < 2
