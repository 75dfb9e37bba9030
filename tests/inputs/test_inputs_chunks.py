"""A chunk of a Zarr store that cannot be opened is an error; one that is not there is nodata."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import engine, rioserrors
from rios_flows.basics.defaults import BOUNDS_FROM_REFERENCE
from rios_flows.controls.controls import ApplierControls
from rios_flows.gdal.private import GDAL
from rios_flows.structures import FilenameAssociations
from tests.support.rasters import RES, Array, read_raster, write_raster
from tests.support.stores import Store, serving

SIZE, CHUNK = 96, 32

NOWHERE = "/nowhere/at/all"


def write_store(path: Path, bands: int = 1, **options: Any) -> Array:
    """Write a store of chunks of 32 x 32, or of those of two bands; no pixel is 0."""
    pixels = np.random.default_rng(1).integers(1, 60000, (bands, SIZE, SIZE)).astype("uint16")
    chunk = f"{CHUNK},{CHUNK}" if bands == 1 else f"2,{CHUNK},{CHUNK}"
    write_raster(path, pixels, driver="Zarr", blocksize=chunk, **options)
    return pixels


class Copy:
    """A job that copies a store."""

    def __init__(self, folder: Path, path: Path | str) -> None:
        self.infiles, self.outfiles = FilenameAssociations(), FilenameAssociations()
        self.infiles.image, self.outfiles.result = path, folder / "out.tif"
        self.controls = ApplierControls()
        self.controls.setWindowSize(CHUNK, CHUNK)
        self.controls.setBlockRetries(io=1, delay=0)

    def run(self, meanwhile: Callable[[], object] = lambda: None) -> Array:
        """Run it; something happens when two blocks have been read."""
        todo = iter([lambda: None, meanwhile])

        def function(info: Any, inputs: Any, outputs: Any) -> None:
            outputs.result = inputs.image
            next(todo, lambda: None)()

        engine.apply(function, self.infiles, self.outfiles, controls=self.controls)
        return read_raster(Path(self.outfiles.result))


def chunk_at(path: Path, *numbers: int) -> Path:
    """Return the file of a chunk."""
    old = path / path.stem / ".".join(map(str, numbers))
    return old if old.exists() else path.joinpath(path.stem, "c", *map(str, numbers))


def lead_nowhere(chunk: Path) -> None:
    chunk.unlink()
    chunk.symlink_to(NOWHERE)


@pytest.mark.parametrize("form", ["ZARR_V2", "ZARR_V3"])
def test_a_link_that_leads_nowhere(tmp_path: Path, form: str) -> None:
    pixels = write_store(tmp_path / "a.zarr", FORMAT=form)
    job = Copy(tmp_path, tmp_path / "a.zarr")
    np.testing.assert_array_equal(job.run(), pixels)
    chunk = chunk_at(tmp_path / "a.zarr", 1, 2)
    chunk.unlink()
    pixels[:, 32:64, 64:] = 0  # so stores leave out what is nothing but nodata
    np.testing.assert_array_equal(job.run(), pixels)
    chunk.symlink_to(NOWHERE)
    with pytest.raises(rioserrors.ImageReadError, match=r"row 1, column 2.* leads nowhere"):
        job.run()


@pytest.mark.parametrize(
    ("bands", "wrong"), [([1, 2], False), ([3], True), ([1, 4], True), ([2, 1], False)]
)
def test_a_chunk_of_some_bands(tmp_path: Path, bands: list[int], wrong: bool) -> None:
    pixels = write_store(tmp_path / "a.zarr", bands=4)
    lead_nowhere(chunk_at(tmp_path / "a.zarr", 1, 1, 1))
    job = Copy(tmp_path, tmp_path / "a.zarr")
    job.controls.selectInputImageLayers(bands)
    if wrong:
        with pytest.raises(rioserrors.ImageReadError, match="leads nowhere"):
            job.run()
    else:
        np.testing.assert_array_equal(job.run(), pixels[[band - 1 for band in bands]])


@pytest.mark.parametrize(("chunk", "wrong"), [((2, 2), True), ((1, 1), True), ((0, 2), False)])
def test_a_store_that_is_warped(tmp_path: Path, chunk: tuple[int, int], wrong: bool) -> None:
    """The grid is the lower right of the store, half a pixel further, and in another CRS."""
    write_store(tmp_path / "a.zarr")
    lead_nowhere(chunk_at(tmp_path / "a.zarr", *chunk))
    job = Copy(tmp_path, tmp_path / "a.zarr")
    grid = np.zeros((1, 40, 40), "uint8")
    job.infiles.grid = write_raster(tmp_path / "g.tif", grid, offset=(50, 50), res=RES * 1.001)
    job.controls.setReferenceImage(str(tmp_path / "g.tif"))
    job.controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    job.controls.setResampleMethod("cubic")
    if wrong:
        with pytest.raises(rioserrors.ImageReadError, match="leads nowhere"):
            job.run()
    else:
        job.run()


def test_a_store_that_is_removed_meanwhile(tmp_path: Path) -> None:
    write_store(tmp_path / "a.zarr")
    job = Copy(tmp_path, tmp_path / "a.zarr")
    with pytest.raises(rioserrors.ImageReadError):
        job.run(lambda: shutil.rmtree(tmp_path / "a.zarr"))


def test_no_descriptors_left(tmp_path: Path) -> None:
    write_store(tmp_path / "a.zarr")
    job = Copy(tmp_path, tmp_path / "a.zarr")
    job.controls.setBlockRetries(io=0)
    taken: list[int] = []

    def take_all() -> None:
        while True:
            try:
                taken.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                return

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    handle = os.open(os.devnull, os.O_RDONLY)
    os.close(handle)
    resource.setrlimit(resource.RLIMIT_NOFILE, (handle + 200, before[1]))
    try:
        with pytest.raises(rioserrors.ImageReadError, match="Too many open files"):
            job.run(take_all)
    finally:
        for number in taken:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "files").mkdir()
    with serving(tmp_path / "files") as store:
        yield store
    GDAL.VSICurlClearCache()


class Refusing:
    """Has a store answer with a code where a path ends so, as often as is said."""

    def __init__(self, store: Store, end: str, code: int, times: int) -> None:
        self._real, self._end, self._code, self.left = store.respond, end, code, times
        store.respond = self  # type: ignore[method-assign]

    def __call__(self, path: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        if path.endswith(self._end) and self.left > 0:
            self.left -= 1
            return self._code, {}, b""
        return self._real(path, wanted)


def remote(tmp_path: Path, store: Store) -> tuple[Copy, Array]:
    pixels = write_store(tmp_path / "files" / "a.zarr")
    return Copy(tmp_path, f'ZARR:"/vsicurl/http://{store.address}/a.zarr"'), pixels


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_store_that_is_busy_for_a_moment(tmp_path: Path, store: Store, code: int) -> None:
    job, pixels = remote(tmp_path, store)
    refusing = Refusing(store, "/1.2", code, times=1)
    np.testing.assert_array_equal(job.run(), pixels)
    assert refusing.left == 0


def test_a_store_that_is_busy_for_long(tmp_path: Path, store: Store) -> None:
    job, _ = remote(tmp_path, store)
    Refusing(store, "/1.2", 503, times=1000)
    with pytest.raises(
        rioserrors.ImageReadError, match=r"row 1, column 2.*1\.2' was not sent.*503"
    ):
        job.run()


def test_a_chunk_that_a_store_has_not(tmp_path: Path, store: Store) -> None:
    job, pixels = remote(tmp_path, store)
    chunk_at(tmp_path / "files" / "a.zarr", 1, 2).unlink()
    pixels[:, 32:64, 64:] = 0
    np.testing.assert_array_equal(job.run(), pixels)
    asked = [request for request in store.requests if request.path.endswith("/1.2")]
    assert [request.method for request in asked] == ["GET", "HEAD"]


def test_a_store_that_refuses_what_is_missing(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """So does S3 where one may not list files."""
    job, pixels = remote(tmp_path, store)
    Refusing(store, "/1.2", 403, times=1000)
    pixels[:, 32:64, 64:] = 0
    np.testing.assert_array_equal(job.run(), pixels)
    assert "1.2' is treated as missing: the store refuses it (403)" in caplog.text


def test_a_key_that_has_run_out(tmp_path: Path, store: Store) -> None:
    job, _ = remote(tmp_path, store)
    job.controls.setBlockRetries(io=0)
    with pytest.raises(rioserrors.ImageReadError, match="403"):
        job.run(lambda: Refusing(store, "", 403, times=1000))
