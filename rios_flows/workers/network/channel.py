"""RIOS's NetworkDataChannel: what compute workers need, served on a port of the main process."""

from __future__ import annotations

import queue
import threading
from typing import Any

from rios_flows import rioserrors
from rios_flows.workers.network.addresses import DEFAULT_PORTS, Address
from rios_flows.workers.network.certificates import new_authkey
from rios_flows.workers.network.listener import Listener
from rios_flows.workers.network.proxies import Client
from rios_flows.workers.network.serving import OnWorker, Server

#: What clients get by proxy; workerInitData they get as a copy.
_SERVED = (
    *("inBlockBuffer", "outBlockBuffer", "outqueue", "forceExit", "exceptionQue"),
    "workerBarrier",
)


class NetworkDataChannel:
    """Objects of the main process, for its workers in other processes and on other hosts.

    Made with these objects it is the server, and listens on a port. Made with hostname, portnum and
    authkey of a server it is a client, and has the same attributes. Connections are encrypted by
    TLS 1.3, and only who knows the authkey gets one.

    Parameters
    ----------
    workerInitData : dict, optional
        What workers begin with. Clients get a copy, made by ``cloudpickle``.
    inBlockBuffer, outBlockBuffer : BlockBuffer, optional
        Blocks to compute, and blocks computed.
    forceExit : threading.Event, optional
        Tells workers to end; by default a new one.
    exceptionQue : queue.Queue, optional
        Where workers put their exceptions; by default a new one.
    workerBarrier : threading.Barrier, optional
        Where all wait until every worker has started.
    hostname : str, optional
        Client: the server's. Server: name or address by which workers reach this machine; by
        default the one that other hosts most likely can use.
    portnum : int or range, optional
        Client: the server's. Server: the port, or the ports from which to take a free one; by
        default 30000 to 50000.
    authkey : str, optional
        Client: the server's. A server makes its own.

    Attributes
    ----------
    hostname, portnum, authkey : str, int, str
        The server's address. Whoever knows the authkey can run code in this process.
    outqueue : queue.Queue
        For what else workers hand back.
    on_worker : callable or None
        Server: gets the connection and the greeting of each worker that comes by itself, in a
        thread of its own; None to refuse them.

    Raises
    ------
    ParameterError
        If the parameters are neither a server's nor a client's, or workerInitData cannot be
        pickled.
    JobMgrError
        If there is no free port, or a client reaches no server with this authkey.

    Notes
    -----
    In a client every object but workerInitData is a proxy: its public methods can be called, from
    several threads at once, and are carried out in the server's process. Exceptions are raised in
    the client. A client that leaves while it waits for a queue or an event takes nothing along.
    """

    def __init__(
        self,
        workerInitData: dict[str, Any] | None = None,
        inBlockBuffer: Any = None,
        outBlockBuffer: Any = None,
        forceExit: Any = None,
        exceptionQue: Any = None,
        workerBarrier: Any = None,
        hostname: str | None = None,
        portnum: int | str | range | None = None,
        authkey: str | None = None,
    ) -> None:
        self.on_worker: OnWorker | None = None
        self._client: Client | None = None
        self._listener: Listener | None = None
        objects = inBlockBuffer, outBlockBuffer, forceExit, exceptionQue, workerBarrier
        serves = any(each is not None for each in (workerInitData, *objects))
        if authkey is None and (serves or (hostname is None and portnum is None)):
            self.workerInitData: Any = workerInitData
            self.inBlockBuffer = inBlockBuffer
            self.outBlockBuffer = outBlockBuffer
            self.outqueue: Any = queue.Queue()
            self.forceExit = threading.Event() if forceExit is None else forceExit
            self.exceptionQue = queue.Queue() if exceptionQue is None else exceptionQue
            self.workerBarrier = workerBarrier
            self._address = self._listen(hostname, portnum)
        elif serves or hostname is None or portnum is None or authkey is None:
            raise rioserrors.ParameterError(
                "A NetworkDataChannel is either a server, made with what it serves, without an "
                "authkey; or a client, made with hostname, portnum and authkey, and nothing else."
            )
        else:
            self._address = Address.parse(f"{hostname},{portnum},{authkey}")
            self._client = Client(self._address)
            self.workerInitData = self._client.data
            for name in _SERVED:
                setattr(self, name, self._client.objects.get(name))
        self.hostname = self._address.host
        self.portnum = self._address.port
        self.authkey = self._address.authkey

    def addressStr(self) -> str:
        """Return hostname, portnum and authkey with commas between, as workers take it."""
        return self._address.text

    def shutdown(self) -> None:
        """End the server: nobody else comes in, calls that wait get an error, connections close.

        A barrier or block buffer at which a client waits is closed for all. Clients stay usable
        after their own ``shutdown``; it only closes connections that are not in use.
        """
        if self._client is not None:
            self._client.close()
        if self._listener is not None:
            self._listener.close()
            self._server.shutdown()

    def _listen(self, hostname: str | None, portnum: int | str | range | None) -> Address:
        objects = {name: getattr(self, name) for name in _SERVED}
        self._server = Server(objects, _pickled(self.workerInitData), lambda: self.on_worker)
        ports = DEFAULT_PORTS if portnum is None else portnum
        if not isinstance(ports, range):
            ports = range(int(ports), int(ports) + 1)
        self._listener = Listener(hostname, ports, new_authkey(), self._server.welcome)
        return self._listener.address


def _pickled(data: object) -> bytes:
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(data, protocol=5))
    except Exception as error:
        raise rioserrors.ParameterError(
            f"workerInitData cannot be sent to workers, as something in it cannot be pickled: "
            f"{error}. Leave out what belongs to this process: open files, locks, threads."
        ) from error
