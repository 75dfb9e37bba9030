"""Named intervals of time, gathered from many threads."""

from rios_flows.basics.timing import REPORT_ORDER, Timers, TimingSummary

__all__ = [
    "REPORT_ORDER",
    "Timers",
    "TimingSummary",
]
