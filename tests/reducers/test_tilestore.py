"""Keeping tiles."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np

from rios_flows.reducers.tilestore import TileStore


def test_memory_first_then_a_file_without_a_name(tmp_path: Path) -> None:
    with closing(TileStore(str(tmp_path), memory_limit=250)) as store:
        for number in range(5):
            store.put(number, np.full(100, number, np.uint8), 100)
        # the same again, and a later one
        store.put(1, np.full(100, 11, np.uint8), 100)
        store.put(4, np.full(100, 14, np.uint8), 100)
        found = [int(store.get(number)[0]) for number in range(5)]
    assert found == [0, 11, 2, 3, 14]
    assert list(tmp_path.iterdir()) == []


def test_no_file_where_memory_is_enough() -> None:
    store = TileStore("/nonexistent")
    store.put("a", b"1", 1)
    assert store.get("a") == b"1"
    store.close()
