"""Which lanes of a run may begin, as there are slots of global concurrency limits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, perf_counter, sleep
from uuid import UUID

from prefect.client.orchestration import get_client

from rios_flows.basics.threads import thread_in_context
from rios_flows.basics.timing import Timers
from rios_flows.orchestration.changed_settings import changed_settings
from rios_flows.orchestration.impatient import impatient_client
from rios_flows.orchestration.lane_logs import Logger
from rios_flows.orchestration.leases import Leases
from rios_flows.orchestration.limits import Free, Limits, Share
from rios_flows.reports.amounts import counted

#: Time between two looks for free slots, and between two lines that tell of the wait (s).
POLL, TELL = 5.0, 300.0
#: Time between two signs of life (s): one may be missed.
RENEW = 20.0

TIMER = "waitforslots"


@dataclass
class _Waiting:
    """Lanes that have no slots yet, and the limits of which each takes one."""

    limits: tuple[str, ...]
    lanes: list[str]

    def room(self, free: dict[str, Free]) -> int:
        """Return for how many of the lanes there are slots."""
        return min([len(self.lanes), *(free[name].free for name in self.limits if name in free)])

    def text(self, free: dict[str, Free]) -> str:
        """Say what is waited for."""
        there = [name for name in self.limits if name in free]
        least = min((free[name].free for name in there), default=0)
        return " and ".join(
            f"{counted(len(self.lanes), 'slot')} of {name}, {least} of {free[name].slots} free"
            for name in there
            if free[name].free == least
        )


class Slots:
    """Lets the lanes of a run begin as soon as there are slots for them.

    First one lane of each share gets its slots, one share after the other; nothing is done
    before. What else is free goes to further lanes, which begin at once, or later, or never.
    """

    def __init__(self, limits: Limits, shares: Iterable[Share], log: Logger) -> None:
        self._log = log
        self._leases = Leases(limits, log)
        self._waiting = [_Waiting(share.limits, list(share.lanes)) for share in shares]
        self._names = {name for share in self._waiting for name in share.limits}
        #: as the server last said
        self._free: dict[str, Free] = {}
        #: the lanes that may begin
        self.granted: list[str] = []
        self._tell: Callable[[Sequence[str]], None] = lambda lanes: None
        self._began = perf_counter()
        #: whether something was not free, and start and end of the waits (s)
        self._waited = False
        self._waits: list[tuple[float, float]] = []
        self._mutex = threading.Lock()
        self._wake = threading.Event()
        self._first_over = self._closing = False
        self._thread: threading.Thread | None = None

    def grant_all(self) -> None:
        """Let every lane begin, without slots."""
        for share in self._waiting:
            self._grant(share, len(share.lanes))

    def wait_for_first(self, free: dict[str, Free], beat: Callable[[], None]) -> None:
        """Take slots for one lane of each share; for more lanes where there is no need to wait."""
        self._free = free
        self._start()
        # what has no use yet is left to others
        enough = all(share.room(free) for share in self._waiting)
        told = monotonic() - TELL
        for share in self._waiting:
            while not self._take(share, len(share.lanes) if enough else 1):
                if monotonic() - told >= TELL:
                    told = monotonic()
                    self._log.info("The run waits for %s", share.text(self._free))
                self._waited = True
                beat()
                sleep(POLL)
                self._look()
        if not enough:
            self._look()
            self._take_more()
        for share in self._waiting:
            if share.lanes:
                self._log.info(
                    "The run begins; %s begins when there is a slot of %s",
                    *(", ".join(share.lanes), " and ".join(share.limits)),
                )
        self._waited = self._first_over = True
        self._wake.set()

    def tell_of_more(self, tell: Callable[[Sequence[str]], None]) -> None:
        """Have ``tell`` called with the lanes that may begin: now, and later with further ones."""
        with self._mutex:
            self._tell = tell
            tell(tuple(self.granted))

    def lane_ended(self, lane: str) -> None:
        """Note that a lane needs its slots no more."""
        self._leases.lane_ended(lane)
        self._wake.set()

    def record(self, timings: Timers) -> None:
        """Add the times of waiting."""
        for start, end in self._waits:
            timings.record(TIMER, start, end)

    def close(self) -> None:
        """Give everything back."""
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _take(self, share: _Waiting, most: int) -> bool:
        limits = tuple(name for name in share.limits if name in self._free)
        if not limits:
            self._grant(share, len(share.lanes))
            return True
        count = min(most, share.room(self._free))
        if count < 1 or not self._leases.take(limits, share.lanes[:count]):
            return False
        self._grant(share, count)
        return True

    def _grant(self, share: _Waiting, count: int) -> None:
        now = perf_counter()
        with self._mutex:
            lanes, share.lanes = share.lanes[:count], share.lanes[count:]
            self.granted += lanes
            if self._waited:
                self._waits.append((self._began, now))
            self._tell(lanes)

    def _look(self) -> None:
        """See what is free now; it is what it was if the server does not say."""
        now = self._leases.ask(self._leases.limits.free, self._names)
        self._free = self._free if now is None else now

    def _take_more(self) -> None:
        for share in self._waiting:
            if share.lanes and not self._closing:
                self._take(share, len(share.lanes))

    # the thread: it keeps slots, gives them back, and takes more

    def _start(self) -> None:
        self._thread = thread_in_context(self._work, name="lane-slots")
        self._thread.start()

    def _work(self) -> None:
        renewed = looked = monotonic()
        while not self._closing:
            self._wake.wait(min(POLL, RENEW))
            self._wake.clear()
            self._leases.give_back()
            now = monotonic()
            if now - renewed >= RENEW:
                renewed = now
                self._leases.renew()
            more = self._first_over and any(share.lanes for share in self._waiting)
            if more and now - looked >= POLL:
                looked = now
                self._look()
                self._take_more()
        self._leases.give_back(all_of_them=True)


@contextmanager
def slots_for(
    shares: Sequence[Share], flow_run_id: UUID, log: Logger, beat: Callable[[], None]
) -> Iterator[Slots]:
    """Take slots for the lanes of a run, waiting if need be; give them back at the end.

    The server is asked once which limits there are, and no more where there are none. ``beat`` is
    called now and then while the run waits.
    """
    names = {name for share in shares for name in share.limits}
    # the client of the flow
    asked = Leases(Limits(get_client(sync_client=True), flow_run_id), log)
    free = asked.ask(asked.limits.free, names) if names else None
    if not free:
        slots = Slots(asked.limits, shares, log)
        slots.grant_all()
        yield slots
        return
    # its own: the flow's waits longer
    with impatient_client() as client:
        slots = Slots(Limits(client, flow_run_id), shares, log)
        try:
            # Prefect would ask a hanging server for minutes
            with changed_settings("client", max_retries=1):
                slots.wait_for_first(free, beat)
            yield slots
        finally:
            slots.close()
