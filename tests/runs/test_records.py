"""Records of blocks in little memory."""

from __future__ import annotations

import pickle
import threading
import time
import tracemalloc

import pytest

from rios_flows.geometry.grid import ApplierBlockDefn, BlockGrid
from rios_flows.reports.records import STAGES, BlockRecord, BlockRecords, Step
from rios_flows.runs.ledger import Ledger
from tests.support.madeup import failing, make_records

MADE_UP = make_records(BlockGrid(700, 500, (64, 64)))
MADE_UP += failing(MADE_UP[5]) + failing(MADE_UP[5], "another error")


def keep(records: BlockRecords, record: BlockRecord) -> None:
    step = Step(record.stage, record.name, record.attempt, record.error)
    attempt = (step, record.start, record.end, record.nbytes)
    records.add(record.block, record.lane, record.worker, [attempt])


@pytest.fixture
def records() -> BlockRecords:
    records = BlockRecords()
    for record in MADE_UP:
        keep(records, record)
    return records


def test_they_are_a_sequence(records: BlockRecords) -> None:
    assert len(records) == len(MADE_UP) > 250
    assert list(records) == MADE_UP
    assert list(reversed(records)) == MADE_UP[::-1]
    assert records[5] == MADE_UP[5]
    assert type(records[5]) is BlockRecord
    assert type(records[5].block) is ApplierBlockDefn
    assert records[-1] == MADE_UP[-1]
    assert records[3:-4:7] == MADE_UP[3:-4:7]
    assert MADE_UP[7] in records
    assert MADE_UP[7]._replace(nbytes=1) not in records
    assert records.index(MADE_UP[7]) == 7
    assert not BlockRecords()
    for beyond in (len(MADE_UP), -len(MADE_UP) - 1):
        with pytest.raises(IndexError):
            records[beyond]


def test_equal_and_shown_as_a_list_is(records: BlockRecords) -> None:
    assert records == MADE_UP
    assert [*MADE_UP] == records
    assert records != MADE_UP[:-1]
    assert records != [*MADE_UP[:-1], MADE_UP[0]]
    assert records != "something else"
    assert list(map(repr, records)) == list(map(repr, MADE_UP))
    assert repr(records) == f"<BlockRecords: {len(MADE_UP)} attempts>"


def test_they_iterate_in_parts(records: BlockRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BlockRecords, "_ROWS_AT_ONCE", 7)
    assert list(records) == MADE_UP


def test_times_of_a_stage(records: BlockRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BlockRecords, "_ROWS_AT_ONCE", 7)
    for stage in STAGES:
        times = [[record.start, record.end] for record in MADE_UP if record.stage == stage]
        assert [pair for part in records.times(stage) for pair in part.tolist()] == times != []
    assert list(BlockRecords().times("read")) == []


def test_a_record_takes_little_memory(records: BlockRecords) -> None:
    packed = len(pickle.dumps(records))
    for record in MADE_UP * 100:
        keep(records, record)
    assert len(pickle.dumps(records)) - packed < 30 * 100 * len(MADE_UP)


def test_pickle(records: BlockRecords) -> None:
    back = pickle.loads(pickle.dumps(records))
    assert back == records
    keep(back, MADE_UP[0])
    assert len(back) == len(records) + 1


def test_threads_add_while_others_look() -> None:
    records = BlockRecords()

    def work(lane: str) -> None:
        for record in MADE_UP * 4:
            keep(records, record._replace(lane=lane))

    threads = [threading.Thread(target=work, args=(f"lane-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert all(record.lane.startswith("lane-") for record in records)
    for number in range(4):
        found = [record for record in records if record.lane == f"lane-{number}"]
        assert found == [record._replace(lane=f"lane-{number}") for record in MADE_UP * 4]


def test_a_ledger_takes_little_memory() -> None:
    blocks = BlockGrid(100_000, 100_000, (1000, 1000))
    ledger = Ledger(blocks)
    tracemalloc.start()
    try:
        step = Step("read", "nir")
        for block in blocks:
            attempt = (step, time.perf_counter(), 5.0, 2_000_000)
            ledger.end("read-0", block, [attempt], "host:1")
        took, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(ledger.records) == len(blocks)
    assert took < 60 * len(blocks)
