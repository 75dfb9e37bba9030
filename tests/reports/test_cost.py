"""What compute workers have cost: told from the book of their coming and going."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from rios_flows.basics.timing import Timers
from rios_flows.cli.reporting import report
from rios_flows.geometry.grid import BlockGrid
from rios_flows.reports.cost import WorkerCost, no_workers
from rios_flows.reports.recordfiles import read_records, write_records
from rios_flows.reports.records import BlockRecords, RunInfo, Step
from rios_flows.reports.summary import summary_markdown
from rios_flows.reports.workerbook import Traffic, WorkerBook

GRID = BlockGrid(20, 10, (10, 10))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def records_of(*spans: tuple[str, float, float]) -> BlockRecords:
    records = BlockRecords()
    for worker, start, end in spans:
        step = Step("compute", "f")
        records.add(next(iter(GRID)), "compute-0", worker, [(step, start, end, 100)])
    return records


def kept_book() -> tuple[WorkerBook, Clock]:
    """Ordered at 0 s: one comes at 60 s and ends at 360 s, one at 90 s and stays, one never."""
    clock = Clock()
    book = WorkerBook("CW_SLURM", clock)
    for number in range(3):
        book.order(number)
    clock.now = 60.0
    book.arrive(0, "n1:7", Traffic(1000, 20))
    clock.now = 90.0
    book.arrive(1, "n2:8", Traffic(500, 3))
    clock.now = 120.0
    book.end(2)
    clock.now = 360.0
    book.end(0)
    book.end(0)
    clock.now = 390.0
    return book, clock


def test_hours_bytes_and_the_share_of_busy_time() -> None:
    book, clock = kept_book()
    # reads ahead overlap with computing, and count once: 100 + 20 s of n1, 60 s of n2
    records = records_of(
        ("n1:7", 0, 80), ("n2:8", 10, 70), ("n1:7", 50, 60), ("n1:7", 70, 100),
        ("main:1", 0, 1000), ("n1:7", 110, 130),
    )  # fmt: skip
    cost = book.cost(records)
    assert (cost.kind, cost.ordered, cost.came) == ("CW_SLURM", 3, 2)
    # asked: 360, 390 and 120 s; used: 300 and 300 s
    assert cost.hours_asked == pytest.approx(870 / 3600, rel=1e-12)
    assert cost.hours_used == pytest.approx(600 / 3600, rel=1e-12)
    assert (cost.sent, cost.received) == (1500, 23)
    assert cost.busy == pytest.approx(180 / 600, rel=1e-12)
    clock.now = 3990.0
    # one worker is there for an hour more
    assert book.cost(records).hours_used == pytest.approx(600 / 3600 + 1, rel=1e-12)


def test_many_records_are_summed_in_parts() -> None:
    spans = [("n1:7", number * 0.02, number * 0.02 + 0.01) for number in range(10_000)]
    book, _ = kept_book()
    assert book.cost(records_of(*spans)).busy == pytest.approx(100 / 600, rel=1e-9)


def test_nobody_came() -> None:
    book = WorkerBook("CW_PBS", Clock())
    book.order(0)
    cost = book.cost(BlockRecords())
    assert (cost.came, cost.hours_used, cost.busy) == (0, 0, 0)


def test_somebody_came_unasked() -> None:
    clock = Clock()
    book = WorkerBook("CW_PBS", clock)
    book.arrive(5, "n9:9", Traffic())
    clock.now = 36.0
    cost = book.cost(BlockRecords())
    assert (cost.ordered, cost.came) == (1, 1)
    assert cost.hours_asked == cost.hours_used == pytest.approx(0.01)


def test_a_book_that_is_kept_stands_still() -> None:
    book, _ = kept_book()
    records = records_of(("n1:7", 0, 80))
    kept = pickle.loads(pickle.dumps(book))
    assert kept.cost(records) == book.cost(records)


COST = WorkerCost("CW_ECS", 5, 4, 0.5, 0.25, 3_000_000, 1_500, 0.8)


def test_it_is_told_in_words() -> None:
    assert str(COST) == (
        "4 compute workers (CW_ECS): 0.5 worker-hours asked, 0.25 used, 80% of them busy; "
        "3.0 MB moved to workers, 1.5 kB from them"
    )
    told = json.loads(json.dumps(COST.words()))
    assert told["hoursAsked"] == 0.5
    assert told["hoursUsed"] == 0.25
    assert WorkerCost.of_words(told) == COST


def test_summaries_and_kept_records_have_it(tmp_path: Path) -> None:
    info = RunInfo("ndvi", GRID, ("write",), BlockRecords(), cost=lambda: COST)
    text = summary_markdown(Timers(), [], info)
    assert "### Compute workers" in text
    assert "| Worker-hours used, from the arrival on | 0.25 |" in text
    write_records(tmp_path / "records.json", info, 9.0)
    kept = read_records(tmp_path / "records.json")
    assert kept.info.cost() == COST
    assert report(kept)["workers"] == COST.words()


def test_runs_without_such_workers_say_nothing(tmp_path: Path) -> None:
    info = RunInfo("ndvi", GRID, ("write",), BlockRecords())
    assert info.cost is no_workers
    assert "Compute workers" not in summary_markdown(Timers(), [], info)
    write_records(tmp_path / "records.json", info, 9.0)
    kept = read_records(tmp_path / "records.json")
    assert kept.info.cost() is None
    assert "workers" not in report(kept)
