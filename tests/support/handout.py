"""In which order processes that run tests side by side are to begin: with what takes long.

pytest-xdist gives each process a share of equal length, and when one has done its share, it takes
from another's end.
"""

from __future__ import annotations

from typing import Protocol

#: A process brings up a Prefect server once for all tests with these fixtures, ...
SERVED = frozenset(("server", "lab"))
#: ... and a worker with deployments for all with these. The fewer processes do so, the better.
DEPLOYED = frozenset(("worker", "deployed"))
#: How many processes have servers, unless they are left alone with their tests.
SERVERS = 2
#: A slow test takes as long as so many others.
SLOW = 10


class Item(Protocol):
    """What is used of pytest's items."""

    fixturenames: list[str]

    def get_closest_marker(self, name: str) -> object: ...


def in_shares(items: list[Item], shares: int) -> list[Item]:
    """Order tests such that each share begins with its slow ones, and few processes need servers.

    What stands together stays together, mostly.
    """
    heads = heads_of(items, shares)
    taken = {id(item) for head in heads for item in head}
    quick = [item for item in items if id(item) not in taken]
    ordered: list[Item] = []
    for index, head in enumerate(heads):
        # as pytest-xdist divides
        length = (len(items) - len(ordered)) // (shares - index)
        room = max(0, length - len(head))
        ordered += [*head, *quick[:room]]
        del quick[:room]
    return ordered


def heads_of(items: list[Item], shares: int) -> list[list[Item]]:
    """Return what each share is to begin with."""
    served = [item for item in items if SERVED.intersection(item.fixturenames)]
    served.sort(key=lambda item: not DEPLOYED.intersection(item.fixturenames))
    known = set(map(id, served))
    slow = [item for item in items if is_slow(item) and id(item) not in known]
    if shares > SERVERS:
        heads = in_parts(served, SERVERS) + in_parts(slow, shares - SERVERS)
    else:
        heads = in_parts(served + slow, shares)
    return [sorted(head, key=is_slow, reverse=True) for head in heads]


def in_parts(items: list[Item], number: int) -> list[list[Item]]:
    """Divide tests into parts that take about as long as each other."""
    parts: list[list[Item]] = [[] for _ in range(number)]
    takes = [SLOW if is_slow(item) else 1 for item in items]
    before = 0
    for item, its in zip(items, takes, strict=True):
        parts[before * number // sum(takes)].append(item)
        before += its
    return parts


def is_slow(item: Item) -> bool:
    """Tell whether a test takes more than a few seconds."""
    return item.get_closest_marker("slow") is not None
