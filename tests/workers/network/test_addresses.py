"""Where the main process listens, and what it says when that cannot be."""

from __future__ import annotations

import errno
import logging
import pickle
import socket
from typing import Any

import pytest

from rios_flows import rioserrors
from rios_flows.workers.network import addresses
from rios_flows.workers.network.addresses import Address, listening, own_side

PORTS = range(30000, 50001)


def test_an_address_is_one_string() -> None:
    address = Address("::1", 30001, "secret")
    assert address.text == "::1,30001,secret"
    assert Address.parse(" ::1, 30001 ,secret\n") == address
    assert pickle.loads(pickle.dumps(address)) == address


def test_an_address_does_not_show_its_secret() -> None:
    address = Address("node", 30001, "secret")
    assert str(address) == "node:30001"
    assert "secret" not in repr(address)


@pytest.mark.parametrize("text", ["", "node", "node,1", ",1,secret", "node,x,secret", "a,1,b,c"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(rioserrors.ParameterError, match="host,port,authkey") as caught:
        Address.parse(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "bound"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("localhost", None)]
)
def test_only_the_interface_is_listened_on(host: str, bound: str | None) -> None:
    name, listener = listening(host, PORTS)
    with listener:
        place = listener.getsockname()
    assert name == host
    assert place[0] == bound or (bound is None and place[0] in ("127.0.0.1", "::1"))
    assert place[1] in PORTS


def test_ports_begin_anywhere() -> None:
    found = set()
    for _ in range(20):
        with listening("127.0.0.1", PORTS)[1] as listener:
            found.add(listener.getsockname()[1])
    assert len(found) > 15


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as attempt:
        port: int = attempt.getsockname()[1]
    return port


def test_a_port_in_use_is_passed_over() -> None:
    with listening("127.0.0.1", PORTS)[1] as taken:
        port = taken.getsockname()[1]
        for _ in range(10):
            _, other = listening("127.0.0.1", range(port, port + 3))
            with other:
                assert other.getsockname()[1] in (port + 1, port + 2)


def test_a_port_whose_connections_linger_is_taken_again() -> None:
    port = free_port()
    for _ in range(2):
        with listening("127.0.0.1", range(port, port + 1))[1] as listener:
            client = socket.create_connection(("127.0.0.1", port), 5)
            accepted, _ = listener.accept()
            accepted.close()  # the side that closes first lingers
            client.close()


def test_no_port_is_free() -> None:
    with listening("127.0.0.1", PORTS)[1] as taken:
        port = taken.getsockname()[1]
        expected = rf"127\.0\.0\.1, of those allowed \({port}-{port}\): .*in use.*other ports"
        with pytest.raises(rioserrors.JobMgrError, match=expected):
            listening("127.0.0.1", range(port, port + 1))
    with pytest.raises(rioserrors.JobMgrError, match="no port is allowed"):
        listening("127.0.0.1", range(0))


def test_an_interface_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, {})
    with pytest.raises(
        rioserrors.JobMgrError, match=r"'nowhere' is no address.* compute nodes reach"
    ):
        listening("nowhere", PORTS)


def test_a_network_device_stands_for_its_address() -> None:
    name, listener = listening("lo", PORTS)
    with listener:
        assert (name, listener.getsockname()[0]) == ("127.0.0.1", "127.0.0.1")


def test_a_network_device_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(1, "lo"), (2, "idle0")])
    with pytest.raises(rioserrors.JobMgrError, match="device idle0 has no IPv4 address"):
        listening("idle0", PORTS)


def resolve(monkeypatch: pytest.MonkeyPatch, known: dict[str, list[str]]) -> None:
    """Have names stand for these addresses, and for no others."""

    def getaddrinfo(host: str, *arguments: Any, **more: Any) -> list[Any]:
        found = known.get(host, [host] if host[0].isdigit() else [])
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        pairs = [(socket.AF_INET6 if ":" in each else socket.AF_INET, each) for each in found]
        return [(family, socket.SOCK_STREAM, 6, "", (address, 0)) for family, address in pairs]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def where(interface: str | None) -> Any:
    """Return what workers are told, and where would be listened."""
    return listening(interface, PORTS)


def ours(monkeypatch: pytest.MonkeyPatch, *own: str, routed: tuple[str, ...] = ()) -> None:
    """Have this machine have these addresses, and packets leave by some; open no socket."""
    monkeypatch.setattr(addresses, "_is_ours", lambda family, address: address in own)
    monkeypatch.setattr(addresses, "_routed", lambda: iter(routed))

    def bound(family: int, address: str, ports: range) -> Any:
        return family, address

    monkeypatch.setattr(addresses, "_bound", bound)


def names(monkeypatch: pytest.MonkeyPatch, full: str, short: str) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: full)
    monkeypatch.setattr(socket, "gethostname", lambda: short)


def test_by_default_the_address_behind_the_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, "login.cluster", "login")
    resolve(monkeypatch, {"login.cluster": ["127.0.1.1", "fe80::1", "10.0.0.9", "10.0.0.5"]})
    ours(monkeypatch, "127.0.1.1", "fe80::1", "10.0.0.5", routed=("192.168.1.1",))
    assert where(None) == ("10.0.0.5", (socket.AF_INET, "10.0.0.5"))


def test_by_default_the_way_out_where_the_name_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names(monkeypatch, "localhost.localdomain", "login")
    resolve(monkeypatch, {"login": ["127.0.1.1"]})
    ours(monkeypatch, "127.0.1.1", "192.168.1.1", routed=("192.168.1.1",))
    assert where(None) == ("192.168.1.1", (socket.AF_INET, "192.168.1.1"))


def test_loopback_only_where_there_is_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "rios_flows.workers")
    names(monkeypatch, "login", "login")
    resolve(monkeypatch, {"login": ["127.0.1.1"]})
    ours(monkeypatch, "127.0.0.1", "127.0.1.1")
    assert where(None) == ("127.0.0.1", (socket.AF_INET, "127.0.0.1"))
    assert "no other host reaches it" in caplog.text


@pytest.mark.parametrize(("address", "all_of_them"), [("10.9.9.9", "0.0.0.0"), ("fd00::9", "::")])
def test_a_name_that_stands_for_this_machine_elsewhere(
    monkeypatch: pytest.MonkeyPatch, address: str, all_of_them: str
) -> None:
    # behind address translation: nodes reach another address, and end up here
    resolve(monkeypatch, {"gateway": [address]})
    ours(monkeypatch, "10.0.0.5")
    name, (_, bound) = where("gateway")
    assert (name, bound) == ("gateway", all_of_them)


def test_asking_for_the_way_out_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*arguments: Any) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    assert list(addresses._routed()) == []


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("tcp://127.0.0.1:8786", "127.0.0.1"),
        ("tls://localhost:8786", "127.0.0.1"),
        ("127.0.0.1:8786", "127.0.0.1"),
        ("inproc://127.0.0.1/4711/1", None),
        ("tcp://no.such.host.invalid:1", None),
        ("tcp://node1:port", None),
    ],
)
def test_the_side_of_this_host(address: str, own: str | None) -> None:
    assert own_side(address) in (own, "::1" if "localhost" in address else own)
