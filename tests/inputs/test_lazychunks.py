"""Chunks of dask: each is computed once, in bounded memory."""

from __future__ import annotations

import pickle
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dask.array
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from rasterio.transform import from_origin

import rios_flows as rf
from rios_flows.inputs import lazychunks
from rios_flows.inputs.lazychunks import ByChunks, by_chunks
from rios_flows.rioserrors import ImageReadError

PIXELS = np.arange(3 * 40 * 50, dtype="int32").reshape(3, 40, 50)


class Counting:
    """Makes an array of dask that counts which chunks are computed."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.computed: Counter[tuple[int, ...]] = Counter()
        self.fails = False
        self._seconds = seconds

    def array(self) -> Any:
        make: Any = dask.array.map_blocks
        source: Any = dask.array.from_array
        return make(self._pass, source(PIXELS, (2, 15, 20)), dtype="int32")

    def _pass(self, chunk: Any, block_info: Any = None) -> Any:
        if block_info:
            self.computed[tuple(block_info[0]["chunk-location"])] += 1
        time.sleep(self._seconds)
        if self.fails:
            raise ValueError("broken chunk")
        return chunk


def counting(seconds: float = 0.0) -> tuple[Counting, Any]:
    made = Counting(seconds)
    array = made.array()
    # dask tries the function on nothing
    made.computed.clear()
    return made, array


def of_raster(array: Any) -> Any:
    return rf.Raster(array, from_origin(0, 40, 1, 1), "EPSG:32755")


def of_xarray(array: Any) -> Any:
    coords = {"y": 39.5 - np.arange(40), "x": 0.5 + np.arange(50)}
    return xr.DataArray(array, coords, ("band", "y", "x"), attrs={"crs": "EPSG:32755"})


@pytest.mark.parametrize("kind", [of_raster, of_xarray])
@pytest.mark.parametrize("workers", [1, 2])
def test_each_chunk_is_computed_once(kind: Any, workers: int) -> None:
    made, array = counting()
    seen = np.zeros_like(PIXELS)

    def look(image: Any, info: Any) -> None:
        corner = info.getBlockCoordArrays()
        top, left = round(40 - corner[1][0, 0] - 0.5), round(corner[0][0, 0] - 0.5)
        inner = np.ma.getdata(image)[:, 2:-2, 2:-2]
        rows, cols = inner.shape[1:]
        seen[:, top + 2 : top + 2 + rows, left + 2 : left + 2 + cols] = inner

    rf.apply(look, kind(array), window=(7, 9), overlap=2, dtype=None, workers=workers)
    np.testing.assert_array_equal(seen, PIXELS)
    assert set(made.computed.values()) == {1}
    assert len(made.computed) == 2 * 3 * 3


@given(st.data())
def test_any_window_of_any_chunks(data: st.DataObject) -> None:
    def cut(length: int) -> tuple[int, ...]:
        edges = data.draw(st.lists(st.integers(0, length), max_size=4))
        return tuple(np.diff([0, *sorted(edges), length]).tolist())

    def window(length: int) -> slice:
        first = data.draw(st.integers(0, length - 1))
        return slice(first, data.draw(st.integers(first + 1, length)))

    pixels = PIXELS[:, :9, :8]
    source: Any = dask.array.from_array
    array = by_chunks(source(pixels, tuple(map(cut, pixels.shape))))
    for _ in range(3):
        key: tuple[Any, ...] = tuple(map(window, pixels.shape))
        if data.draw(st.booleans()):
            key = (data.draw(st.integers(0, 2)), *key[1:])
        np.testing.assert_array_equal(array[key], pixels[key])


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    # three chunks of 2 x 15 x 20 pixels of 4 bytes
    monkeypatch.setattr(lazychunks, "LIMIT", 3 * 2400)
    made, lazy = counting()
    array = ByChunks(lazy)
    for left in range(0, 50, 10):
        array[0:1, 0:15, left : left + 10]
        assert sum(future.result().nbytes for future in array._kept.values()) <= 3 * 2400
    assert set(made.computed.values()) == {1}
    array[0:2, 0:40, 0:50]
    assert sum(future.result().nbytes for future in array._kept.values()) <= 3 * 2400
    # one that is larger than all that may be kept is, for the next window
    monkeypatch.setattr(lazychunks, "LIMIT", 1)
    made, lazy = counting()
    array = ByChunks(lazy)
    for left in range(0, 20, 5):
        array[0:1, 0:15, left : left + 5]
    assert made.computed == {(0, 0, 0): 1}


def test_threads_share_a_chunk() -> None:
    made, lazy = counting(seconds=0.05)
    array, start = ByChunks(lazy), threading.Barrier(4)

    def read(top: int) -> Any:
        start.wait(30)
        return array[0:3, top : top + 3, 0:50]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(read, range(0, 12, 3)))
    np.testing.assert_array_equal(np.concatenate(found, axis=1), PIXELS[:, :12])
    assert set(made.computed.values()) == {1}


def test_an_error_is_not_kept() -> None:
    made, lazy = counting()
    array = ByChunks(lazy)
    made.fails = True
    with pytest.raises(ValueError, match="broken chunk"):
        array[0:1, 0:9, 0:9]
    made.fails = False
    np.testing.assert_array_equal(array[0:1, 0:9, 0:9], PIXELS[0:1, 0:9, 0:9])


def test_it_travels_without_what_it_keeps() -> None:
    source: Any = dask.array.from_array
    array = by_chunks(source(PIXELS, (1, 40, 25)))
    array[0, 0:9, 0:9]
    copy = pickle.loads(pickle.dumps(array))
    assert copy._kept == {}
    np.testing.assert_array_equal(copy[0, 0:9, 0:9], PIXELS[0, :9, :9])
    assert by_chunks(PIXELS) is PIXELS


def blocks(array: Any, window: int) -> list[Any]:
    seen: list[Any] = []

    def keep(x: Any) -> None:
        seen.append(x)

    rf.apply(keep, of_raster(array), None, window=window, workers=1, dtype=None)
    return seen


@pytest.mark.parametrize("window", [7, 64])
def test_masked_chunks_keep_their_mask(window: int) -> None:
    masked = np.ma.MaskedArray(PIXELS, mask=PIXELS % 7 == 3)
    make: Any = dask.array.from_array
    source: Any = make(masked, (2, 15, 20))
    for array in (source, source[:, ::-1], source[1]):
        expected = array.compute()
        seen = blocks(array, window)
        assert sum(np.ma.getmaskarray(x).sum() for x in seen) == expected.mask.sum()
        assert sum(int(x.sum()) for x in seen) == expected.sum()


def test_chunks_that_are_not_as_promised_are_refused() -> None:
    make: Any = dask.array.map_blocks
    source: Any = dask.array.from_array
    array = source(PIXELS, (2, 15, 20))
    unlike: list[tuple[Any, str]] = [
        (lambda x: x / 2, "float64"),
        (lambda x: x[:, :1], "shape"),
        (lambda x: np.ma.masked_equal(x, 5), "masked"),
    ]
    for change, words in unlike:
        wrong = make(change, array, dtype="int32", meta=np.empty((0, 0, 0), "int32"))
        with pytest.raises(ImageReadError, match=words):
            blocks(wrong, 64)
