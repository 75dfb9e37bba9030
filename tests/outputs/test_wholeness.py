"""A finished output is looked at before it gets its final name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling

from rios_flows import rioserrors
from rios_flows.formats.tiffblocks import check_tiff, tiff_directories
from rios_flows.formats.witness import Checksums
from rios_flows.formats.zarrchunks import FilledChunks
from rios_flows.geometry.grid import BlockGrid
from tests.support.copies import Copy
from tests.support.jobs import SmallJob, double
from tests.support.rasters import Array, coordinates, read_raster, write_raster

PIXELS = coordinates(2, 200, 300, "int16")

#: Ways to store a GTiff.
LAYOUTS: dict[str, dict[str, Any]] = {
    "strips": {},
    "tiles": {"tiled": True, "blockxsize": 64, "blockysize": 32, "compress": "deflate"},
    "bands apart": {"interleave": "band", "compress": "deflate", "blockysize": 7},
    "big": {"bigtiff": "yes", "tiled": True, "blockxsize": 64, "blockysize": 64},
    "most significant first": {"endianness": "big", "tiled": True},
    "one block": {"blockysize": 200, "interleave": "pixel", "compress": "lzw"},
}


def tiff(folder: Path, layout: str, levels: tuple[int, ...] = (2, 4)) -> Path:
    path = write_raster(folder / "x.tif", PIXELS, **LAYOUTS[layout])
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews(levels, Resampling.nearest)
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
def test_blocks_lie_where_gdal_says(tmp_path: Path, layout: str) -> None:
    path = tiff(tmp_path, layout)
    (first, length), *others = tiff_directories(str(path))
    assert length == path.stat().st_size
    assert [found.overview for found, _ in others] == [True, True]
    known = []
    with rasterio.open(path) as dataset:
        together = dataset.interleaving.value == "PIXEL"
        for band in dataset.indexes[:1] if together else dataset.indexes:
            for (row, col), _ in dataset.block_windows(band):
                where = [
                    dataset.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=band)
                    for what in ("OFFSET", "SIZE")
                ]
                known.append([int(value) for value in where])
    assert np.stack([first.offsets, first.sizes], 1).tolist() == known
    assert [image.overview for image in check_tiff(str(path), sparse=False)] == [False, True, True]
    assert first.shape == (2, 200, 300)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_tiff_that_ends_too_early(tmp_path: Path, layout: str) -> None:
    path = tiff(tmp_path, layout)
    ends = [int((found.offsets + found.sizes).max()) for found, _ in tiff_directories(str(path))]
    os.truncate(path, max(ends) - 1)
    with pytest.raises(OSError, match=r"beyond the end of the file|middle of a directory"):
        check_tiff(str(path), sparse=False)
    for length in (0, 4, 9, 100):
        os.truncate(path, length)
        with pytest.raises(OSError, match=r"begin as a TIFF|middle of a directory"):
            check_tiff(str(path), sparse=False)


def test_a_tiff_that_lacks_blocks(tmp_path: Path) -> None:
    sparse = write_raster(
        tmp_path / "x.tif", np.zeros((1, 300, 300), "uint8"), tiled=True, sparse_ok=True
    )
    assert len(check_tiff(str(sparse), sparse=True)) == 1
    with pytest.raises(OSError, match="4 of 4 blocks are not there"):
        check_tiff(str(sparse), sparse=False)


@pytest.fixture
def job(tmp_path: Path) -> SmallJob:
    return SmallJob(tmp_path)


def remove(dataset: Any) -> None:
    os.remove(dataset.name)


def replace(dataset: Any) -> None:
    os.remove(dataset.name)
    write_raster(Path(dataset.name), np.zeros((1, 5, 5), "int32"))


@pytest.mark.parametrize(("callback", "told"), [(remove, "removed while"), (replace, "5 rows x")])
def test_the_file_is_removed_before_it_is_closed(
    job: SmallJob, callback: Callable[..., None], told: str
) -> None:
    job.controls.setCallBeforeClose(callback, ())
    with pytest.raises(rioserrors.ImageWriteError, match=rf"out\.tif'.*'result'.*{told}"):
        job.run()
    assert job.files() == job.before


@pytest.mark.parametrize("driver", ["GTiff", "HFA", "COG", "Zarr"])
@pytest.mark.parametrize("what", ["new", "."])
@pytest.mark.parametrize("block", [(0, 0), (2, 3)])
def test_somebody_removes_what_grows(
    job: SmallJob, driver: str, what: str, block: tuple[int, int]
) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        double(info, inputs, outputs)
        if (info.yblock, info.xblock) == block:
            shutil.rmtree(job.folder / ".out.tif.rios_flows" / what)

    job.controls.setOutputDriverName(driver)
    with pytest.raises((rioserrors.ImageWriteError, rioserrors.ImageOpenError), match="'result'"):
        job.run(function)
    assert job.files() == job.before


@pytest.mark.parametrize("last", [True, False])
def test_what_a_file_lacks(job: SmallJob, monkeypatch: pytest.MonkeyPatch, last: bool) -> None:
    def without(*arguments: Any, **named: Any) -> None:
        pass

    job.controls.setOverviewMinDim(10)
    job.controls.setSinglePassPyramids(False)
    with monkeypatch.context() as patch:
        where = "statistics.write_band_tags" if last else "pyramids.build_overviews"
        patch.setattr(f"rios_flows.outputs.{where}", lambda *given, **named: True)
        lacks = "statistics of band 1 are not there" if last else "0 of . overviews"
        with pytest.raises(rioserrors.ImageWriteError, match=lacks):
            job.run()
    assert job.files() == job.before
    job.run()


STORES = [["FORMAT=ZARR_V2", f"COMPRESS={name}"] for name in ("BLOSC", "NONE", "ZLIB")]
STORES += [["FORMAT=ZARR_V3", "COMPRESS=NONE"]]


def store(folder: Path, pixels: Array, options: list[str]) -> tuple[FilledChunks, list[Path]]:
    """Make a store; return who saw the pixels, and the files of its chunks."""
    job = Copy(folder, pixels, "x.zarr")
    job.controls.setCreationOptions([*options, "BLOCKSIZE=32,32"])
    job.controls.setStatsIgnore(7)
    job.run()
    seen = FilledChunks(str(job.path), 7)
    for block in BlockGrid(pixels.shape[2], pixels.shape[1], (50, 70)):
        rows = slice(block.top, block.top + block.nrows)
        seen.add(block, pixels[:, rows, block.left : block.left + block.ncols])
    chunks = [
        path
        for path in (job.path / "x").rglob("*")
        if path.is_file() and path.name[0] not in ".z" and path.suffix not in (".json", ".xml")
    ]
    return seen, sorted(chunks)


@pytest.mark.parametrize("options", STORES)
def test_chunks(tmp_path: Path, options: list[str]) -> None:
    pixels = coordinates(1, 100, 90, "int16")
    pixels[0, 32:64, 32:64] = 7  # nothing but nodata: GDAL leaves the chunk out
    seen, chunks = store(tmp_path, pixels, options)
    assert len(chunks) == 11
    seen.finish()
    for chunk in chunks:
        content = chunk.read_bytes()
        for size in (len(content) - 1, 0):
            os.truncate(chunk, size)
            with pytest.raises(OSError, match=r"not whole|[Dd]ecompress"):
                seen.finish()
        chunk.unlink()
        with pytest.raises(OSError, match=f"chunk {chunk.name} is not there"):
            seen.finish()
        chunk.write_bytes(content)
    seen.finish()


def test_checksums(tmp_path: Path) -> None:
    pixels = coordinates(2, 100, 90, "float32")
    pixels[0, 5, 5] = np.nan
    path = write_raster(tmp_path / "x.img", pixels, driver="HFA", compressed="yes")
    seen = Checksums(str(path), np.dtype("float32"))
    for block in BlockGrid(90, 100, (33, 41)):
        rows = slice(block.top, block.top + block.nrows)
        seen.add(block, pixels[:, rows, block.left : block.left + block.ncols])
    seen.finish()
    with rasterio.open(path, "r+") as dataset:
        dataset.write(pixels[:, 50:51, 70:71] + 1, window=((50, 51), (70, 71)))
    with pytest.raises(OSError, match="pixels of rows 41-81, columns 66-89 are not in the file"):
        seen.finish()


def test_a_copy_that_gdal_does_not_explain(job: SmallJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def copy(*arguments: Any, **named: Any) -> None:
        raise SystemError("Unknown GDAL Error")

    monkeypatch.setattr("rasterio.shutil.copy", copy)
    job.controls.setOutputDriverName("COG")
    with pytest.raises(rioserrors.ImageWriteError, match=r"finish '.*out\.tif'.*not said why"):
        job.run()
    assert job.files() == job.before
    assert (read_raster(job.folder / "out.tif") == job.pixels[:, :20, :20]).all()
