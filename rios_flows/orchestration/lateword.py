"""Waits for a worker's last word on a run that was cancelled, which is meant for no later attempt.

A worker says that a run is cancelled once its process has gone: some seconds after the run itself,
and by force. A run that has been scheduled again by then would be cancelled once more.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from time import monotonic, sleep
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.states import Scheduled

from rios_flows.orchestration.guard import start_aside
from rios_flows.orchestration.verdicts import ENDED_BY_WORKER

#: Longest wait for the word (s): it takes longer than half a minute on a machine under load.
LONGEST = 120.0
#: What the states say that are given back.
AGAIN = "Scheduled again, since it was cancelled before"
#: Seconds between two looks.
PAUSE = 1.0


def see_to_it(run: UUID) -> None:
    """Have a process wait that the worker does not take for that of the run, which has to end."""
    if _is_told():
        start_aside([sys.executable, "-m", __name__, str(run)], subprocess.DEVNULL)


def _is_told() -> bool:
    """Return whether a worker of Prefect's has told this process that its run is cancelled."""
    try:
        from prefect._internal.control_listener import get_intent
    except ImportError:
        # Prefect has no public name for it: with another version, to wait in vain costs little
        return True
    return get_intent() == "cancel"


def wait_for_it(run: UUID) -> None:
    """Wait until the worker has said so, and schedule the run again if it was scheduled before."""
    deadline = monotonic() + LONGEST
    with get_client(sync_client=True) as client:
        while monotonic() < deadline:
            # a server that is away will be there again
            with suppress(Exception):
                state = client.read_flow_run(run).state
                if state is not None and state.message == ENDED_BY_WORKER:
                    _give_back(client, run)
                    return
            sleep(PAUSE)


def _give_back(client: SyncPrefectClient, run: UUID) -> None:
    states = sorted(client.read_flow_run_states(run), key=lambda state: state.timestamp)
    before = states[-2] if len(states) > 1 else None
    if before is None or not (before.is_scheduled() or before.is_pending()):
        return
    if before.is_pending():
        # a process is on its way, which must not meet a second one
        on_its_way = State[Any](type=before.type, name=before.name, message=AGAIN)
        client.set_flow_run_state(run, on_its_way, force=True)
        if _has_begun(client, run):
            return
    when = before.state_details.scheduled_time
    again: State[Any] = Scheduled(scheduled_time=when, message=AGAIN)
    client.set_flow_run_state(run, again, force=True)


def _has_begun(client: SyncPrefectClient, run: UUID) -> bool:
    """Wait for a process that is on its way; it may have seen the word, and have ended by it."""
    deadline = monotonic() + LONGEST
    while monotonic() < deadline:
        sleep(PAUSE)
        with suppress(Exception):
            state = client.read_flow_run(run).state
            if state is None or not state.is_pending():
                return True
    return False


if __name__ == "__main__":
    wait_for_it(UUID(sys.argv[1]))
