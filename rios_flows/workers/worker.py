"""A worker: takes blocks from a connection, works on them, and sends back what came of them."""

from __future__ import annotations

import hashlib
import logging
import queue
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from threading import Thread
from typing import Any

from rios_flows.controls.associations import BlockAssociations, FilenameAssociations
from rios_flows.reports.results import WorkerErrorRecord
from rios_flows.runs.blockwork import BlockWork
from rios_flows.workers.hello import hello
from rios_flows.workers.readahead import ReadAhead
from rios_flows.workers.travel.luggage import pack_state, unpack, unpack_state
from rios_flows.workers.wire import Connection, ConnectionLost

logger = logging.getLogger(__name__)

#: Share of a worker's time that may go into sending otherArgs home after blocks.
_SHARE_FOR_STATE = 0.05

#: Sent in place of otherArgs that are as they were.
UNCHANGED = b""


def serve(
    connection: Connection,
    number: int,
    lost: Callable[[], None] = lambda: None,
    finish: Callable[[], None] = lambda: None,
) -> None:
    """Work for a run until it says that this is the end.

    Parameters
    ----------
    connection : Connection
        To the run.
    number : int
        The worker's.
    lost : callable
        Called by another thread when the run is gone, whether a block is under way or not.
    finish : callable
        Called when the work for a lane is done.
    """
    connection.send(("worker", hello(number)))
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
    Thread(target=_receive, args=(connection, messages.put, lost), daemon=True).start()
    try:
        while (message := messages.get())[0] == "work":
            _work_for_a_lane(connection, messages, finish, *message[1:])
    except ConnectionLost as error:
        logger.debug("The run is gone: %s", error)


def _receive(connection: Connection, put: Callable[[Any], None], lost: Callable[[], None]) -> None:
    message: Any = (None,)
    while message[0] != "end":
        try:
            message = connection.receive()
        except BaseException as error:
            if not isinstance(error, ConnectionLost):
                # there is no memory for a message, maybe
                traceback.print_exc(file=sys.__stderr__)
            connection.interrupt()
            lost()
            message = ("end",)
        put(message)


def _work_for_a_lane(
    connection: Connection,
    messages: queue.SimpleQueue[Any],
    finish: Callable[[], None],
    luggage: bytes,
    state: bytes | None,
) -> None:
    """Work on blocks with the otherArgs of one lane, until its last message."""
    with ExitStack() as stack:
        try:
            work = stack.enter_context(unpack(luggage))
            if state is not None:
                work.other_args = unpack_state(state)
            ahead = stack.enter_context(ReadAhead(work))
        except BaseException as error:
            connection.send(("failed", WorkerErrorRecord(error, "compute")))
            return
        connection.send(("ready", time.perf_counter()))
        try:
            _take_blocks(connection, messages, work, ahead)
            finish()
            connection.send(("left",))
        except ConnectionLost:
            raise
        except BaseException as error:
            # such as otherArgs that can be sent no more
            connection.send(("failed", WorkerErrorRecord(error, "compute")))


def _take_blocks(
    connection: Connection, messages: queue.SimpleQueue[Any], work: BlockWork, ahead: ReadAhead
) -> None:
    state_of = _State(work)
    while True:
        # blocks that have come meanwhile are read while this one is computed
        while not ahead or not messages.empty():
            kind, *content = messages.get()
            if kind == "block":
                ahead.put(*content)
            elif kind == "state":
                connection.send(("state", state_of.asked()))
            else:
                if kind == "end":
                    messages.put((kind,))
                return
        result = ahead.run_next()
        if result.outputs is not None:
            result.outputs = _wanted(work.plan.outfiles, result.outputs)
        connection.send(("result", result, state_of.news()))


def _wanted(outfiles: FilenameAssociations, outputs: BlockAssociations) -> BlockAssociations:
    """Return outputs without what is written nowhere, and may be anything."""
    own = BlockAssociations(outfiles)
    for name in vars(outfiles).keys() & vars(outputs).keys():
        setattr(own, name, getattr(outputs, name))
    return own


class _State:
    """Sends a worker's otherArgs home as often as it takes little of its time."""

    def __init__(self, work: BlockWork) -> None:
        self._work = work
        self._cost = 0.0
        self._sent = time.perf_counter()
        self._digest = b""

    def news(self) -> bytes | None:
        """Return the state if it may be sent now, and UNCHANGED where it is as it was."""
        if self._work.other_args is None:
            return UNCHANGED
        start = time.perf_counter()
        if self._cost > _SHARE_FOR_STATE * (start - self._sent):
            return None
        before, state = self._digest, self.asked()
        self._sent = time.perf_counter()
        self._cost = self._sent - start
        return UNCHANGED if self._digest == before else state

    def asked(self) -> bytes:
        """Return the state, which the run knows from now on."""
        state = pack_state(self._work.other_args)
        self._digest = hashlib.blake2b(state, digest_size=16).digest()
        return state
