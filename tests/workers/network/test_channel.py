"""NetworkDataChannel: what a server's objects do for clients in other processes."""

from __future__ import annotations

import os
import pickle
import queue
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from rios_flows import computemanager, rioserrors, structures
from rios_flows.workers.network.addresses import DEFAULT_PORTS
from rios_flows.workers.network.certificates import new_authkey
from rios_flows.workers.network.channel import NetworkDataChannel
from rios_flows.workers.network.connecting import connect
from rios_flows.workers.wire import StreamConnection
from tests.workers.network import channel_clients as clients
from tests.workers.network.channel_clients import Serve, block, buffer


def test_it_has_rios_names() -> None:
    assert structures.NetworkDataChannel is computemanager.NetworkDataChannel
    assert structures.NetworkDataChannel is NetworkDataChannel


@pytest.mark.alone
def test_its_address(serve: Serve) -> None:
    channel = serve()
    assert channel.hostname == "127.0.0.1"
    assert channel.portnum in DEFAULT_PORTS
    assert channel.addressStr() == f"127.0.0.1,{channel.portnum},{channel.authkey}"
    other = serve(portnum=range(channel.portnum, channel.portnum + 5))
    assert 0 < other.portnum - channel.portnum < 5
    assert other.authkey != channel.authkey


def test_blocks_are_computed_by_two_processes(serve: Serve, processes: ProcessPoolExecutor) -> None:
    factor = 2
    channel = serve(
        workerInitData={"function": lambda array: factor * array},
        inBlockBuffer=buffer(0.5, 20),
        outBlockBuffer=buffer(20, 20),
        workerBarrier=threading.Barrier(3),
    )
    for number in range(20):
        channel.inBlockBuffer.insertCompleteBlock(
            block(number), clients.blocks_of((500, 300), number)
        )
    jobs = [processes.submit(clients.compute, channel.addressStr()) for _ in range(2)]
    channel.workerBarrier.wait(60)
    found = {}
    for _ in range(20):
        place, outputs = channel.outBlockBuffer.popNextBlock()
        found[place] = outputs.twice
    assert set(found) == {block(number) for number in range(20)}
    for number in range(20):
        array = found[block(number)]
        assert array.shape == (1, 500, 300)
        assert array.dtype == "int16"
        assert (array == 2 * number).all()
    done = [job.result(30) for job in jobs]
    assert sum(done) == 20
    told = [channel.outqueue.get(timeout=5) for _ in jobs]
    assert sorted(each["done"] for each in told) == sorted(done)
    assert len({each["process"] for each in told} - {os.getpid()}) == 2
    assert callable(channel.workerInitData["function"])


def test_the_event_reaches_clients(serve: Serve, processes: ProcessPoolExecutor) -> None:
    channel = serve()
    job = processes.submit(clients.wait_for_exit, channel.addressStr())
    assert channel.outqueue.get(timeout=30) == "there"
    channel.forceExit.set()
    assert job.result(5) is True


def test_exceptions_reach_the_server(serve: Serve, processes: ProcessPoolExecutor) -> None:
    channel = serve(exceptionQue=queue.Queue())
    processes.submit(clients.give_an_exception, channel.addressStr()).result(30)
    error = channel.exceptionQue.get(timeout=5)
    assert repr(error) == "ValueError('of a worker')"


class Picky:
    """An object that raises what cannot travel, and returns what cannot."""

    def fail(self) -> None:
        class LocalError(Exception):
            def __reduce__(self) -> Any:
                raise TypeError("stays here")

        raise LocalError("strange")

    def lock(self) -> Any:
        return threading.Lock()

    def leave(self) -> None:
        raise SystemExit(3)

    def missing(self) -> None:
        raise FileNotFoundError(2, "No such file", "in.tif")


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (("outqueue", "get_nowait"), queue.Empty, ""),
        (("outqueue", "get", True, 0.3), queue.Empty, ""),
        (("inBlockBuffer", "popNextBlock"), rioserrors.TimeoutError, "readBufferPopTimeout"),
        (("outqueue", "nothing"), AttributeError, "nothing"),
        (("outqueue", "_init", 1), AttributeError, "_init"),
        (("outqueue", "mutex"), AttributeError, "no public method 'mutex'"),
        (("outqueue", "get", 1, 2, 3), TypeError, "too many positional arguments"),
        (("outqueue", "put", threading.Lock), TypeError, None),
        (("outBlockBuffer", "fail"), rioserrors.RiosError, "LocalError: strange"),
        (("outBlockBuffer", "lock"), TypeError, "pickle"),
        (("outBlockBuffer", "missing"), FileNotFoundError, "in.tif"),
    ],
)
def test_exceptions_are_raised_in_the_client(
    serve: Serve, call: tuple[Any, ...], kind: type[BaseException], text: str | None
) -> None:
    channel = serve(inBlockBuffer=buffer(0.2), outBlockBuffer=Picky())
    name, method, *args = call
    if text is None:
        args, text = [threading.Lock()], "pickle"
    error = clients.raised(channel.addressStr(), name, method, *args)
    assert type(error) is kind
    assert text in str(error)


def test_an_exit_inside_an_object_is_the_clients(serve: Serve) -> None:
    channel = serve(outBlockBuffer=Picky())
    client = clients.client(channel.addressStr())
    with pytest.raises(SystemExit):
        client.outBlockBuffer.leave()
    client.outqueue.put(1)
    assert channel.outqueue.get(timeout=5) == 1


@pytest.mark.parametrize(
    "request_", [("workerInitData", "clear"), ("nothing", "get"), ("outqueue", "__class__"), (1, 2)]
)
def test_nothing_else_is_reached(serve: Serve, request_: tuple[Any, ...]) -> None:
    channel = serve(workerInitData={"a": 1})
    connection = StreamConnection(connect(channel.addressStr(), 5))
    connection.send(("client",))
    connection.send(request_)
    kind, error = connection.receive()
    assert kind == "error"
    assert isinstance(error, Exception)
    connection.close()
    assert channel.workerInitData == {"a": 1}


def test_what_the_server_lacks_is_none(serve: Serve) -> None:
    client = clients.client(serve(workerInitData=None, forceExit=threading.Event()).addressStr())
    assert client.workerInitData is None
    assert client.inBlockBuffer is None
    assert client.workerBarrier is None
    assert client.outqueue is not None
    assert client.exceptionQue is not None


def test_a_client_serves_many_threads(serve: Serve, processes: ProcessPoolExecutor) -> None:
    channel = serve()
    job = processes.submit(clients.use_from_threads, channel.addressStr())
    assert job.result(60) == [-1]
    assert sorted(channel.exceptionQue.get(timeout=5) for _ in range(20)) == list(range(20))


def test_a_client_in_a_forked_child(serve: Serve, processes: ProcessPoolExecutor) -> None:
    job = processes.submit(clients.use_after_fork, serve().addressStr())
    assert job.result(60) == (True, 3)


@pytest.mark.alone
def test_a_queue_that_is_full_makes_clients_wait(serve: Serve) -> None:
    channel = serve(exceptionQue=queue.Queue(1))
    client = clients.client(channel.addressStr())
    client.exceptionQue.put(1)
    began = time.monotonic()
    with pytest.raises(queue.Full):
        client.exceptionQue.put(2, timeout=0.3)
    assert 0.3 <= time.monotonic() - began < 2
    assert client.forceExit.wait(0.05) is False
    with pytest.raises(ValueError, match="non-negative"):
        client.exceptionQue.get(timeout=-1)
    waiting = threading.Thread(target=client.exceptionQue.put, args=(3,))
    waiting.start()
    time.sleep(0.3)
    assert [channel.exceptionQue.get(timeout=5) for _ in range(2)] == [1, 3]
    waiting.join(5)


def test_workers_are_handed_on(serve: Serve) -> None:
    channel = serve()
    found: queue.Queue[tuple[StreamConnection, Any]] = queue.Queue()
    channel.on_worker = lambda connection, hello: found.put((connection, hello))
    worker = StreamConnection(connect(channel.addressStr(), 5))
    worker.send(("worker", {"number": 7}))
    connection, hello = found.get(timeout=5)
    assert hello == {"number": 7}
    channel.shutdown()
    # it is whose it was handed to
    connection.send("work")
    assert worker.receive() == "work"
    connection.close()
    worker.close()


def test_workers_are_refused_where_nobody_expects_them(serve: Serve) -> None:
    channel = serve()

    def fail(connection: StreamConnection, hello: Any) -> None:
        raise KeyError(hello)

    worker = StreamConnection(connect(channel.addressStr(), 5))
    worker.send(("worker", {}))
    assert worker.receive() == ("refused", "this run takes no workers")
    worker.close()
    channel.on_worker = fail
    greetings: tuple[object, ...] = ("worker", {}), "nonsense"
    for greeting in greetings:
        worker = StreamConnection(connect(channel.addressStr(), 5))
        worker.send(greeting)
        with pytest.raises(ConnectionError):
            worker.receive()
        worker.close()
    clients.client(channel.addressStr()).outqueue.put(1)


def test_a_client_with_another_key(serve: Serve) -> None:
    channel = serve()
    with pytest.raises(rioserrors.JobMgrError, match="not the main process of this run"):
        NetworkDataChannel(hostname="127.0.0.1", portnum=channel.portnum, authkey=new_authkey())


@pytest.mark.parametrize(
    "parameters",
    [
        {"hostname": "127.0.0.1"},
        {"hostname": "127.0.0.1", "portnum": 30000},
        {"authkey": "secret"},
        {"portnum": 30000, "authkey": "secret"},
        {"workerInitData": {}, "authkey": "secret"},
        {"workerInitData": {}, "hostname": "127.0.0.1", "portnum": 3, "authkey": "secret"},
    ],
)
def test_neither_server_nor_client(parameters: dict[str, Any]) -> None:
    with pytest.raises(rioserrors.ParameterError, match="either a server"):
        NetworkDataChannel(**parameters)


def test_what_cannot_travel_is_refused_before_anything_listens() -> None:
    threads = threading.active_count()
    with pytest.raises(rioserrors.ParameterError, match="workerInitData cannot be sent"):
        NetworkDataChannel({"lock": threading.Lock()}, hostname="127.0.0.1")
    assert threading.active_count() == threads


def test_the_error_of_a_shutdown_travels() -> None:
    from rios_flows.workers.network.serving import ended

    assert str(pickle.loads(pickle.dumps(ended()))) == str(ended())
