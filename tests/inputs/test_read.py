"""Open files of a lane, and what reading a block says when it goes wrong."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import pytest
import rasterio

from rios_flows.controls.options import InputOptions, Options
from rios_flows.geometry.grid import BlockGrid
from rios_flows.inputs import reading as read
from rios_flows.inputs.inputplan import InputPlan
from rios_flows.inputs.reading import (
    MOST_HANDLES,
    BlockMemoryError,
    DatasetPool,
    handles_per_lane,
    read_input,
)
from rios_flows.inputs.sources import open_source
from rios_flows.jobs.plan import Plan
from rios_flows.rioserrors import RiosError
from rios_flows.runs.attempts import MAY_PASS
from rios_flows.structures import FilenameAssociations
from tests.support.rasters import coordinates, write_raster


@pytest.mark.parametrize(
    ("limit", "lanes", "expected"),
    [
        (resource.RLIM_INFINITY, 8, MOST_HANDLES),
        (1024, 8, 120),
        (256, 5, 38),
        (64, 3, 4),
        (10**6, 2, MOST_HANDLES),
    ],
)
def test_open_files_of_a_lane(
    monkeypatch: pytest.MonkeyPatch, limit: int, lanes: int, expected: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert handles_per_lane(lanes) == expected


def items_of(folder: Path, count: int) -> list[InputPlan]:
    pixels = coordinates(1, 4, 5, "uint8")
    items = []
    for number in range(count):
        path = str(write_raster(folder / f"{number}.tif", pixels))
        source = open_source(("dates", number), path, InputOptions())
        items.append(InputPlan(source, (0, 0), (5, 4), (1,)))
    return items


@pytest.mark.parametrize("capacity", [1, 4, 9, 10, 11])
def test_files_that_are_read_in_turn_stay_open_as_far_as_they_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capacity: int
) -> None:
    items, opened, open_now, most = items_of(tmp_path, 10), [], set(), 0
    real = rasterio.open

    def noted(path: str) -> Any:
        dataset = real(path)
        opened.append(dataset)
        return dataset

    monkeypatch.setattr(rasterio, "open", noted)
    rounds = 5
    with DatasetPool(capacity) as pool:
        for _ in range(rounds):
            for item in items:
                assert pool.get(item).name == item.source.path
                open_now = {dataset for dataset in opened if not dataset.closed}
                most = max(most, len(open_now))
    assert most <= capacity
    assert all(dataset.closed for dataset in opened)
    # all but one place keep their file
    kept = 10 if capacity >= 10 else capacity - 1
    assert len(opened) == 10 + (rounds - 1) * (10 - kept)


def test_a_discarded_file_is_opened_afresh(tmp_path: Path) -> None:
    one, two = items_of(tmp_path, 2)
    with DatasetPool(2) as pool:
        first, second = pool.get(one), pool.get(two)
        pool.discard(one)
        assert first.closed
        assert pool.get(two) is second
        assert pool.get(one) is not first
        pool.discard(one)
        pool.discard(one)


def test_no_memory_is_said_to_be_so_and_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (item,) = items_of(tmp_path, 1)
    blocks, nothing = BlockGrid(5, 4, (5, 4), 2), FilenameAssociations()
    plan = Plan(item.source.grid, blocks, (item,), (), nothing, nothing, Options())  # type: ignore[union-attr]

    def none_left(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(read, "_read", none_left)
    words = r"No memory for input 'dates\[0\]' at block .*8 x 9 pixels.*setOverlap"
    with DatasetPool(1) as pool, pytest.raises(BlockMemoryError, match=words) as caught:
        read_input(pool, plan.blocks, item, blocks[0])
    assert isinstance(caught.value, RiosError)
    assert isinstance(caught.value, MemoryError)
    assert not isinstance(caught.value, MAY_PASS["read"])
