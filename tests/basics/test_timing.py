"""Timers: what they count, and the report to the character."""

from __future__ import annotations

import pickle
import threading
import tracemalloc

import pytest

from rios_flows.basics.timing import Timers

REPORT = """\
Wall clock elapsed time: 12.3 seconds

Timer                      Total (sec)
--------------------------------
reading                      1.8
userfunction                 2.2
writing                    110.0"""

DETAILS = """


Timer                      N,Min,Lower,Median,Upper,Max
-------------------------------------------------------
reading                 2,0.5000,0.6875,0.8750,1.0625,1.2500
userfunction            3,0.5000,0.6250,0.7500,0.8750,1.0000
writing                 1,110.0000,110.0000,110.0000,110.0000,110.0000"""


def made_up() -> Timers:
    timers = Timers()
    timers.record("something else", 0, 5)
    timers.record("writing", 0, 110)
    for duration in (0.5, 0.75, 1.0):
        timers.record("userfunction", 100, 100 + duration)
    for duration in (0.5, 1.25):
        timers.record("reading", 10, 10 + duration)
    timers.record("walltime", 0, 12.3)
    return timers


def test_report_to_the_character() -> None:
    assert made_up().formatReport() == REPORT
    assert made_up().formatReport(level=1) == REPORT + DETAILS


def test_report_without_the_whole_run() -> None:
    with pytest.raises(KeyError, match="walltime"):
        Timers().formatReport()


def test_summary() -> None:
    summary = made_up().makeSummaryDict()
    assert summary["userfunction"] == {
        "tot": 2.25,
        "min": 0.5,
        "max": 1.0,
        "lower": 0.625,
        "median": 0.75,
        "upper": 0.875,
        "N": 3,
    }
    assert set(summary) == {"something else", "writing", "userfunction", "reading", "walltime"}


def test_an_interval_counts_even_where_it_raises() -> None:
    timers = Timers()
    with timers.interval("reading"):
        pass
    with pytest.raises(ZeroDivisionError), timers.interval("reading"):
        _ = 1 / 0
    durations = timers.getDurationsForName("reading")
    assert durations is not None
    assert len(durations) == 2
    assert all(0 <= duration < 1 for duration in durations)
    assert timers.getDurationsForName("writing") is None


def test_intervals_of_one_name_may_be_nested() -> None:
    timers = Timers()
    with timers.interval("a"), timers.interval("a"):
        pass
    inner, outer = timers.getDurationsForName("a") or (1.0, 0.0)
    assert inner <= outer


def test_merge_and_pickle() -> None:
    timers = pickle.loads(pickle.dumps(made_up()))
    assert timers.formatReport(1) == REPORT + DETAILS
    timers.merge(made_up())
    assert timers.makeSummaryDict()["reading"]["N"] == 4
    timers.merge(timers)
    assert timers.makeSummaryDict()["reading"]["N"] == 8


def test_pairs() -> None:
    pairs = made_up().pairs
    assert pairs["userfunction"] == [(100, 100.5), (100, 100.75), (100, 101)]
    assert list(pairs) == ["something else", "writing", "userfunction", "reading", "walltime"]


def test_many_intervals_take_little_memory() -> None:
    timers = Timers()
    tracemalloc.start()
    try:
        for number in range(10_000):
            timers.record("reading", number + 0.25, number + 0.5)
        took, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert took < 20 * 10_000


def test_threads_lose_nothing() -> None:
    timers = Timers()

    def work() -> None:
        for _ in range(2000):
            with timers.interval("shared"):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(timers.getDurationsForName("shared") or ()) == 8000
