"""What a run gives back, and how an error in a worker is told."""

from rios_flows.reports.results import ApplierReturn, SinglePassManager, WorkerErrorRecord

__all__ = [
    "ApplierReturn",
    "SinglePassManager",
    "WorkerErrorRecord",
]
