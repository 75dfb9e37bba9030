"""The arrays of one block in a buffer: complete when all have come."""

from __future__ import annotations

import pytest

from rios_flows.runs.buffers import BlockBufferValue
from tests.support.buffered import (
    THREE,
    A,
    Elsewhere,
    array,
    buffer,
    data,
    files,
)


def test_a_value_is_complete_when_all_arrays_are_there() -> None:
    value = BlockBufferValue(THREE)
    assert not value.complete()
    value.addData("dates", 1, array(3))
    value.addData("image", None, array(1))
    assert not value.complete()
    value.addData("dates", 0, array(2))
    assert value.complete()
    assert [value.blockData[key][0, 0, 0] for key in ("image", ("dates", 0), ("dates", 1))] == [
        1,
        2,
        3,
    ]


def test_a_second_array_of_one_raster_counts_once() -> None:
    value = BlockBufferValue(THREE)
    for number in range(3):
        value.addData("image", None, array(number))
    assert not value.complete()
    assert value.blockData.image[0, 0, 0] == 2


@pytest.mark.parametrize("key", [("other", None), ("image", 0), ("dates", 2)])
def test_an_array_that_nobody_awaits(key: tuple[str, int | None]) -> None:
    value = BlockBufferValue(THREE)
    with pytest.raises(KeyError):
        value.addData(*key, array(1))
    assert not value.complete()


def test_a_value_made_of_arrays_is_complete() -> None:
    arrays = data(5)
    value = BlockBufferValue(blockData=arrays)
    assert value.complete()
    assert value.blockData is arrays


def test_arrays_from_many_threads() -> None:
    names = files(dates=[f"{number}.tif" for number in range(200)])
    value, buffered = BlockBufferValue(names), buffer(names)

    def add(first: int) -> None:
        for number in range(first, 200, 4):
            value.addData("dates", number, array(number))
            buffered.addBlockData(A, "dates", number, array(number))

    jobs = [Elsewhere(add, first) for first in range(4)]
    assert [job.outcome() for job in jobs] == [None] * 4
    assert value.complete()
    for arrays in (value.blockData, buffered.popNextBlock()[1]):
        assert [entry[0, 0, 0] for entry in arrays.dates] == list(range(200))
