"""Which chunks of a store a window needs, and whether one of them is out of reach."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import numpy as np
import pytest

from rios_flows.formats.zarrchunks import ChunkLayout
from rios_flows.geometry.grid import PixelGrid
from rios_flows.geometry.regions import Box
from rios_flows.inputs.chunks import NeededChunks, box_in_source
from rios_flows.inputs.warp import plan_warp
from tests.support.rasters import write_raster
from tests.support.warped import source_of, texture, write


def store(folder: Path, bands: int = 1, version: str = "ZARR_V2") -> NeededChunks:
    """Write a store of 100 x 80 pixels in chunks of 32 x 32, of two bands if there are more."""
    pixels = np.ones((bands, 100, 80), "uint8")
    chunk = "32,32" if bands == 1 else "2,32,32"
    path = write_raster(folder / "a.zarr", pixels, driver="Zarr", blocksize=chunk, format=version)
    found = NeededChunks.of(str(path), (100, 80))
    assert found is not None
    return found


def names(chunks: NeededChunks, bands: tuple[int, ...], box: Box) -> set[str]:
    return {name.rpartition("/a.zarr/a/")[2] for name in chunks._names(bands, box)}


@pytest.mark.parametrize(
    ("box", "needed"),
    [
        (Box(0, 0, 32, 32), {"0.0"}),
        (Box(31, 0, 33, 32), {"0.0", "0.1"}),
        (Box(64, 96, 80, 100), {"3.2"}),
        # beyond the edges there is nothing
        (Box(-40, -40, 1, 1), {"0.0"}),
        (Box(70, 90, 200, 200), {"2.2", "3.2"}),
    ],
)
def test_chunks_of_a_window(tmp_path: Path, box: Box, needed: set[str]) -> None:
    assert names(store(tmp_path), (1,), box) == needed


def test_bands_share_chunks(tmp_path: Path) -> None:
    chunks = store(tmp_path, bands=3)
    box = Box(0, 0, 10, 10)
    assert names(chunks, (1, 2), box) == {"0.0.0"}
    assert names(chunks, (3,), box) == {"1.0.0"}
    assert names(chunks, (1, 3), box) == {"0.0.0", "1.0.0"}


def test_a_slice_has_its_place_in_its_name(tmp_path: Path) -> None:
    layout = ChunkLayout(tmp_path, (4, 6, 100, 80), (1, 2, 32, 32), "c/", "/", "", 1)
    chunks = NeededChunks("p", "/s/a.zarr/a/zarr.json", layout, (3, 5))
    assert names(chunks, (1,), Box(0, 0, 1, 1)) == {"c/3/2/0/0"}


def test_what_is_not_understood_is_read_without_looking(tmp_path: Path) -> None:
    store(tmp_path)
    path = tmp_path / "a.zarr"
    assert NeededChunks.of(str(path), (80, 100)) is None
    assert NeededChunks.of(str(write_raster(tmp_path / "a.tif", texture())), (640, 640)) is None


def test_missing_chunks_are_nodata_and_links_that_lead_nowhere_are_not(tmp_path: Path) -> None:
    chunks, box = store(tmp_path), Box(0, 0, 64, 64)
    chunk = tmp_path / "a.zarr" / "a" / "1.1"
    chunk.unlink()
    chunks.check((1,), box)
    chunk.symlink_to(tmp_path / "nothing")
    with pytest.raises(OSError, match=r"1.1' is a link that leads nowhere"):
        chunks.check((1,), box)
    chunks.check((1,), Box(0, 0, 32, 32))
    shutil.rmtree(tmp_path / "a.zarr")
    with pytest.raises(OSError, match="was removed meanwhile"):
        chunks.check((1,), box)


def test_the_last_descriptors_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = store(tmp_path)
    monkeypatch.setattr("resource.getrlimit", lambda _: (20, 20))
    with pytest.raises(OSError, match="Too many open files") as caught:
        chunks.check((1,), Box(0, 0, 32, 32))
    assert caught.value.errno == errno.EMFILE
    monkeypatch.setattr("resource.getrlimit", lambda _: (10**6, 10**6))
    chunks.check((1,), Box(0, 0, 32, 32))


def test_where_a_warped_window_comes_from(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.tif", texture()))
    # its pixels are twice as large, and it begins at column 4 and row 8 of the source
    grid = PixelGrid(300000 + 120, 6000000 - 240, 60, 60, 200, 200, source.grid.crs)
    plan = plan_warp(source, grid, "average")
    at = -plan.offset[0]
    assert plan.offset == (-at, -at)
    found = box_in_source(plan, Box(at, at, at + 10, at + 20))
    # all of columns 4 to 24 and rows 8 to 48, and no more than a few beside them
    assert 4 - 8 <= found.left < 4
    assert 8 - 8 <= found.top < 8
    assert 24 < found.right <= 24 + 8
    assert 48 < found.bottom <= 48 + 8
