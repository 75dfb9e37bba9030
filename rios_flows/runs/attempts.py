"""Attempts at the stages of a block: made again where that may help, and told as values."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

from rios_flows import rioserrors
from rios_flows.basics.errortext import text_of
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.reports.records import Attempt, InHand, Stage, Step
from rios_flows.runs.clock import RunClock
from rios_flows.runs.stop import Stop

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: What a further try may mend, by stage. Nothing does where writing failed: GDAL writes a block
#: when it needs the room, and has dropped its pixels by the time it tells, with some later block.
MAY_PASS: dict[Stage, tuple[type[Exception], ...]] = {
    "read": (rioserrors.ImageReadError,),
    "compute": (rioserrors.WorkerExceptionError,),
}


class Attempts:
    """Makes the attempts of one lane, or of a worker that knows no run.

    Parameters
    ----------
    delay : float
        Pause before a further try, in which the clock rests (s).
    lane : str, optional
        The lane's name.
    stop : Stop, optional
        After it nothing is tried.
    clock : RunClock, optional
        The clock of the run.
    in_hand : dict, optional
        Where others see what the lane is doing.
    """

    def __init__(
        self,
        delay: float,
        lane: str = "",
        stop: Stop | None = None,
        clock: RunClock | None = None,
        in_hand: InHand | None = None,
    ) -> None:
        self._delay = delay
        self._lane = lane
        self._stop = stop or Stop()
        self.clock = clock or RunClock()
        self._in_hand = {} if in_hand is None else in_hand

    def make(
        self,
        step: Step,
        block: ApplierBlockDefn,
        action: Callable[[], tuple[T, int]],
        made: list[Attempt],
        further_tries: int = 0,
    ) -> T:
        """Do something with a block until it works, and return what comes of it.

        The action also returns the size of its pixels (bytes). ``made`` gets each attempt that has
        ended, well or not. Raises LaneStopped where the run has ended.
        """
        if self._stop.error is not None:
            raise self._stop.reason()
        start = perf_counter()
        self._in_hand[self._lane] = step, block, start
        try:
            result, nbytes = action()
        except BaseException as error:
            first_line = text_of(error).partition("\n")[0] or type(error).__name__
            made.append((step._replace(error=first_line), start, perf_counter(), 0))
            if not further_tries or not isinstance(error, MAY_PASS[step.stage]):
                raise
            return self._make_again(step, block, action, made, further_tries, error)
        made.append((step, start, perf_counter(), nbytes))
        return result

    def begins(self, step: Step, block: ApplierBlockDefn) -> None:
        """Have others see what is done from now on for the lane, elsewhere."""
        self._in_hand[self._lane] = step, block, perf_counter()

    def _make_again(
        self,
        step: Step,
        block: ApplierBlockDefn,
        action: Callable[[], tuple[T, int]],
        made: list[Attempt],
        further_tries: int,
        error: Exception,
    ) -> T:
        with self.clock.held():
            for attempt in range(2, further_tries + 2):
                told = text_of(error).rstrip(".")
                logger.warning("%s. Trying again, %d of %d", told, attempt, further_tries + 1)
                self._stop.wait(self._delay)
                try:
                    return self.make(step._replace(attempt=attempt), block, action, made)
                except MAY_PASS[step.stage] as again:
                    error = again
            raise error
