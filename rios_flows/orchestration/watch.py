"""Looks from outside after a run that goes on: what somebody sets at the server, or a signal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from threading import Event, Lock
from typing import TYPE_CHECKING, Self
from uuid import UUID

from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import Abort, Pause, TerminationSignal
from prefect.states import Cancelled

from rios_flows.basics.errortext import Halted, summary_of
from rios_flows.basics.threads import thread_in_context
from rios_flows.orchestration.guard import Guard
from rios_flows.orchestration.lane_logs import Logger
from rios_flows.orchestration.lateword import see_to_it
from rios_flows.orchestration.life import SignsOfLife
from rios_flows.orchestration.run_states import States, is_cancelling, let_come_again, set_state
from rios_flows.orchestration.sigterm import noting_sigterm
from rios_flows.orchestration.verdicts import GOES_ON, Verdict, gets_signal, verdict_on
from rios_flows.runs.execution import RunLanes
from rios_flows.runs.lanes import Lane

if TYPE_CHECKING:
    from prefect._flow_run_suspension import FlowRunSuspensionRequest

logger = logging.getLogger(__name__)

#: Seconds between two looks at what costs nothing.
TICK = 0.5
#: Seconds between two questions to the server.
POLL = 4.0
#: Longest wait for the last answer, after which outputs are published (s).
LAST = 10.0


class Watch:
    """A thread that ends, or pauses, a run when it is to be cancelled, suspended or paused.

    A context manager. Everything ends in good order: after the block in hand, with a checkpoint
    where the run may go on later, and without outputs.

    Parameters
    ----------
    runs : sequence of FlowRun
        The flow run, and those around it.
    suspension : FlowRunSuspensionRequest
        Where Prefect says that the process is to suspend.
    signs : SignsOfLife
        Those of the run, which tell that its task runs go on, too.
    beat : callable
        Shows a sign of life, if one is due.
    log : Logger
        The log of the flow run.
    """

    def __init__(
        self,
        runs: Sequence[FlowRun],
        suspension: FlowRunSuspensionRequest,
        signs: SignsOfLife,
        beat: Callable[[], None],
        log: Logger,
    ) -> None:
        self.verdict = GOES_ON
        self.signs = signs
        self._runs, self._states = runs, States([run.id for run in runs])
        self._suspension, self._beat, self._log = suspension, beat, log
        self._signal: int | None = None
        self._lane: Lane | None = None
        self._halted = self._rests = self._is_last = False
        self._began = 0.0
        self._guard: Guard | None = None
        self._over, self._wake, self._looked = Event(), Event(), Event()
        self._acts = Lock()
        self._thread = thread_in_context(self._work, name="run-watch")

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._wake.set()
        self._thread.join()
        if self._guard is not None:
            self._guard.close()

    def check(self) -> None:
        """Show a sign of life, and raise Halted if the run is to end; for what waits before it."""
        self._beat()
        if self.verdict.ends:
            self._halted = True
            raise Halted(self._how())

    def watched(self, run_lanes: RunLanes) -> RunLanes:
        """Return the same with this watch over the lanes."""

        def run(lanes: Sequence[Lane]) -> None:
            self._lane = lanes[0]
            try:
                with noting_sigterm(self._note):
                    self._act()
                    run_lanes(lanes)
                    self._last_look()
                    self._act()
            finally:
                self._lane = None

        return run

    def tell_cancelled(self, published: bool = False) -> None:
        """Set the run of a worker that was cancelled to that; the worker would need a while."""
        top = self._runs[-1].id
        if self._signal is None or not gets_signal(top):
            return
        try:
            if is_cancelling(top):
                late = " when its outputs were complete" if published else ""
                set_state(top, Cancelled(message=f"The run was cancelled{late}"))
                see_to_it(top)
        except (Exception, SystemExit) as error:
            logger.debug("Prefect was not told that the run was cancelled: %s", summary_of(error))

    def conclude(self, published: bool) -> None:
        """Leave the flow, where it must not end by itself; it may end as cancelled."""
        if self._signal is not None:
            self.tell_cancelled(published)
            raise TerminationSignal(self._signal)
        if self.verdict.what == "was suspended":
            if self.is_subflow:
                # Prefect would leave it running until its parent comes again
                set_state(self._runs[0].id, State(type=StateType.PAUSED, name="Suspended"))
            let_come_again(self._runs[-1].id, self.verdict.state)
            raise Pause(state=self.verdict.state)
        if self.verdict.what == "was ended" and self.verdict.is_final:
            # what is set stays
            raise Abort(self.reason)

    @property
    def is_subflow(self) -> bool:
        """Whether the run is part of another one."""
        return len(self._runs) > 1

    @property
    def ended_as_cancelled(self) -> bool:
        """Whether the run was ended since it, or a run around it, was cancelled."""
        return self._halted and self.verdict.what == "was cancelled"

    @property
    def cancelled_around(self) -> UUID | None:
        """The flow run around this one that was cancelled."""
        run = self.verdict.run if self.verdict.what == "was cancelled" else None
        return None if run == self._runs[0].id else run

    @property
    def reason(self) -> str:
        """Why the run was ended."""
        state = self.verdict.state
        told = f" ({state.message})" if state is not None and state.message else ""
        return f"The run {self._how()}{told}; every output is as it was before"

    # in the thread

    def _work(self) -> None:
        with self._states:
            due = time.monotonic() + POLL
            while not self._over.is_set():
                self._wake.wait(TICK)
                self._safely(self._beat)
                if self._wake.is_set() or time.monotonic() >= due:
                    self._wake.clear()
                    due = time.monotonic() + POLL
                    if not self._over.is_set():
                        self._safely(self._ask)
                    self._looked.set()
                self._safely(self._act)

    def _safely(self, action: Callable[[], None]) -> None:
        try:
            action()
        # rich ends a program whose terminal has gone
        except (Exception, SystemExit) as error:
            # a server that is away will be there again
            logger.debug("A look at the run failed: %s", summary_of(error))

    def _ask(self) -> None:
        if self._guard is None and not self._over.is_set():
            # few runs are so short that they get none
            self._guard = Guard([run.id for run in self._runs])
        verdict = verdict_on(self._states.ask(), signalled=not self._is_last)
        if verdict.what == "revives" and verdict.run is not None and verdict.state is not None:
            self._states.revive(verdict.run)
            self.signs.revive_tasks()
            named = str(verdict.state.name).lower()
            self._log.warning("The run was marked as %s, but it is alive: it goes on", named)
        if not self.verdict.ends:
            self.verdict = verdict

    # in any thread

    def _last_look(self) -> None:
        """Ask once more, unless the run was a short one: what ends it now must not be published."""
        if time.monotonic() - self._began >= POLL and not self._halted:
            self._looked.clear()
            # a signal that is on its way would come too late
            self._is_last = True
            self._wake.set()
            self._looked.wait(LAST)

    def _act(self) -> None:
        # the flow's thread does it, too
        with self._acts:
            self._act_alone()

    def _act_alone(self) -> None:
        suspended = self._suspension.get_state()
        if suspended is not None and not self.verdict.ends:
            self.verdict = Verdict("was suspended", state=suspended)
        lane = self._lane
        if lane is None or self._halted:
            return
        if self._signal is not None or self.verdict.ends:
            self._halted = True
            lane.halt(Halted(self._how()))
        elif self._rests != (self.verdict.what == "rests"):
            self._rests = not self._rests
            (lane.rest if self._rests else lane.go_on)()
            self._log.info("The run %s", "is paused" if self._rests else "goes on")

    def _how(self) -> str:
        state = self.verdict.state
        if self.verdict.what == "was ended" and state is not None:
            late = " since it was never resumed" if state.is_paused() else f" as {state.name}"
            return f"was ended{late}"
        return self.verdict.what if self.verdict.ends else "was cancelled"

    def _note(self, number: int, *_: object) -> None:
        if self._signal is not None:
            raise TerminationSignal(number)
        # nothing more: this thread may hold any lock
        self._signal = number
