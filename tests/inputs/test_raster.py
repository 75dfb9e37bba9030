"""Arrays with a place on the ground, as inputs."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import pytest
from rasterio.transform import from_origin

import rios_flows as rf
from rios_flows import applier, engine, rioserrors
from tests.support.held import GRID, as_it_is, masked_array, raster, transform_of
from tests.support.inputs import UTM
from tests.support.rasters import Array, read_raster


def test_only_what_a_block_needs_is_computed(tmp_path: Path) -> None:
    asked: list[tuple[Any, ...]] = []

    def chunk(block_info: Any) -> Array:
        asked.append(block_info[None]["chunk-location"])
        return np.full(block_info[None]["chunk-shape"], len(asked), "int32")

    make: Any = dask.array.map_blocks
    lazy = make(chunk, chunks=((2,), (50,) * 40, (50,) * 40), dtype="int32",
                                 meta=np.empty((0, 0, 0), "int32"))  # fmt: skip
    image = rf.Raster(lazy, from_origin(0, 2000, 1, 1), "EPSG:32755")
    rf.apply(as_it_is, {"image": image}, tmp_path / "out.tif", bounds=(100, 1800, 250, 1900),
             window=50, workers=2)  # fmt: skip
    # six blocks, both bands of each at once
    assert sorted(asked) == [(0, row, col) for row in (2, 3) for col in (2, 3, 4)]


@pytest.mark.parametrize("reads", [True, False])
def test_processes(reads: bool, tmp_path: Path, pixels: Array) -> None:
    style = rf.ConcurrencyStyle(computeWorkerKind=applier.CW_SUBPROC, numComputeWorkers=1,
                                computeWorkersRead=reads,
                                numReadWorkers=0 if reads else 1)  # fmt: skip
    images = {"one": raster(tmp_path, pixels), "two": masked_array(tmp_path, pixels)}
    rf.apply(lambda one, two: one + two, images, tmp_path / "out.tif", workers=style)
    expected = np.where(pixels == 0, np.nan, 2.0 * pixels)
    np.testing.assert_array_equal(read_raster(tmp_path / "out.tif"), expected)


def test_an_array_travels_only_to_workers_that_read(tmp_path: Path, pixels: Array) -> None:
    infiles, big = applier.FilenameAssociations(), np.zeros((1000, 1000), "float64")
    infiles.one = rf.Raster(big, transform_of(GRID), UTM)
    # masks are asked for where the function runs
    infiles.two = masked_array(tmp_path, pixels)
    plan = engine.prepare(lambda *_: None, infiles, applier.FilenameAssociations()).plan
    assert len(pickle.dumps(plan)) > big.nbytes
    assert pixels.nbytes < len(pickle.dumps(plan.for_reading_elsewhere())) < 4 * pixels.nbytes
    # the very plan where there is nothing to leave out
    infiles = applier.FilenameAssociations()
    infiles.one = GRID.raster(tmp_path / "one.tif", pixels)
    plan = engine.prepare(lambda *_: None, infiles, applier.FilenameAssociations()).plan
    assert plan.for_reading_elsewhere() is plan


def test_an_error_of_the_array_itself_is_told_with_its_place(tmp_path: Path) -> None:
    class Broken:
        shape, dtype, ndim = (80, 70), np.dtype("float32"), 2

        def __getitem__(self, key: Any) -> Any:
            raise RuntimeError("the tape is torn")

    image = rf.Raster(Broken(), from_origin(0, 80, 1, 1), title="tape 7")
    told = r"'tape 7' \(input 'image'\) at block .*RuntimeError: the tape is torn"
    with pytest.raises(rioserrors.ImageReadError, match=told):
        rf.apply(as_it_is, image, tmp_path / "out.tif", workers=1)
    assert not (tmp_path / "out.tif").exists()


@pytest.mark.parametrize(
    ("promised", "given"),
    [(np.dtype("int16"), np.zeros((2, 2), "float64")), (np.dtype("int16"), np.zeros((1, 2), "i2"))],
)
def test_an_array_that_breaks_its_word(promised: Any, given: Any, tmp_path: Path) -> None:
    class Unsteady:
        shape, dtype, ndim = (2, 2), promised, 2

        def __getitem__(self, key: Any) -> Any:
            return given

    with pytest.raises(rioserrors.ImageReadError, match="gave"):
        rf.apply(as_it_is, rf.Raster(Unsteady(), from_origin(0, 2, 1, 1)), tmp_path / "out.tif")


def test_an_interruption_stays_one(tmp_path: Path) -> None:
    class Interrupted:
        shape, dtype, ndim = (2, 2), np.dtype("int16"), 2

        def __getitem__(self, key: Any) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rf.apply(
            as_it_is, rf.Raster(Interrupted(), from_origin(0, 2, 1, 1)), tmp_path / "out.tif",
            workers=1,
        )  # fmt: skip


def test_what_cannot_be_resumed(tmp_path: Path, pixels: Array) -> None:
    with pytest.raises(rioserrors.ParameterError, match=r"setResume: input 'image' is in the mem"):
        rf.apply(as_it_is, raster(tmp_path, pixels), tmp_path / "out.tif", resume=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"transform": (1, 0, 0)}, "first six numbers"),
        ({"transform": (0, 0, 0, 0, -1, 0)}, "pixels no size"),
        ({"crs": "EPSG:nine"}, "is no CRS"),
        ({"nodata": -1}, "nodata=-1 is no uint16"),
        ({"nodata": "0"}, "is no uint16"),
        ({"names": ["a", "b"]}, "has 3 bands, and 2 names"),
        ({"array": [[1]]}, "list is no array"),
        ({"array": np.zeros(3)}, r"has shape \(3,\)"),
        ({"array": np.zeros((2, 2), "U3")}, "there are no pixels of <U3"),
        ({"array": np.zeros((2, 0))}, "none of them 0"),
    ],
)
def test_what_is_no_raster(options: dict[str, Any], words: str, pixels: Array) -> None:
    right = {"array": pixels, "transform": transform_of(GRID), "crs": UTM}
    with pytest.raises(rioserrors.ParameterError, match=words):
        rf.Raster(**{**right, **options})
