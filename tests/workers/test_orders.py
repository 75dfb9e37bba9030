"""Numbers of workers: each has one of its own, and so many may replace others."""

from __future__ import annotations

from dataclasses import replace

from rios_flows.reports.workerbook import WorkerBook
from rios_flows.workers.hello import hello
from rios_flows.workers.orders import Orders


def test_numbers_and_replacements() -> None:
    submitted: list[int] = []
    orders = Orders(2, WorkerBook("CW_SLURM"), submitted.append)
    assert list(orders.all_first()) == [0, 1]
    said = hello(1)
    assert orders.fill(said) is said
    # one that was started by hand, with the number of another
    assert orders.fill(said) == replace(said, number=2)
    assert orders.expected == {0}
    # those that have done something are replaced as often as need be
    assert all(orders.replace(useful=True) for _ in range(9))
    assert [orders.replace() for _ in range(5)] == [True] * 4 + [False]
    orders.more(1)
    assert [orders.replace() for _ in range(3)] == [True] * 2 + [False]
    assert submitted == list(range(3, 3 + 9 + 4 + 1 + 2))
    assert orders.expected == {0, *submitted}


def test_what_is_told_of_those_that_are_missing() -> None:
    orders = Orders(5, WorkerBook("CW_SLURM"), lambda _: None)
    assert orders.told(lambda _: []) == ""
    orders.all_first()
    orders.failures += ["a was lost", "b was lost", "c was lost", "d was lost"]
    told = orders.told(lambda numbers: [f"{number} waits" for number in numbers])
    assert told == ". b was lost; c was lost; d was lost; 0 waits; 1 waits; 2 waits"
