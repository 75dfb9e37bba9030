"""Which blocks were slow: named for each stage, first in the table, marked in the picture."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rios_flows.basics.timing import Timers
from rios_flows.geometry.grid import BlockGrid
from rios_flows.reports.blocktimes import (
    MOST_ROWS,
    block_table,
    outliers,
    slowest_blocks,
    slowest_markdown,
)
from rios_flows.reports.records import BlockRecord, BlockRecords, Step
from rios_flows.reports.summary import summary_markdown
from tests.support.madeup import failing, make_info, make_records

GRID = BlockGrid(1000, 700, (256, 256))


def one_slow() -> list[BlockRecord]:
    """Row 2, column 1 takes 0.9 s to be written, elsewhere."""
    records = make_records(GRID)
    place = next(
        number
        for number, each in enumerate(records)
        if GRID.position(each.block) == (2, 1) and each.stage == "write"
    )
    slow = records[place]
    records[place] = slow._replace(end=slow.start + 0.9, lane="write", worker="far.example:77")
    return records


class TestSlowest:
    def test_ten_of_each_stage(self) -> None:
        found = slowest_blocks(one_slow(), make_info(GRID))
        assert list(found) == ["read", "compute", "write"]
        assert {len(blocks) for blocks in found.values()} == {10}
        first = found["write"][0]
        assert (first.row, first.column) == (2, 1)
        assert first.seconds == pytest.approx(0.9)
        assert first.ratio == pytest.approx(0.9 / 0.02)
        assert (first.lane, first.worker, first.host) == ("write", "77", "far.example")
        assert found["write"][1].seconds == pytest.approx(0.02)

    def test_attempts_are_added_and_the_longest_is_named(self) -> None:
        records = make_records(GRID)[:3]
        again = records[1]._replace(attempt=2, start=5.0, end=7.0, lane="compute-9", worker="b:2")
        (slow,) = slowest_blocks([*records, again], make_info(GRID))["compute"]
        assert slow.seconds == pytest.approx(2.04)
        assert (slow.lane, slow.host) == ("compute-9", "b")

    def test_times_of_nothing(self) -> None:
        still = [each._replace(end=each.start) for each in make_records(GRID)]
        assert slowest_blocks(still, make_info(GRID))["read"][0].ratio == 1.0
        assert slowest_blocks([], make_info(GRID)) == {}
        assert slowest_markdown([], make_info(GRID)) == ""

    def test_are_in_the_summary(self) -> None:
        text = summary_markdown(Timers(), one_slow(), make_info(GRID))
        _, _, write = text.partition("### Slowest blocks: write\n\n")
        assert write.splitlines()[:3] == [
            "| Row | Column | Seconds | Times the median | Lane | Process | Host |",
            "| ---: | ---: | ---: | ---: | :--- | :--- | :--- |",
            "| 2 | 1 | 0.900 | 45.0 | write | 77 | far.example |",
        ]


class TestOutliers:
    def test_far_slower_than_most(self) -> None:
        spent = np.full((5, 6), 0.1)
        spent[4, 5], spent[0, 3], spent[2, 2] = 0.9, 2.0, 0.25
        spent[1] = np.nan
        assert outliers(spent) == [(0, 3), (4, 5)]

    def test_at_most_ten(self) -> None:
        spent = np.ones((10, 10))
        spent[0] = np.arange(10, 20)
        spent[1, 0] = 9
        assert outliers(spent) == [(0, column) for column in range(9, -1, -1)]

    @pytest.mark.parametrize("value", [np.nan, 0.0, 1.0])
    def test_none_where_all_are_the_same(self, value: float) -> None:
        assert outliers(np.full((3, 4), value)) == []


class TestTable:
    def test_has_a_row_for_each_block_the_slowest_first(self) -> None:
        rows = block_table(one_slow(), make_info(GRID))
        assert (rows[0]["row"], rows[0]["column"]) == (2, 1)
        assert rows[0]["write (ms)"] == pytest.approx(900)
        assert rows[0]["total (ms)"] == pytest.approx(950)
        assert rows[0]["hosts"] == "host, far.example"
        assert rows[0]["workers"] == "host:1, far.example:77"
        assert {(row["row"], row["column"]) for row in rows} == {
            (row, column) for row in range(3) for column in range(4)
        }
        corner = next(row for row in rows if (row["row"], row["column"]) == (2, 3))
        assert (corner["width"], corner["height"]) == (1000 - 3 * 256, 700 - 2 * 256)
        assert (corner["left"], corner["top"]) == (3 * 256, 2 * 256)
        assert corner["error"] == ""

    def test_what_people_look_for_comes_first(self) -> None:
        row = block_table(make_records(GRID), make_info(GRID))[0]
        assert list(row)[:5] == ["row", "column", "total (ms)", "lanes", "hosts"]

    def test_tells_attempts_and_errors(self) -> None:
        records = make_records(GRID)
        records[3:4] = failing(records[3], "lost")
        row = block_table(records, make_info(GRID))[0]
        assert (row["row"], row["column"]) == (0, 1)
        assert row["attempts"] == 2
        assert row["error"] == "lost"
        assert row["read (ms)"] == pytest.approx(20)

    def test_of_a_hundred_thousand_blocks_is_small(self) -> None:
        grid = BlockGrid(1000, 100, (1, 1))
        records = BlockRecords()
        for number, block in enumerate(grid):
            for stage in ("read", "write"):
                attempt = (Step(stage, "x" * 20), 1.0, 2.0 + number * 1e-5, 1)
                records.add(block, f"{stage}-0", "node-0123.cluster.example:123456", [attempt])
        rows = block_table(records, make_info(grid))
        assert len(rows) == MOST_ROWS
        assert (rows[0]["row"], rows[0]["column"]) == (99, 999)
        assert len(json.dumps(rows)) < 400_000
        assert len(slowest_markdown(records, make_info(grid))) < 3_000
