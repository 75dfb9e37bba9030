"""What each lane writes to the log of its task run."""

from __future__ import annotations

import logging

import pytest

from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid
from rios_flows.orchestration.lane_logs import LaneLogs
from rios_flows.reports.records import BlockRecord, InHand, RunInfo, Stage, Step

BLOCK = ApplierBlockDefn(0, 0, 10, 10)


def record(lane: str, stage: Stage, nbytes: int = 0, error: str = "") -> BlockRecord:
    """Make the record of half a second's work."""
    return BlockRecord(BLOCK, stage, "a", lane, "host:1", 1, 2.0, 2.5, nbytes, error)


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> LaneLogs:
    """Count for two lanes since second 10; it is second 12 now."""
    clock = iter([10.0, 10.0])
    monkeypatch.setattr(
        "rios_flows.orchestration.lane_logs.time.perf_counter", lambda: next(clock, 12.0)
    )
    made = LaneLogs()
    for lane in ("read-0", "compute-0"):
        made.lane_starts(lane, logging.getLogger(f"test.{lane}"))
    return made


def test_a_lane_tells_its_own_work(logs: LaneLogs, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(2):
        logs.recorded(record("read-0", "read", nbytes=600_000))
    logs.recorded(record("read-0", "read", error="OSError: no"))
    logs.recorded(record("another", "read"))
    logs.written(3, 12)
    logs.say()
    assert [(each.name, each.message) for each in caplog.records] == [
        (
            "test.read-0",
            "Lane read-0: 2 reads, 1 failed attempt, 1.2 MB; at work 75% of its own time; "
            "3 of 12 blocks are written",
        ),
        (
            "test.compute-0",
            "Lane compute-0: nothing; at work 0% of its own time; 3 of 12 blocks are written",
        ),
    ]


def test_a_lane_tells_what_it_has_in_hand(logs: LaneLogs, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    doing: InHand = {"read-0": (Step("read", "red"), ApplierBlockDefn(20, 10, 10, 10), 9.5)}
    logs.started(RunInfo("ndvi", BlockGrid(30, 30, (10, 10)), ("read-0", "compute-0"), (), doing))
    logs.recorded(record("read-0", "read"))
    logs.say()
    assert [message.partition("; at work")[0] for message in caplog.messages] == [
        "Lane read-0: reading row 2, column 1 for 2.5 s; so far 1 read",
        "Lane compute-0: nothing",
    ]


def test_a_lane_that_has_ended_says_so_and_no_more(
    logs: LaneLogs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    logs.recorded(record("compute-0", "compute"))
    logs.lane_ends("compute-0")
    assert caplog.messages == ["Lane compute-0 ends: 1 computation; at work 25% of its own time"]
    logs.recorded(record("compute-0", "compute"))
    logs.say()
    assert caplog.messages[1:] == [
        "Lane read-0: nothing; at work 0% of its own time; no block is written"
    ]
