"""What compute workers outside the process have cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rios_flows.reports.amounts import counted, scaled


@dataclass(frozen=True, slots=True)
class WorkerCost:
    """What the compute workers of a run outside its process have cost.

    Attributes
    ----------
    kind : str
        Who has started them, such as "CW_SLURM".
    ordered, came : int
        How many were ordered, those in place of lost ones included, and how many of them came.
    hours_asked : float
        Worker-hours from the order of each to its end: the wait in a queue and the start count.
    hours_used : float
        Worker-hours from the arrival of each to its end.
    sent, received : int
        What went to the workers, and came from them (bytes, before encryption).
    busy : float
        The share of the used hours in which they read or computed blocks, 0 to 1.
    """

    kind: str
    ordered: int
    came: int
    hours_asked: float
    hours_used: float
    sent: int
    received: int
    busy: float

    def words(self) -> dict[str, Any]:
        """Return all of it as a dict that JSON holds."""
        words = asdict(self)
        for name in ("hours_asked", "hours_used", "busy"):
            words[name] = float(f"{words[name]:.6g}")
        words["hoursAsked"] = words.pop("hours_asked")
        words["hoursUsed"] = words.pop("hours_used")
        return words

    @classmethod
    def of_words(cls, words: dict[str, Any]) -> WorkerCost:
        """Return what has been told in such words."""
        words = dict(words)
        words["hours_asked"] = words.pop("hoursAsked")
        words["hours_used"] = words.pop("hoursUsed")
        return cls(**words)

    def rows(self) -> list[tuple[str, str]]:
        """Return it in lines of two columns, for people."""
        return [
            ("Kind", self.kind),
            ("Workers that came", f"{self.came:,} of {self.ordered:,} ordered"),
            ("Worker-hours asked, from the order on", f"{self.hours_asked:.4g}"),
            ("Worker-hours used, from the arrival on", f"{self.hours_used:.4g}"),
            ("Busy of the hours used", f"{self.busy:.0%}"),
            ("Moved to workers", scaled(self.sent, "B")),
            ("Moved from workers", scaled(self.received, "B")),
        ]

    def __str__(self) -> str:
        return (
            f"{counted(self.came, 'compute worker')} ({self.kind}): "
            f"{self.hours_asked:.4g} worker-hours asked, {self.hours_used:.4g} used, "
            f"{self.busy:.0%} of them busy; {scaled(self.sent, 'B')} moved to workers, "
            f"{scaled(self.received, 'B')} from them"
        )


def no_workers() -> None:
    """Return None, where there are none."""
