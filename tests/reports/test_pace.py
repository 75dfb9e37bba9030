"""The rate of a run, and the time that is left."""

from __future__ import annotations

import pytest

from rios_flows.reports.pace import WINDOW, Pace


def seen(total: int, *looks: tuple[int, float]) -> Pace:
    pace = Pace(total)
    for done, now in looks:
        pace.look(done, now)
    return pace


@pytest.mark.parametrize(
    ("total", "looks", "text"),
    [
        (12, [(0, 5.0)], "0 of 12 blocks written, 12 left"),
        (12, [(0, 5.0), (0, 26.0)], "0 of 12 blocks written, 12 left; none for 21 s"),
        (12, [(0, 5.0), (9, 8.0)], "9 of 12 blocks written, 3 left; 3.0 blocks/s, about 1 s left"),
        (12, [(0, 5.0), (12, 8.0)], "12 of 12 blocks written"),
        (
            3000,
            [(0, 0.0), (2, 8.0)],
            "2 of 3,000 blocks written, 2,998 left; a block in 4.0 s, about 3 h 20 min left",
        ),
        (
            10_000,
            [(0, 0.0), (100, 1.0)],
            "100 of 10,000 blocks written, 9,900 left; 100.0 blocks/s, about 1 min 39 s left",
        ),
    ],
)
def test_words(total: int, looks: list[tuple[int, float]], text: str) -> None:
    assert str(seen(total, *looks)) == text


def test_the_rate_is_that_of_late() -> None:
    # 100 blocks at once, as a run that goes on writes what is there already; then one a second
    looks = [(0, 0.0), *((100 + second, float(second)) for second in range(1, 61))]
    pace = seen(1000, *looks)
    assert pace.rate == pytest.approx(1.0)
    assert pace.done == 160
    assert pace.percent == 16.0
    assert len(pace._looks) <= WINDOW + 2


def test_a_run_that_stands_still() -> None:
    pace = seen(10, *((min(second, 5), float(second)) for second in range(0, 100)))
    assert str(pace) == "5 of 10 blocks written, 5 left; none for 1 min 34 s"


def test_nothing_seen() -> None:
    pace = Pace(0)
    assert (pace.done, pace.percent, pace.rate) == (0, 0.0, 0.0)


def test_what_an_earlier_run_has_written_is_not_part_of_the_rate() -> None:
    pace = Pace(1000)
    pace.look(900, 0.0)
    pace.look(920, 10.0)
    assert str(pace) == "920 of 1,000 blocks written, 80 left; 2.0 blocks/s, about 40 s left"
