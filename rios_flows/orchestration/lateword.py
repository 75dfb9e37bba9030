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
    before = states[:-1]
    # it may have been on its way into a new process
    if before and (before[-1].is_scheduled() or before[-1].is_pending()):
        when = before[-1].state_details.scheduled_time
        again: State[Any] = Scheduled(
            scheduled_time=when, message="Scheduled again, since it was cancelled before"
        )
        client.set_flow_run_state(run, again, force=True)


if __name__ == "__main__":
    wait_for_it(UUID(sys.argv[1]))
