"""The workers that are ordered for a crew: their numbers, and how many may replace others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from rios_flows.reports.workerbook import WorkerBook
from rios_flows.workers.hello import Hello


class Orders:
    """Workers that have been ordered, and have not come; used under the lock of the crew.

    Parameters
    ----------
    first : int
        How many workers are ordered at first.
    book : WorkerBook
        Where it stands when each was ordered.
    submit : callable
        Has the job of a worker with this number submitted.
    """

    def __init__(self, first: int, book: WorkerBook, submit: Callable[[int], object]) -> None:
        self._first, self._book, self._submit = first, book, submit
        self._next = first
        self._replacements = self.most_replacements = max(4, 2 * first)
        #: numbers of workers that have not come
        self.expected: set[int] = set()
        #: how workers were lost, or did not come
        self.failures: list[str] = []

    def all_first(self) -> Sequence[int]:
        """Order the first workers, whose jobs are submitted together; return their numbers."""
        self.expected.update(range(self._first))
        for number in self.expected:
            self._book.order(number)
        return range(self._first)

    def one(self) -> None:
        """Order one more."""
        self.expected.add(self._next)
        self._book.order(self._next)
        self._submit(self._next)
        self._next += 1

    def more(self, count: int) -> None:
        """Order more at a time, which may be replaced as well."""
        self._replacements += 2 * count
        self.most_replacements += 2 * count
        for _ in range(count):
            self.one()

    def replace(self, useful: bool = False) -> bool:
        """Order one more, unless too many came to nothing; ``useful`` ones are no such."""
        if not useful:
            if not self._replacements:
                return False
            self._replacements -= 1
        self.one()
        return True

    def fill(self, hello: Hello) -> Hello:
        """Note that a worker has come; return its hello, with a number that it has alone."""
        if hello.number in self.expected:
            self.expected.remove(hello.number)
            return hello
        # somebody has started it by hand: it must not be taken for one of our jobs
        hello = replace(hello, number=self._next)
        self._next += 1
        return hello

    def told(self, states: Callable[[Iterable[int]], list[str]]) -> str:
        """Return what is known of those that did not come, or went."""
        told = [*self.failures[-3:], *states(self.expected)[:3]]
        return f". {'; '.join(told)}" if told else ""
