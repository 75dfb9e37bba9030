"""How tests are handed out to processes that run side by side."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.support.handout import Item, in_shares


@dataclass(eq=False)
class Test:
    """A test of pytest's, as far as it matters here."""

    __test__ = False

    name: str
    slow: bool = False
    fixturenames: list[str] = field(default_factory=list)

    def get_closest_marker(self, name: str) -> object:
        assert name == "slow"
        return self.slow or None


def handed_out(ordered: list[Item], shares: int) -> list[list[str]]:
    """Divide as pytest-xdist does."""
    left, divided = [item.name for item in ordered if isinstance(item, Test)], []
    for index in range(shares):
        number = len(left) // (shares - index)
        divided.append(left[:number])
        del left[:number]
    assert not left
    return divided


def test_each_share_begins_with_what_takes_long() -> None:
    tests: list[Item] = [
        *(Test(f"quick {index}") for index in range(8)),
        Test("asks", fixturenames=["api", "server"]),
        Test("runs", fixturenames=["api", "server", "worker"]),
        Test("runs long", True, ["server", "worker"]),
        Test("asks long", True, ["lab"]),
        *(Test(f"long {index}", True) for index in range(4)),
        Test("quick 8"),
    ]
    assert handed_out(in_shares(tests, 4), 4) == [
        ["runs long", "runs", "quick 0", "quick 1"],
        ["asks long", "asks", "quick 2", "quick 3"],
        ["long 0", "long 1", "quick 4", "quick 5"],
        ["long 2", "long 3", "quick 6", "quick 7", "quick 8"],
    ]


@pytest.mark.parametrize("shares", range(1, 8))
@pytest.mark.parametrize("served", [0, 5, 30])
def test_none_is_lost(shares: int, served: int) -> None:
    tests: list[Item] = [Test(str(index), index % 3 == 0) for index in range(20)]
    tests += [Test(f"with {index}", fixturenames=["server"]) for index in range(served)]
    ordered = in_shares(tests, shares)
    assert len(ordered) == len(tests)
    assert set(map(id, ordered)) == set(map(id, tests))
