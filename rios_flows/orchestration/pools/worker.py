"""The flow run of one compute worker on a work pool."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from threading import Thread
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State, StateType
from prefect.context import FlowRunContext
from prefect.logging import get_run_logger
from prefect.logging.handlers import APILogHandler
from prefect.states import Cancelled, Completed, Failed

from rios_flows.basics.naming import (
    ADDRESS_VARIABLE,
    ECHO_VARIABLE,
    JOB_VARIABLE,
    this_process,
)
from rios_flows.orchestration.impatient import impatient_client
from rios_flows.orchestration.pools.tickets import take
from rios_flows.workers.launchers.processes import kill_group, killing, told
from rios_flows.workers.launchers.undertaker import Undertaker

if TYPE_CHECKING:
    # it would bring numpy and rasterio, which only the worker's own process needs
    from rios_flows.orchestration.lane_logs import Logger

#: Seconds between two looks whether this flow run is to go on.
_PAUSE = 5.0

#: So many lines of a worker are in the log of its flow run; all are in that of the run.
_MOST_LINES = 2000

#: Longer lines are cut (characters).
_LONGEST_LINE = 2000


# retries=0: the run replaces a worker that is lost
@flow(name="rios-compute-worker", retries=0, persist_result=False)
def rios_compute_worker(
    number: int,
    address_file: str | None = None,
    ticket: str | None = None,
) -> State[Any]:
    """Work for a run of rios_flows; runs start such flow runs themselves.

    Args:
        number: The worker's.
        address_file: A file that says where the run is, and lets the worker in.
        ticket: The name of a secret on the server that says so; it can be taken once.
    """
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    run, log = context.flow_run.id, get_run_logger()
    command = [sys.executable, "-m", "rios_flows.workers", "--number", str(number)]
    own = {JOB_VARIABLE: str(run), ECHO_VARIABLE: "1"}
    if address_file is not None:
        command += ["--address-file", address_file]
    elif ticket is not None:
        with impatient_client() as client:
            own[ADDRESS_VARIABLE] = take(client, ticket)
    log.info("Worker %d begins (%s)", number, this_process())
    end = carried_out(command, own, run, log)
    # before the state is known, as the run then tells the last lines
    with suppress(Exception):
        APILogHandler().flush()
    if end is None:
        return Cancelled(message="The worker was cancelled")
    return Completed(message=end) if end == "exit code 0" else Failed(message=end)


def carried_out(command: list[str], own: Mapping[str, str], run: UUID, log: Logger) -> str | None:
    """Run a worker as a process until its end, and log what it says; None if it was cancelled.

    It is a process of its own, so that whatever befalls it leaves the flow run alone, which tells
    of it. It ends with this process, whatever the end of that.
    """
    undertaker = Undertaker()
    # what is Prefect's own is not for the user function
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT__")}
    try:
        process = subprocess.Popen(
            command,
            env={**inherited, **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        undertaker.due(*killing(process.pid))
        try:
            cancelled = _wait(process, run, log)
        finally:
            # before it is reaped, as no other can have its number until then
            kill_group(process.pid)
            process.wait()
            undertaker.settled(*killing(process.pid))
        return None if cancelled else told(process.returncode)
    finally:
        undertaker.close()


def _wait(process: subprocess.Popen[bytes], run: UUID, log: Logger) -> bool:
    """Wait for the end of a worker; return True as soon as its flow run is not to go on."""
    assert process.stdout is not None
    reader = Thread(target=_tell, args=(process.stdout, log), daemon=True)
    reader.start()
    ended = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        while not poll.poll(_PAUSE * 1000):
            if _is_unwanted(run):
                return True
    finally:
        os.close(ended)
    # what it has started may keep the pipe open
    reader.join(1)
    return False


def _tell(stream: IO[bytes], log: Logger) -> None:
    with stream:
        for number, line in enumerate(stream):
            if number < _MOST_LINES:
                log.info("%s", line.decode(errors="replace").rstrip()[:_LONGEST_LINE])
            elif number == _MOST_LINES:
                log.info("(the run's own log has what this worker says from here on)")


def _is_unwanted(run: UUID) -> bool:
    """Return whether this flow run has been cancelled; a server that is away says nothing."""
    with suppress(Exception), impatient_client() as client:
        state = client.read_flow_run(run).state
        return state is not None and (state.is_final() or state.type == StateType.CANCELLING)
    return False
