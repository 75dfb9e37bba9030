"""How data channels and their clients end: shut down, killed, or forgotten."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import psutil
import pytest

from rios_flows import rioserrors
from tests.support.forkserver import FORKS
from tests.workers.network import channel_clients as clients
from tests.workers.network.channel_clients import Serve, block, buffer


def test_a_client_that_is_killed_takes_nothing_along(serve: Serve) -> None:
    channel = serve()
    process = FORKS.Process(target=clients.take, args=(channel.addressStr(),))
    process.start()
    assert channel.exceptionQue.get(timeout=30) == "waiting"
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)
    process.close()
    time.sleep(0.4)
    channel.outqueue.put("kept")
    time.sleep(0.3)
    assert channel.outqueue.get_nowait() == "kept"


@pytest.mark.alone
def test_shutting_down_wakes_who_waits(serve: Serve, processes: ProcessPoolExecutor) -> None:
    channel = serve(inBlockBuffer=buffer(None), workerBarrier=threading.Barrier(2))
    job = processes.submit(clients.hold, channel.addressStr())
    assert channel.exceptionQue.get(timeout=30) == "waiting"
    time.sleep(0.3)
    began = time.monotonic()
    channel.shutdown()
    assert time.monotonic() - began < 2
    told = job.result(5)
    assert [each.partition(":")[0] for each in told] == [
        *("forceExit", "inBlockBuffer", "outqueue", "workerBarrier"),
    ]
    for each in told[:3]:
        assert "JobMgrError: The main process has shut down the data channel" in each
    assert "BrokenBarrierError" in told[3]


def test_shutting_down_leaves_the_objects_of_those_who_have_left(serve: Serve) -> None:
    channel = serve(inBlockBuffer=buffer(1), workerBarrier=threading.Barrier(1))
    client = clients.client(channel.addressStr())
    client.inBlockBuffer.insertCompleteBlock(block(1), clients.blocks_of((2, 2), 1))
    client.outqueue.put("last")
    client.workerBarrier.wait()
    channel.shutdown()
    assert channel.inBlockBuffer.popNextBlock()[0] == block(1)
    assert channel.outqueue.get_nowait() == "last"
    assert not channel.workerBarrier.broken


def test_shutting_down_twice_and_by_a_client(serve: Serve) -> None:
    channel = serve()
    client = clients.client(channel.addressStr())
    client.shutdown()
    client.outqueue.put("still there")
    assert channel.outqueue.get(timeout=5) == "still there"
    channel.shutdown()
    channel.shutdown()
    began = time.monotonic()
    with pytest.raises(rioserrors.JobMgrError, match="has closed the data channel"):
        client.outqueue.put("too late")
    with pytest.raises(rioserrors.JobMgrError, match="No connection from"):
        client.outqueue.put("too late")
    assert time.monotonic() - began < 8
    client.shutdown()


FORGETFUL = """
import threading
from rios_flows.workers.network.channel import NetworkDataChannel

channel = NetworkDataChannel({}, hostname="127.0.0.1")
client = NetworkDataChannel(
    hostname=channel.hostname, portnum=channel.portnum, authkey=channel.authkey
)
threading.Thread(target=client.outqueue.get, daemon=True).start()
client.exceptionQue.put(1)
print(channel.exceptionQue.get(timeout=10))
"""


def test_forgetting_to_shut_down_hangs_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORGETFUL], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


def test_nothing_is_left(serve: Serve) -> None:
    process = psutil.Process()
    gc.collect()
    threads, files = threading.active_count(), process.num_fds()
    channel = serve(inBlockBuffer=buffer())
    all_clients = [clients.client(channel.addressStr()) for _ in range(5)]
    for each in all_clients:
        each.outqueue.put(1)
    del each
    all_clients.pop().shutdown()
    all_clients.clear()  # a client that nobody has any more closes its connections
    gc.collect()
    channel.shutdown()
    assert threading.active_count() == threads
    assert process.num_fds() == files
