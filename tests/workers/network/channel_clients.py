"""What clients of a data channel do, in processes of their own."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from rios_flows import rioserrors
from rios_flows.structures import ApplierBlockDefn, BlockAssociations, BlockBuffer
from rios_flows.workers.network.channel import NetworkDataChannel

Serve = Callable[..., NetworkDataChannel]


def buffer(timeout: float | None = 5, blocks: int = 4) -> BlockBuffer:
    return BlockBuffer(None, blocks, timeout, timeout, "read")


def block(number: int) -> ApplierBlockDefn:
    return ApplierBlockDefn(number, 0, 3, 2)


def client(address: str) -> NetworkDataChannel:
    host, port, authkey = address.split(",")
    return NetworkDataChannel(hostname=host, portnum=int(port), authkey=authkey)


def compute(address: str) -> int:
    """Compute blocks until there are no more, and return how many those were."""
    channel = client(address)
    function = channel.workerInitData["function"]
    channel.workerInitData["function"] = None  # a copy: nobody else sees it
    channel.workerBarrier.wait(30)
    done = 0
    while not channel.forceExit.is_set():
        try:
            block, inputs = channel.inBlockBuffer.popNextBlock()
        except rioserrors.TimeoutError:
            break
        outputs = BlockAssociations()
        outputs.twice = function(inputs.once)
        channel.outBlockBuffer.insertCompleteBlock(block, outputs)
        done += 1
    channel.outqueue.put({"process": os.getpid(), "done": done})
    channel.shutdown()
    return done


def wait_for_exit(address: str) -> bool:
    channel = client(address)
    channel.outqueue.put("there")
    return bool(channel.forceExit.wait(30))


def give_an_exception(address: str) -> None:
    client(address).exceptionQue.put(ValueError("of a worker"))


def raised(address: str, name: str, method: str, *args: Any) -> BaseException:
    """Return what a call raises."""
    try:
        getattr(getattr(client(address), name), method)(*args)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def use_from_threads(address: str) -> list[int]:
    """Wait for a thing in one thread while others put it in."""
    channel = client(address)
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(channel.outqueue.get(timeout=30)))
    waiting.start()
    threads = [threading.Thread(target=channel.exceptionQue.put, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    channel.outqueue.put(-1)
    waiting.join(30)
    return found


def use_after_fork(address: str) -> tuple[bool, int]:
    """Use a client in a forked child, and then here again."""
    channel = client(address)
    channel.outqueue.put("parent")
    child = os.fork()
    if not child:
        code = 1
        try:
            channel.outqueue.put("child")
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    channel.outqueue.put("parent again")
    return status == 0, channel.outqueue.qsize()


def take(address: str) -> Any:
    """Wait for something, until it comes or this process is killed."""
    channel = client(address)
    channel.exceptionQue.put("waiting")
    return channel.outqueue.get()


def hold(address: str) -> list[str]:
    """Wait in every object at once, and return what each waiting thread is told."""
    channel = client(address)
    told: list[str] = []

    def wait(name: str, method: str) -> None:
        try:
            getattr(getattr(channel, name), method)()
        except Exception as error:
            told.append(f"{name}: {type(error).__name__}: {error}")

    calls = (
        ("outqueue", "get"),
        ("forceExit", "wait"),
        ("inBlockBuffer", "popNextBlock"),
        ("workerBarrier", "wait"),
    )
    threads = [threading.Thread(target=wait, args=each) for each in calls]
    for thread in threads:
        thread.start()
    channel.exceptionQue.put("waiting")
    for thread in threads:
        thread.join(30)
    return sorted(told)


def blocks_of(shape: tuple[int, int], number: int) -> BlockAssociations:
    inputs = BlockAssociations()
    inputs.once = np.full((1, *shape), number, "int16")
    return inputs


def is_empty(address: str) -> bool:
    try:
        client(address).outqueue.get_nowait()
    except queue.Empty:
        return True
    return False
