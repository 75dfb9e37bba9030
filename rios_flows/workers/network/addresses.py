"""Where workers reach the main process: its address as a string, and a socket listening there."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import ipaddress
import logging
import secrets
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from rios_flows import rioserrors

logger = logging.getLogger(__name__)

#: Where a run listens, unless the user says otherwise.
DEFAULT_PORTS = range(30000, 50001)

#: Nothing is sent to these: documentation's own addresses, for asking which way leads out.
_OUTSIDE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))

#: What asks the kernel for that (SIOCGIFADDR).
_ADDRESS_OF_DEVICE = 0x8915

#: Workers of one run may all come at once.
_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Address:
    """All that a worker needs to know. Whoever has the authkey is let in, so it is never shown."""

    host: str
    port: int
    authkey: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an address as :attr:`text` writes it."""
        parts = [part.strip() for part in text.split(",")]
        if len(parts) != 3 or not parts[0] or not parts[1].isdecimal():
            raise rioserrors.ParameterError(
                f"An address of {len(text)} characters and {len(parts)} part(s) is none: it has "
                "to be host,port,authkey. Take it whole, as the main process gives it."
            )
        return cls(parts[0], int(parts[1]), parts[2])

    @property
    def text(self) -> str:
        """The address as a string, with the secret."""
        return f"{self.host},{self.port},{self.authkey}"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def listening(interface: str | None, ports: range) -> tuple[str, socket.socket]:
    """Listen on one of the ports, and return by which host workers reach that, too.

    The interface is a name, an address, or a network device. Only that address is listened on,
    unless it is none of this machine's: then it stands for one that is, and all are.
    """
    host = _device_address(interface) or interface if interface else _own_host()
    families = dict.fromkeys(_resolved(host))
    own = next((place for place in families if _is_ours(*place)), None)
    if own is None:
        family = next(iter(families))[0]
        own = family, "::" if family == socket.AF_INET6 else "0.0.0.0"
        logger.info("%s is no address of this machine: listening on all that it has", host)
    return host, _bound(*own, ports)


def own_side(address: str) -> str | None:
    """Return by which address this host reaches another, as "tcp://node1:8786"; None if unknown."""
    place = urlsplit(address if "//" in address else f"tcp://{address}")
    with contextlib.suppress(OSError, ValueError):
        if place.scheme in ("tcp", "tls") and place.hostname and place.port:
            family, kind, *_, target = socket.getaddrinfo(
                place.hostname, place.port, type=socket.SOCK_DGRAM
            )[0]
            with socket.socket(family, kind) as asking:
                # chooses a route; sends nothing
                asking.connect(target)
                return str(asking.getsockname()[0])
    return None


def _bound(family: int, address: str, ports: range) -> socket.socket:
    start = secrets.randbelow(len(ports)) if ports else 0
    reason: object = "no port is allowed"
    for number in range(len(ports)):
        port = ports[(start + number) % len(ports)]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            # a port may be taken again at once, when connections of the last run on it linger
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            reason = error
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                break
        else:
            return listener
    wanted = f"{ports[0]}-{ports[-1]}" if ports else "none"
    raise rioserrors.JobMgrError(
        f"No port to listen on at {address}, of those allowed ({wanted}): {reason}. "
        "Allow other ports, or end the programs that hold these."
    )


def _own_host() -> str:
    """Return the address by which other hosts most likely reach this one."""
    for name in dict.fromkeys((socket.getfqdn(), socket.gethostname())):
        with contextlib.suppress(rioserrors.JobMgrError):
            for family, address in _resolved(name):
                if _is_outward(address) and _is_ours(family, address):
                    return address
    for address in _routed():
        if _is_outward(address):
            return address
    logger.warning("this machine has no address but its own loopback: no other host reaches it")
    return "127.0.0.1"


def _device_address(name: str) -> str | None:
    """Return the address of a network device ("ib0"), or None if there is none of this name."""
    if name not in (device for _, device in socket.if_nameindex()):
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            found = fcntl.ioctl(asking, _ADDRESS_OF_DEVICE, struct.pack("256s", name.encode()))
        except OSError as error:
            raise rioserrors.JobMgrError(
                f"The network device {name} has no IPv4 address: {error}. Give an address by which "
                "compute nodes reach this machine."
            ) from error
    return socket.inet_ntoa(found[20:24])


def _resolved(host: str) -> list[tuple[int, str]]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise rioserrors.JobMgrError(
            f"The interface {host!r} is no address, network device, or name that is known here: "
            f"{error}. Give the name or address by which compute nodes reach this machine."
        ) from error
    return [(int(family), str(place[0])) for family, _, _, _, place in found]


def _is_outward(address: str) -> bool:
    value = ipaddress.ip_address(address.partition("%")[0])
    return not (value.is_loopback or value.is_link_local or value.is_unspecified)


def _is_ours(family: int, address: str) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as attempt:
            attempt.bind((address, 0))
    except OSError:
        return False
    return True


def _routed() -> Iterator[str]:
    """Yield the addresses by which packets leave this machine."""
    for family, outside in _OUTSIDE:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as attempt:
            attempt.connect((outside, 9))  # chooses a route; sends nothing
            yield str(attempt.getsockname()[0])
