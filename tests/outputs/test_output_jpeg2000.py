"""Outputs as JPEG 2000, without loss unless the user asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import rioserrors
from rios_flows.formats.known import format_of
from tests.outputs.test_output_disk import LIMITED, ROOT
from tests.support.copies import Copy
from tests.support.rasters import Array, read_raster
from tests.support.styles import STYLES


def noise(dtype: str, bands: int = 1) -> Array:
    """Return pixels of all values that a type has."""
    limits = np.iinfo(dtype)
    random = np.random.default_rng(3)
    pixels: Array = random.integers(limits.min, limits.max, (bands, 333, 401), dtype, endpoint=True)
    return pixels


def job_of(folder: Path, pixels: Array, options: list[str] | None = None) -> Copy:
    job = Copy(folder, pixels, "out.jp2")
    job.controls.setOutputDriverName("jp2openjpeg")
    job.controls.setCreationOptions(options)
    return job


def valid_mean(pixels: Array) -> float:
    return float(pixels[pixels != 0].mean())


@pytest.mark.parametrize("bands", [1, 3, 4, 7])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_every_pixel_is_kept(tmp_path: Path, dtype: str, bands: int) -> None:
    job = job_of(tmp_path, noise(dtype, bands))
    names = [f"band {number}" for number in range(bands)]
    job.controls.setLayerNames(names)
    job.run(STYLES["threads 2-2"])
    np.testing.assert_array_equal(read_raster(job.path), job.pixels)
    with rasterio.open(job.path) as dataset, rasterio.open(job.infiles.grid) as grid:
        assert dataset.driver == "JP2OpenJPEG"
        assert (dataset.crs, dataset.transform) == (grid.crs, grid.transform)
        assert dataset.nodata == 0
        assert list(dataset.descriptions) == names
    for band in range(bands):
        mean = float(job.tags(band + 1)["STATISTICS_MEAN"])
        assert mean == pytest.approx(valid_mean(job.pixels[band]), rel=1e-12)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {"grid-333-401.tif", "out.jp2", "out.jp2.aux.xml"}


@pytest.mark.parametrize(
    "options",
    [
        ["BLOCKXSIZE=64", "BLOCKYSIZE=128"],
        ["QUALITY=10,100"],
        ["CODEC=J2K"],
        ["REVERSIBLE=YES"],
        ["GEOBOXES_AFTER_JP2C=YES"],
    ],
)
def test_what_does_not_name_a_lower_quality_loses_nothing(
    tmp_path: Path, options: list[str]
) -> None:
    job = job_of(tmp_path, noise("uint8", 3), options)
    rtn = job.run()
    np.testing.assert_array_equal(read_raster(job.path), job.pixels)
    assert rtn.singlePassMgr.doSinglePassStatistics("result")


@pytest.mark.parametrize("options", [["QUALITY=30"], ["REVERSIBLE=NO"], ["QUALITY=20,40"]])
def test_statistics_of_a_lower_quality_are_those_of_the_file(
    tmp_path: Path, options: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    job = job_of(tmp_path, noise("uint8"), options)
    job.run()
    kept = read_raster(job.path)
    assert not np.array_equal(kept, job.pixels)
    assert float(job.tags()["STATISTICS_MEAN"]) == pytest.approx(valid_mean(kept), rel=1e-12)
    assert f"{options[0]} changes pixels" in caplog.text
    job.controls.setSinglePassBasicStats(True)
    with pytest.raises(rioserrors.SinglePassActionsError, match=options[0]):
        job.run()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["NBITS=7"], "NBITS=7 of output 'result' would change its pixels"),
        (["YCBCR420=YES"], "YCBCR420=YES"),
        (["1BIT_ALPHA=on"], "1BIT_ALPHA=on"),
        (["QUALITY=best"], "QUALITY=best .* a number above 0 and up to 100"),
        (["QUALITY=0"], "QUALITY=0"),
        (["QUALITY=50,101"], "QUALITY=50,101"),
    ],
)
def test_options_that_are_refused(tmp_path: Path, options: list[str], words: str) -> None:
    with pytest.raises(rioserrors.ParameterError, match=words):
        job_of(tmp_path, noise("uint8"), options).run()
    assert not (tmp_path / "out.jp2").exists()


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint32", "int64", "float32", "complex64"])
def test_types_that_are_refused(tmp_path: Path, dtype: str) -> None:
    job = job_of(tmp_path, np.ones((1, 20, 30), dtype))
    with pytest.raises(rioserrors.TypeConversionError, match=f"cannot hold {dtype}"):
        job.run()
    assert not job.path.exists()


def test_it_has_overviews_of_its_own(tmp_path: Path) -> None:
    job = job_of(tmp_path, np.full((1, 1025, 1201), 7, "uint8"))
    rtn = job.run()
    assert rtn.singlePassMgr.directPyramidsSupported == {"result": False}
    with rasterio.open(job.path) as dataset:
        assert dataset.overviews(1) == [2, 4, 8]
    job.controls.setSinglePassPyramids(True)
    with pytest.raises(rioserrors.SinglePassActionsError, match="no room for pyramids"):
        job.run()


@pytest.mark.parametrize("shape", [(1, 1), (1, 70), (70, 1)])
def test_small_ones(tmp_path: Path, shape: tuple[int, int]) -> None:
    job = job_of(tmp_path, np.full((2, *shape), -5, "int16"))
    job.run()
    np.testing.assert_array_equal(read_raster(job.path), job.pixels)


def test_classes_have_the_colours_of_a_gtiff(tmp_path: Path) -> None:
    colors = []
    for job in (job_of(tmp_path, noise("uint8") % 9), Copy(tmp_path, noise("uint8") % 9)):
        job.controls.setThematic(True)
        job.controls.setAutoColorTableType("rainbow")
        job.run()
        assert job.tags()["LAYER_TYPE"] == "thematic"
        with rasterio.open(job.path) as dataset:
            colors.append([dataset.colormap(1)[value] for value in range(9)])
    assert colors[0] == colors[1]
    assert len(set(colors[0])) > 5


# GDAL would not tell of a last byte, nor of some more, that did not get onto disk
@pytest.mark.parametrize("missing", [1, 1000])
def test_the_end_does_not_fit(tmp_path: Path, missing: int) -> None:
    env: dict[str, Any] = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LIMITED, str(tmp_path), "out.jp2", "JP2OpenJPEG"]
    subprocess.run([*command, str(2**40)], env=env, check=True, timeout=120)
    size = (tmp_path / "out.jp2").stat().st_size
    (tmp_path / "out.jp2").write_text("the old one")
    command.append(str(size - missing))
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("refused: Unable to"), done.stdout + done.stderr
    assert (tmp_path / "out.jp2").read_text() == "the old one"


@pytest.mark.parametrize("options", [[], ["CODEC=J2K"]])
def test_a_file_that_is_cut_off_is_not_whole(tmp_path: Path, options: list[str]) -> None:
    job = job_of(tmp_path, noise("uint8")[:, :50, :60], options)
    job.run()
    known, whole = format_of("JP2OpenJPEG"), job.path.read_bytes()
    known.check_blocks(str(job.path))
    for length in range(len(whole)):
        job.path.write_bytes(whole[:length])
        with pytest.raises(OSError, match=r"'out\.jp2' is not whole"):
            known.check_blocks(str(job.path))
