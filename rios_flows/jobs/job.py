"""A call of ``apply()``, checked and planned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rios_flows.basics.naming import name_of
from rios_flows.basics.types import UserFunction
from rios_flows.controls.associations import readable_files
from rios_flows.controls.options import Hooks
from rios_flows.jobs.plan import Plan


@dataclass(frozen=True, slots=True)
class Job:
    """A checked and planned call of ``apply()``; nothing is open, no thread has started."""

    name: str  # the job's, or the user function's
    plan: Plan
    function: UserFunction
    other_args: Any
    hooks: Hooks

    def summary(self) -> dict[str, Any]:
        """Return what people want to know of the job, in plain values that JSON takes."""
        return {
            "function": name_of(self.function),
            "infiles": readable_files(self.plan.infiles),
            "outfiles": readable_files(self.plan.outfiles),
            "controls": self.plan.options.changed,
        }
