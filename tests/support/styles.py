"""The concurrency styles that every result must not depend on."""

from __future__ import annotations

from rios_flows.structures import CW_THREADS, ConcurrencyStyle

STYLES = {
    "none": ConcurrencyStyle(),
    "none, 2 readers": ConcurrencyStyle(numReadWorkers=2),
    "threads 1-1": ConcurrencyStyle(
        numReadWorkers=1, numComputeWorkers=1, computeWorkerKind=CW_THREADS
    ),
    "threads 2-2": ConcurrencyStyle(
        numReadWorkers=2, numComputeWorkers=2, computeWorkerKind=CW_THREADS
    ),
}
