"""The book of a run: attempts made here and elsewhere, and what lanes are doing."""

from __future__ import annotations

import time

import pytest

from rios_flows.geometry.grid import BlockGrid
from rios_flows.reports.records import Step
from rios_flows.runs.ledger import Ledger
from tests.support.jobs import Heard

BLOCKS = BlockGrid(20, 10, (10, 10))
READ, COMPUTE = Step("read", "nir"), Step("compute", "f", 2, "too bad")


@pytest.mark.parametrize("offset", [0.0, 1e6, -1e6])
def test_times_of_a_worker_are_those_of_the_run(offset: float) -> None:
    heard = Heard()
    before = time.perf_counter()
    ledger = Ledger(BLOCKS, [heard])
    after = time.perf_counter()
    attempts = [
        (READ, after + offset + 1, after + offset + 2, 64),
        (COMPUTE, after + offset + 2, after + offset + 4, 0),
    ]
    ledger.end("compute-0", BLOCKS[1], attempts, "elsewhere:7", offset)
    assert heard.records == list(ledger.records)
    read, compute = ledger.records
    assert (read.block, read.stage, read.name, read.lane) == (BLOCKS[1], "read", "nir", "compute-0")
    assert (read.worker, read.attempt, read.nbytes, read.error) == ("elsewhere:7", 1, 64, "")
    assert (compute.attempt, compute.error) == (2, "too bad")
    assert 1 - 1e-6 <= read.start <= 1 + (after - before) + 1e-6
    assert read.end - read.start == pytest.approx(1, abs=1e-6)
    assert compute.end - compute.start == pytest.approx(2, abs=1e-6)
    ledger.finished(None)
    # timers are by the clock of this process
    ((start, end),) = ledger.timings.pairs["userfunction"]
    assert (start, end) == pytest.approx((after + 2, after + 4), abs=1e-3)


def test_what_lanes_have_in_hand() -> None:
    ledger = Ledger(BLOCKS)
    assert ledger.busy() == ""
    now = time.perf_counter()
    ledger.in_hand["read-0"] = READ, BLOCKS[0], now
    ledger.in_hand["compute-0"] = COMPUTE, BLOCKS[1], now
    for text in ("read-0 in reading, block row 0, column 0, for 0.", "compute-0 in the user func"):
        assert text in ledger.busy()
    ledger.end("compute-0", BLOCKS[1], [], "host:1")
    assert "compute-0" not in ledger.busy()
    ledger.end("read-0", BLOCKS[0], [], "host:1")
    assert ledger.busy() == ""
