"""The result of a run, and errors of workers."""

from rios_flows.reports.results import ApplierReturn, SinglePassManager, WorkerErrorRecord

__all__ = [
    "ApplierReturn",
    "SinglePassManager",
    "WorkerErrorRecord",
]
