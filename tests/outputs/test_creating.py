"""Files are created as asked, or refused; and what they have not kept in the end is told."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rasterio

from rios_flows import rioserrors
from rios_flows.formats.format import Wanted
from rios_flows.geometry.grid import PixelGrid
from rios_flows.outputs.choices import Choices, Made
from rios_flows.outputs.fidelity import check_created, check_kept, other_pixels, same_place
from rios_flows.outputs.opening import create_output
from rios_flows.outputs.targets import Target
from rios_flows.reducers.statistics import BandStatistics
from tests.support.rasters import coordinates, write_raster
from tests.support.targets import GRID, output_plan, target, wanted


def create(made: Target, expected: Wanted, path: str | None = None) -> Any:
    return create_output(output_plan(made), made, path or made.path, expected)


def test_a_file_as_asked(tmp_path: Path) -> None:
    made = target(tmp_path / "a.tif", nodata=-9, thematic=True, layer_names=("red", "", "more"))
    with create(made, wanted(bands=2, a="b")) as dataset:
        assert dataset.indexes is dataset.indexes  # remembered
    with rasterio.open(made.path) as dataset:
        assert (dataset.count, dataset.nodatavals) == (2, (-9, -9))
        assert dataset.shape == (100, 200)
        assert dataset.block_shapes[0] == (32, 64)
        assert dataset.descriptions == ("red", None)
        assert [dataset.tags(band)["LAYER_TYPE"] for band in (1, 2)] == ["thematic"] * 2
        assert dataset.tags()["a"] == "b"


@pytest.mark.parametrize(
    ("options", "expected", "error", "words"),
    [
        (
            {"layer_names": ("red",)},
            wanted(bands=2),
            rioserrors.ParameterError,
            "has 2 bands, and 1 name was given",
        ),
        (
            {"creation_options": ("COMPRESS=JPEG",)},
            wanted("int32"),
            rioserrors.ImageOpenError,
            "GTiff with COMPRESS=JPEG cannot hold 1 band(s) of int32",
        ),
        (
            {"driver": "PCRaster"},
            wanted("int16", 3),
            rioserrors.ImageOpenError,
            "Unable to create 'a.tif' (output 'a') as PCRaster of 3 bands of int16",
        ),
    ],
)
def test_what_is_refused(
    tmp_path: Path,
    options: dict[str, Any],
    expected: Wanted,
    error: type[Exception],
    words: str,
) -> None:
    with pytest.raises(error) as caught:
        create(target(**options), expected, str(tmp_path / "a.tif"))
    assert words in str(caught.value)


def written(folder: Path, dtype: str = "int16", bands: int = 1, **more: Any) -> Path:
    return write_raster(folder / "b.tif", coordinates(bands, 100, 200, dtype), **more)


def test_a_driver_that_makes_something_else(tmp_path: Path) -> None:
    with rasterio.open(written(tmp_path, bands=2), "r+") as dataset:
        check_created(target(), dataset, wanted(bands=2))
        check_created(target(), dataset, wanted("uint8", 2))
        with pytest.raises(rioserrors.ImageOpenError, match="makes 2 bands in place of 3; use ano"):
            check_created(target(), dataset, wanted(bands=3))
        with pytest.raises(rioserrors.TypeConversionError, match="would make int16 of it"):
            check_created(target(), dataset, wanted("float32", 2))


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (wanted(), None),
        (wanted("uint8"), None),
        (wanted("int32"), "int16 of int32"),
        (wanted(bands=3), "1 bands in place of 3"),
        (
            wanted()._replace(grid=PixelGrid(0, 0, 1, 1, 20, 30)),
            "100 rows x 200 columns in place of 30 x 20",
        ),
    ],
)
def test_pixels_that_are_others(tmp_path: Path, expected: Wanted, words: str | None) -> None:
    with rasterio.open(written(tmp_path)) as dataset:
        assert other_pixels(dataset, expected) == words


@pytest.mark.parametrize(("shift", "same"), [(0, True), (0.2, True), (0.4, False), (-30, False)])
def test_the_place_of_pixels(tmp_path: Path, shift: float, same: bool) -> None:
    # a hundredth of 30 m is 0.3 m
    with rasterio.open(written(tmp_path)) as dataset:
        assert same_place(dataset, replace(GRID, xmin=GRID.xmin + shift)) is same
        assert same_place(dataset, replace(GRID, yres=30 + shift / 100)) is same


def kept(
    made: Target,
    path: Path,
    caplog: pytest.LogCaptureFixture,
    expected: Wanted | None = None,
    measured: bool = False,
    changed: bool = False,
) -> list[str]:
    caplog.clear()
    chosen = Choices(True, False, (), "NEAREST", True, False, False)
    bands = [BandStatistics(9, 9, 1, 2, 1.5, 0.5, None)] if measured else []
    with caplog.at_level(logging.WARNING):
        check_kept(made, str(path), Made(expected or wanted(), chosen, bands, changed))
    return caplog.messages


def test_what_a_format_has_not_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    faithless = target("a.dat", driver="ENVI", nodata=5)
    path = written(tmp_path, nodata=5)
    assert kept(faithless, path, caplog) == []
    colored = target("a.dat", driver="ENVI", nodata=5, thematic=True, color_table="rainbow")
    [told] = kept(colored, path, caplog, measured=True)
    assert told == "Output 'a' ('a.dat'): ENVI has not kept the colour table, the statistics"
    # the caller's function may have removed statistics
    assert kept(faithless, path, caplog, measured=True, changed=True) == []
    (tmp_path / "other").mkdir()
    path = written(tmp_path / "other", crs=None, offset=(1, 0), nodata=6)
    [told] = kept(faithless, path, caplog)
    assert "the CRS, the position of its pixels, the nodata value 5, which reads as 6.0" in told
    # this one says so itself
    assert kept(target(nodata=5), path, caplog) == []


def test_other_pixels_are_no_small_matter(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    faithless = target("a.dat", driver="ENVI", nodata=5)
    with pytest.raises(
        rioserrors.ImageWriteError, match="ENVI has made 1 bands in place of 2; cal"
    ):
        kept(faithless, written(tmp_path), caplog, expected=wanted(bands=2))
    [told] = kept(faithless, tmp_path / "nothing", caplog)
    assert "cannot be opened as ENVI by that name" in told
