"""What a report says of a run, from made-up records."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from prefect.exceptions import TerminationSignal

from rios_flows.basics.timing import Timers
from rios_flows.geometry.grid import BlockGrid
from rios_flows.reports import summary as report
from rios_flows.reports.records import BlockRecord
from rios_flows.reports.summary import bottleneck_hint, summarise_stages
from rios_flows.rioserrors import WorkerExceptionError
from tests.support.madeup import failing, make_info, make_records


def _plain(token: Token) -> str:
    """Return the text of an inline token that is nothing but text, bold as a whole or not."""
    kinds = {"text", "text_special", "strong_open", "strong_close"}
    if token.type != "inline" or {child.type for child in token.children or ()} - kinds:
        return ""
    return "".join(child.content for child in token.children or ())


@pytest.fixture
def grid() -> BlockGrid:
    return BlockGrid(1000, 700, (256, 256))


class TestSummary:
    def summary(self, records: list[BlockRecord], grid: BlockGrid) -> str:
        timings = Timers()
        timings.record("walltime", 10.0, 10.7)
        timings.record("insert_readbuffer", 10.0, 10.25)
        return report.summary_markdown(timings, records, make_info(grid))

    def test_tells_totals_stages_and_lanes(self, grid: BlockGrid) -> None:
        text = self.summary(make_records(grid), grid)
        assert text.startswith("## ndvi: 12 blocks in 0.7 s\n")
        assert "| Blocks written | 12 of 12 (4 x 3, up to 256 x 256 pixels each) |" in text
        assert "| Pixels per second | 1.0 Mpixels |" in text
        assert "| Read | 1.4 MB, 2.0 MB/s |" in text
        assert "| compute | 12 | 0.48 | 81% | 40.0 | 40.0 |" in text
        assert "| write | 12 | 0.24 | 41% |" in text
        assert "| insert_readbuffer | 1 | 250.00 | 250.00 | 250.00 |" in text
        assert "Failed attempts\n" not in text

    def test_names_the_slowest_block(self, grid: BlockGrid) -> None:
        records = make_records(grid)
        slow = next(r for r in records if grid.position(r.block) == (2, 1) and r.stage == "write")
        records[records.index(slow)] = slow._replace(end=slow.start + 0.9)
        write = next(s for s in summarise_stages(records) if s.stage == "write")
        assert write.slowest == pytest.approx(0.9)
        assert "900.0 | row 2, column 1 |" in self.summary(records, grid)

    def test_lists_failed_attempts(self, grid: BlockGrid) -> None:
        records = make_records(grid)
        records[15:16] = failing(records[15])
        text = self.summary(records, grid)
        assert "| Attempts after a failure | 1 |" in text
        assert "| Failed attempts | 1 |" in text
        assert "| row 1, column 1 | read | readr | 1 | RasterioIOError: no \\| tile |" in text

    def test_lists_only_the_first_of_many_failures(self, grid: BlockGrid) -> None:
        records = [r._replace(error="broken") for r in make_records(grid)]
        text = self.summary(records, grid)
        assert text.count("| broken |") == 10
        assert "... and 26 more." in text
        assert "| Blocks written | 0 of 12" in text

    def test_every_table_row_has_as_many_cells_as_its_head(self, grid: BlockGrid) -> None:
        records = make_records(grid)
        records[15:16] = failing(records[15], "a | b\nc")
        tables = [part for part in self.summary(records, grid).split("\n\n") if part[:1] == "|"]
        assert len(tables) > 3
        for table in tables:
            rows = [row.replace("\\|", "") for row in table.splitlines()]
            assert len(rows) > 2
            assert len({row.count("|") for row in rows}) == 1

    def test_of_a_run_that_failed_before_its_first_block(self, grid: BlockGrid) -> None:
        text = report.summary_markdown(Timers(), [], make_info(grid))
        assert text.startswith("## ndvi: 12 blocks in 0.0 s\n\n**No block was worked on.**")
        assert "| Blocks written | 0 of 12" in text

    def test_of_a_run_that_failed(self, grid: BlockGrid) -> None:
        records = make_records(grid)[:8]
        info = make_info(grid)
        error = WorkerExceptionError("'ndvi' failed: KeyError: 'red'")
        error.__cause__ = KeyError("red")
        error.add_note("When the run stopped: nobody did anything")
        text = report.summary_markdown(Timers(), records, info, error)
        lines = text.splitlines()
        assert lines[0].startswith("## ndvi failed after 0.")
        assert lines[0].endswith(" s, of 12 blocks")
        assert lines[2] == "**WorkerExceptionError: 'ndvi' failed: KeyError: 'red'**"
        notes = "When the run stopped: nobody did anything"
        assert text.endswith(f"### Traceback\n\n~~~~\nKeyError: 'red'\n{notes}\n~~~~\n")
        # advice on speed is not what its user needs
        assert bottleneck_hint(records) not in text

    @pytest.mark.parametrize("inside", ["~~~~", "~" * 9, "```\n~~~~", "a ~~~~ b"])
    def test_no_text_of_an_error_ends_its_fence(self, grid: BlockGrid, inside: str) -> None:
        said = f"first\n{inside}\n# not a heading\n![picture](http://elsewhere)"
        text = report.summary_markdown(Timers(), [], make_info(grid), ValueError(said))
        tokens = MarkdownIt().parse(text)
        assert [token.type for token in tokens].count("fence") == 1
        assert tokens[-1].type == "fence"
        assert tokens[-1].content == f"ValueError: {said}\n"

    def test_an_error_is_no_markup(self, grid: BlockGrid) -> None:
        said = "![a](http://b) `c` [d](e) <f> &lt; ~~g~~ **h** | i \\ j"
        records = [record._replace(error=said) for record in make_records(grid)[:1]]
        text = report.summary_markdown(Timers(), records, make_info(grid), ValueError(said))
        parser = MarkdownIt().enable(["table", "strikethrough"])
        shown = [token for token in parser.parse(text) if said[:1] + "[a]" in _plain(token)]
        assert [_plain(token) for token in shown] == [f"ValueError: {said}", said]

    def test_of_a_run_that_was_cancelled(self, grid: BlockGrid) -> None:
        records, info = make_records(grid)[:8], make_info(grid)
        for error in (KeyboardInterrupt(), TerminationSignal(15)):
            text = report.summary_markdown(Timers(), records, info, error)
            assert text.startswith("## ndvi was cancelled after 0.")
            assert "**Every output is as it was before.**" in text
            assert type(error).__name__ not in text
        error = KeyboardInterrupt()
        error.add_note("When the run stopped: read-0")
        error.add_note("Outputs: 's3://a/b.tif' may be new")
        text = report.summary_markdown(Timers(), records, info, error)
        assert "as it was before" not in text
        assert "**Outputs: 's3://a/b.tif' may be new.**" in text

    def test_hint_for_a_single_block(self, grid: BlockGrid) -> None:
        assert "There is one block" in bottleneck_hint(make_records(grid)[:3])

    def test_hint_names_the_stage_that_sets_the_pace(self, grid: BlockGrid) -> None:
        assert "The compute stage sets the pace" in bottleneck_hint(make_records(grid))

    def test_hint_when_nothing_holds_the_others_up(self, grid: BlockGrid) -> None:
        lazy = [r._replace(end=r.start + 0.01) for r in make_records(grid)]
        assert "No stage holds the others up" in bottleneck_hint(lazy)

    def test_hint_for_a_single_lane(self, grid: BlockGrid) -> None:
        hint = bottleneck_hint(make_records(grid, ("apply",) * 3))
        assert "57% of its work was the compute stage" in hint
