"""What GDAL could not write is an error when the file is closed."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from rios_flows.gdal import losses
from rios_flows.gdal.closing import copy_written, failures_raised, settle
from rios_flows.gdal.manybands import with_many_bands
from rios_flows.gdal.private import GDAL, IO_ERRORS
from rios_flows.gdal.updating import reopened, updating
from tests.support.rasters import CRS, coordinates, read_raster, write_raster

#: Of GDAL: a warning and a failure.
WARNING, FAILURE = 2, 3


def say(severity: int, text: str) -> None:
    """Have GDAL say something."""
    GDAL.CPLError(ctypes.c_int(severity), ctypes.c_int(1), b"%s", text.encode())


def test_failures_that_gdal_only_logs() -> None:
    def fail() -> None:
        with failures_raised():
            say(WARNING, "a warning")
            say(FAILURE, "the first")
            say(FAILURE, "the second")

    with pytest.raises(OSError, match=r"^the first"):
        fail()
    # outside of it nobody hears
    say(WARNING, "a warning")


@pytest.mark.parametrize(
    ("severity", "text", "lost"),
    [
        (WARNING, "Unable to save auxiliary information in a.aux.xml", True),
        (WARNING, "anything", False),
        (FAILURE, "Too large for int: 3000000000", False),
    ],
)
def test_which_words_tell_of_a_loss(severity: int, text: str, lost: bool) -> None:
    heard = []
    try:
        with failures_raised():
            say(severity, text)
    except OSError as error:
        heard.append(str(error))
    assert bool(heard) is lost


def test_a_failure_without_a_reason() -> None:
    with pytest.raises(OSError, match="GDAL has failed, and not said why"), failures_raised():
        raise SystemError("returned NULL without setting an error")


def test_a_copy_and_one_that_cannot_be_made(tmp_path: Path) -> None:
    pixels = coordinates(1, 20, 30, "int16")
    path = str(write_raster(tmp_path / "a.tif", pixels))
    copy_written(path, str(tmp_path / "b.tif"), "GTiff", COMPRESS="LZW")
    np.testing.assert_array_equal(read_raster(tmp_path / "b.tif"), pixels)
    with pytest.raises(IO_ERRORS, match="No such file or directory"):
        copy_written(path, str(tmp_path / "no" / "b.tif"), "GTiff")


def test_the_beginning_of_a_new_file_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w+", "GTiff", 64, 64, 1, CRS, from_origin(9, 9, 1, 1), "uint8"
    ) as dataset:
        settle(dataset)
        assert path.stat().st_size > 0
    with rasterio.open(path, "r+") as dataset:
        # nothing to do in another mode
        settle(dataset)


def test_a_file_is_opened_again_and_changed(tmp_path: Path) -> None:
    path = str(write_raster(tmp_path / "a.tif", coordinates(1, 20, 30, "uint8")))
    with updating(path) as dataset:
        dataset.update_tags(a="1")
    assert dataset.closed
    with pytest.raises(ValueError, match="own"), updating(path) as dataset:
        raise ValueError("own")
    assert dataset.closed
    with rasterio.open(path) as dataset:
        assert dataset.tags()["a"] == "1"
    (tmp_path / "b.tif").write_text("no raster")
    with pytest.raises(OSError, match=r"b.tif"):
        reopened(str(tmp_path / "b.tif"))


def test_pixels_that_libtiff_lost_are_counted_by_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    before = losses.losses()
    losses.check_losses(before)
    monkeypatch.setattr(losses._losses, "number", before + 1, raising=False)
    assert losses.losses() == before + 1
    with pytest.raises(OSError, match="Write error: a part of the file is missing"):
        losses.check_losses(before)
    losses.check_losses(before + 1)


def test_bands_are_listed_once(tmp_path: Path) -> None:
    pixels = coordinates(3, 20, 30, "uint8")
    path = write_raster(tmp_path / "a.tif", pixels)
    with rasterio.open(path, "r+") as plain:
        dataset = with_many_bands(plain)
        assert dataset is plain
        assert list(dataset.indexes) == [1, 2, 3]
        assert dataset.dtypes == ("uint8",) * 3
        # rasterio makes a new list each time
        assert dataset.indexes is dataset.indexes
        assert dataset.dtypes is dataset.dtypes
        dataset.write(pixels + 1)
    np.testing.assert_array_equal(read_raster(path), pixels + 1)
