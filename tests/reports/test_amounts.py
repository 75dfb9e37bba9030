"""Amounts in words."""

from __future__ import annotations

import pytest

from rios_flows.reports import amounts


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 blocks"), (1, "1 block"), (1200, "1,200 blocks")]
)
def test_counts(count: int, words: str) -> None:
    assert amounts.counted(count, "block") == words


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e9, "2.5 GB")]
)
def test_sizes(value: float, words: str) -> None:
    assert amounts.scaled(value, "B") == words
