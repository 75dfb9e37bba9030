"""How fast a run is of late, and how long the rest will take."""

from __future__ import annotations

from collections import deque

#: The rate is that of so much time (s).
WINDOW = 30.0


class Pace:
    """The progress of a run, from looks at it now and then.

    Examples
    --------
    >>> pace = Pace(1000)
    >>> pace.look(0, 100.0)
    >>> pace.look(250, 110.0)
    >>> print(pace)
    250 of 1,000 blocks written, 750 left; 25.0 blocks/s, about 30 s left
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._looks: deque[tuple[float, int]] = deque()
        self._last_block = 0.0

    def look(self, done: int, now: float) -> None:
        """Note how many blocks are written at a time (s)."""
        if not self._looks or done != self.done:
            self._last_block = now
        self._looks.append((now, done))
        while len(self._looks) > 2 and self._looks[1][0] <= now - WINDOW:
            self._looks.popleft()

    @property
    def done(self) -> int:
        """Blocks written at the last look."""
        return self._looks[-1][1] if self._looks else 0

    @property
    def percent(self) -> float:
        """The share of the blocks that are written (percent)."""
        return 100.0 * self.done / max(self._total, 1)

    @property
    def rate(self) -> float:
        """Blocks per second of late; 0 while none has been written."""
        if not self._looks:
            return 0.0
        (began, first), (now, last) = self._looks[0], self._looks[-1]
        return (last - first) / (now - began) if now > began else 0.0

    @property
    def written(self) -> str:
        """How many blocks are written, in words."""
        return f"{self.done:,} of {self._total:,} blocks written"

    def __str__(self) -> str:
        left, rate = self._total - self.done, self.rate
        text = self.written
        if left:
            text += f", {left:,} left"
        if left and rate:
            text += f"; {_rate(rate)}, about {_duration(left / rate)} left"
        elif left and len(self._looks) > 1:
            text += f"; none for {_duration(self._looks[-1][0] - self._last_block)}"
        return text


def _rate(rate: float) -> str:
    return f"{rate:,.1f} blocks/s" if rate >= 1 else f"a block in {1 / rate:,.1f} s"


def _duration(seconds: float) -> str:
    if seconds >= 3600:
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours:,} h {minutes} min"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
