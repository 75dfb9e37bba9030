"""A worker's way to the main process."""

from __future__ import annotations

import socket
import ssl
import time

from rios_flows import rioserrors
from rios_flows.workers.network.addresses import Address
from rios_flows.workers.network.certificates import client_context

#: Longest time for one attempt to connect, and for its handshake (s).
_ATTEMPT_TIME = 10.0

#: Pauses between attempts (s).
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0

#: A host that has vanished is noticed within about 30 s, whether something is under way to it or
#: not (s; the last one ms).
_OPTIONS = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 30_000}


def tune(stream: socket.socket) -> None:
    """Send small messages at once, and notice when the other host vanishes."""
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS.items():
        stream.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def connect(address: Address | str, timeout: float) -> ssl.SSLSocket:
    """Connect to the main process, and shake hands.

    Parameters
    ----------
    address : Address or str
        Where it listens, with its secret.
    timeout : float
        How long to try again when nobody answers (s).

    Raises
    ------
    JobMgrError
        If nobody answered in time, or somebody else than this run's main process.
    """
    place = Address.parse(address) if isinstance(address, str) else address
    context = client_context(place.authkey)
    end, pause = time.monotonic() + timeout, _SHORTEST_PAUSE
    while True:
        try:
            return _attempt(place, context, max(0.1, min(_ATTEMPT_TIME, end - time.monotonic())))
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            reason: OSError = error  # it was too busy to shake hands, or is just ending
        except ssl.SSLError as error:
            raise _somebody_else(place, error) from error
        except OSError as error:
            reason = error
        if time.monotonic() + pause > end:
            raise _nobody(place, timeout, reason) from reason
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _attempt(place: Address, context: ssl.SSLContext, limit: float) -> ssl.SSLSocket:
    stream = socket.create_connection((place.host, place.port), limit)
    try:
        if stream.getsockname() == stream.getpeername():
            # where nobody listens, a port of this host may happen to be connected with itself
            raise ConnectionRefusedError("nobody listens there")
        tune(stream)
        shaken = context.wrap_socket(stream)
    except BaseException:
        stream.close()
        raise
    shaken.settimeout(None)
    return shaken


def _somebody_else(place: Address, error: ssl.SSLError) -> rioserrors.JobMgrError:
    return rioserrors.JobMgrError(
        f"What listens at {place} is not the main process of this run ({error.reason or error}): "
        "it does not have this address's authkey. The run may have ended, and another taken its "
        "port; or the address is from another run."
    )


def _nobody(place: Address, timeout: float, error: OSError) -> rioserrors.JobMgrError:
    return rioserrors.JobMgrError(
        f"No connection from {socket.gethostname()} to the main process at {place} within "
        f"{timeout:g} s: {error}. If the run still lasts, a firewall may be between the two: allow "
        "its ports (30000-50000 unless set otherwise). Or nodes reach its host by another name "
        "or address: give that as the interface."
    )
