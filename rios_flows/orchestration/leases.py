"""The slots that a run has: kept by signs of life, given back when their lanes have ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from rios_flows.basics.errortext import summary_of
from rios_flows.orchestration.lane_logs import Logger
from rios_flows.orchestration.limits import LEASE, Limits

T = TypeVar("T")


@dataclass
class _Lease:
    """Slots that some lanes have; no identity while they are lost."""

    limits: tuple[str, ...]
    identity: UUID | None
    lanes: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return f"{len(self.lanes)} slots of {' and '.join(self.limits)}"


class Leases:
    """The slots of a run; whatever the server says or does, a lane that has begun goes on."""

    def __init__(self, limits: Limits, log: Logger) -> None:
        self.limits, self._log = limits, log
        self._leases: list[_Lease] = []
        self._complained = False
        self._mutex = threading.Lock()

    def take(self, limits: tuple[str, ...], lanes: Sequence[str]) -> bool:
        """Take a slot of each limit for each lane; return whether they were all free."""
        identity = self.ask(self.limits.take, limits, len(lanes))
        if identity is not None:
            with self._mutex:
                self._leases.append(_Lease(limits, identity, set(lanes)))
        return identity is not None

    def lane_ended(self, lane: str) -> None:
        """Note that a lane needs its slots no more."""
        with self._mutex:
            for lease in self._leases:
                lease.lanes.discard(lane)

    def renew(self) -> None:
        """Tell the server that all slots are still needed."""
        for lease in self._leases:
            if lease.identity is not None:
                if self.ask(self.limits.renew, lease.identity) is not False:
                    continue
                lease.identity = None
                self._log.warning(
                    "Lost %s: the server heard nothing of this run for %g s, or has forgotten "
                    "it. The lanes go on, and ask again",
                    *(lease, LEASE),
                )
            if lease.lanes:
                lease.identity = self.ask(self.limits.take, lease.limits, len(lease.lanes))

    def give_back(self, all_of_them: bool = False) -> None:
        """Give back what no lane needs any more, or everything."""
        with self._mutex:
            done = [lease for lease in self._leases if all_of_them or not lease.lanes]
            self._leases = [lease for lease in self._leases if lease not in done]
        for lease in done:
            if lease.identity is not None:
                self.ask(self.limits.give_back, lease.identity)

    def ask(self, question: Callable[..., T], *arguments: object) -> T | None:
        """Return the server's answer; None, and a line once, if there is none."""
        try:
            return question(*arguments)
        except Exception as error:
            if not self._complained:
                self._complained = True
                self._log.warning(
                    "Concurrency limits: the server does not answer (%s)", summary_of(error)
                )
            return None
