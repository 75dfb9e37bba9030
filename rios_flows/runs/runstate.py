"""What all lanes of a run share."""

from __future__ import annotations

from typing import NamedTuple

from rios_flows.runs.clock import RunClock
from rios_flows.runs.ledger import Ledger
from rios_flows.runs.stop import Stop


class RunState(NamedTuple):
    """What all lanes of a run share.

    Attributes
    ----------
    ledger : Ledger
        Where attempts and waits are recorded.
    stop : Stop
        How one lane's failure ends the others.
    clock : RunClock
        Measures waits; it rests while something is tried again, replayed or closed.
    """

    ledger: Ledger
    stop: Stop
    clock: RunClock
