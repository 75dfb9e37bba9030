"""Outputs whose options change pixels: all that is told is told of the pixels in the file."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import rioserrors
from tests.support.copies import Copy
from tests.support.rasters import Array, read_raster

#: Driver, creation options, type of pixels and number of bands.
LOSSY = [
    ("GTiff", ["COMPRESS=JPEG", "TILED=YES"], "uint8", 1),
    ("GTiff", ["COMPRESS=JPEG", "TILED=YES", "INTERLEAVE=PIXEL", "PHOTOMETRIC=YCBCR"], "uint8", 3),
    ("GTiff", ["COMPRESS=WEBP", "TILED=YES", "INTERLEAVE=PIXEL"], "uint8", 3),
    ("GTiff", ["COMPRESS=LERC", "MAX_Z_ERROR=5", "TILED=YES"], "int16", 2),
    ("GTiff", ["COMPRESS=LERC_ZSTD", "MAX_Z_ERROR=0.3", "TILED=YES"], "float32", 1),
    ("GTiff", ["DISCARD_LSB=3", "TILED=YES"], "uint16", 2),
    ("GTiff", ["NBITS=16", "TILED=YES"], "float32", 2),
    ("COG", ["COMPRESS=JPEG"], "uint8", 1),
    ("COG", ["COMPRESS=WEBP"], "uint8", 3),
    ("COG", ["COMPRESS=LERC", "MAX_Z_ERROR=5"], "int16", 2),
    ("COG", ["NBITS=16"], "float32", 1),
    ("MRF", ["COMPRESS=LERC"], "float32", 1),
    ("PCIDSK", ["COMPRESSION=JPEG", "INTERLEAVING=TILED"], "uint8", 1),
]
LOSSLESS = [
    ("GTiff", ["COMPRESS=LERC", "TILED=YES"], "float32"),
    ("GTiff", ["COMPRESS=LERC", "MAX_Z_ERROR=0.9", "TILED=YES"], "int16"),
    ("GTiff", ["COMPRESS=WEBP", "WEBP_LOSSLESS=YES", "TILED=YES", "INTERLEAVE=PIXEL"], "uint8"),
    ("GTiff", ["COMPRESS=DEFLATE", "MAX_Z_ERROR=5", "TILED=YES"], "float32"),
    ("GTiff", ["NBITS=24", "TILED=YES"], "float32"),
    ("GTiff", ["NBITS=12", "TILED=YES"], "uint16"),
    ("COG", ["COMPRESS=WEBP", "QUALITY=100"], "uint8"),
    ("COG", ["COMPRESS=LERC"], "float32"),
    ("HFA", ["NBITS=3"], "uint8"),
]
NAMES = {
    "GTiff": "o.tif", "COG": "o.tif", "MRF": "o.mrf", "PCIDSK": "o.pix", "HFA": "o.img"
}  # fmt: skip


def copy(folder: Path, pixels: Array, driver: str, options: list[str]) -> Copy:
    job = Copy(folder, pixels, NAMES[driver])
    job.controls.setOutputDriverName(driver)
    job.controls.setCreationOptions(options)
    job.controls.setStatsIgnore(None)
    job.controls.setOverviewLevels([4])
    job.controls.setOverviewMinDim(10)
    return job


def scene(dtype: str, bands: int) -> Array:
    rng = np.random.default_rng(5)
    high = 250 if dtype == "uint8" else 4000
    return (rng.random((bands, 150, 170)) * high).astype(dtype)


def tile_means(pixels: Array) -> Array:
    """Return the means of 4 x 4 pixels, where these are whole."""
    _, rows, cols = (side // 4 * 4 for side in pixels.shape)
    whole = pixels[:, :rows, :cols].astype("float64")
    means: Array = whole.reshape(len(pixels), rows // 4, 4, cols // 4, 4).mean(axis=(2, 4))
    return means


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(("driver", "options", "dtype", "bands"), LOSSY)
def test_statistics_are_those_of_the_file(
    tmp_path: Path, driver: str, options: list[str], dtype: str, bands: int, exact: bool
) -> None:
    job = copy(tmp_path, scene(dtype, bands), driver, options)
    job.controls.setExactHistogram(exact)
    done = job.run()
    assert not done.singlePassMgr.doSinglePassStatistics("result")
    assert not done.singlePassMgr.doSinglePassHistogram("result")
    assert not done.singlePassMgr.doSinglePassPyramids("result")
    pixels = read_raster(job.path)
    assert (pixels != job.pixels).any()
    for number, band in enumerate(pixels.astype("float64"), 1):
        tags = job.tags(number)
        told = [float(tags[f"STATISTICS_{name}"]) for name in ("MINIMUM", "MAXIMUM", "MEAN")]
        assert told == pytest.approx([band.min(), band.max(), band.mean()], rel=1e-12)
        assert float(tags["STATISTICS_STDDEV"]) == pytest.approx(band.std(), rel=1e-9)
        counts = [int(count) for count in tags["STATISTICS_HISTOBINVALUES"].split("|")[:-1]]
        assert sum(counts) == band.size
        if dtype == "uint8":
            low, high = int(tags["STATISTICS_HISTOMIN"]), int(tags["STATISTICS_HISTOMAX"])
            wanted = np.bincount(band.astype(int).ravel(), minlength=256)[low : high + 1]
            assert counts == wanted.tolist()
    assert not list(tmp_path.glob("*.own*"))


@pytest.mark.parametrize(("driver", "options", "dtype"), LOSSLESS)
def test_lossless_ones_are_done_in_the_single_pass(
    tmp_path: Path, driver: str, options: list[str], dtype: str
) -> None:
    job = copy(tmp_path, scene(dtype, 3), driver, options)
    done = job.run()
    assert done.singlePassMgr.doSinglePassStatistics("result")
    assert done.singlePassMgr.doSinglePassPyramids("result")
    np.testing.assert_array_equal(read_raster(job.path), job.pixels)


@pytest.mark.parametrize("driver", ["GTiff", "COG"])
def test_overviews_are_those_of_the_file(tmp_path: Path, driver: str) -> None:
    # 16 bits keep steps of 0.5 here: of these pixels, but not of what is in the file, the mean of
    # a cell is above 1000.5
    pixels = np.full((1, 128, 192), 1000.49, "float32")
    pixels[:, :, 3::4] += 1
    job = copy(tmp_path, pixels, driver, ["NBITS=16"])
    job.controls.setOverviewAggregationType("AVERAGE")
    job.run()
    (overview,) = job.overviews()
    assert set(np.unique(read_raster(job.path))) == {1000.0, 1001.0}
    assert set(np.unique(overview)) == {1000.0}


@pytest.mark.parametrize(("driver", "method"), [("GTiff", "NEAREST"), ("COG", "CUBIC")])
def test_overviews_are_near_the_pixels(tmp_path: Path, driver: str, method: str) -> None:
    rows, cols = np.mgrid[:200, :240]
    pixels = (rows / 2 + cols / 2).astype("uint8")[np.newaxis]
    job = copy(tmp_path, pixels, driver, ["COMPRESS=JPEG"])
    job.controls.setOverviewAggregationType(method)
    job.run()
    (overview,) = job.overviews()
    off = np.abs(overview - tile_means(read_raster(job.path)))
    assert off.max() < 8


def test_a_lossy_copy_is_what_it_would_be_without_extras(tmp_path: Path) -> None:
    pixels = scene("uint8", 1)
    found = []
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
        job = copy(tmp_path / name, pixels, "COG", ["COMPRESS=JPEG"])
        if name == "without":
            job.controls.setOmitBasicStats(True)
            job.controls.setOmitHistogram(True)
            job.controls.setOmitPyramids(True)
        job.run()
        found.append(read_raster(job.path))
    np.testing.assert_array_equal(found[0], found[1])


def test_what_stands_in_the_file_before_it_is_copied(tmp_path: Path) -> None:
    job = copy(tmp_path, scene("uint8", 1), "COG", ["COMPRESS=JPEG"])
    seen = []
    job.controls.setCallBeforeClose(lambda dataset: seen.append(dataset.read()))
    job.run()
    np.testing.assert_array_equal(seen[0], job.pixels)


def test_approximate_statistics_are_those_of_the_file(tmp_path: Path) -> None:
    job = copy(tmp_path, scene("uint8", 1), "COG", ["COMPRESS=JPEG"])
    job.controls.setApproxStats(True)
    job.run()
    pixels = read_raster(job.path)
    assert float(job.tags()["STATISTICS_MEAN"]) == pytest.approx(pixels.mean())


@pytest.mark.parametrize("control", ["BasicStats", "Histogram", "Pyramids"])
def test_a_single_pass_cannot_be_insisted_on(tmp_path: Path, control: str) -> None:
    job = copy(tmp_path, scene("uint8", 1), "COG", ["COMPRESS=JPEG"])
    getattr(job.controls, f"setSinglePass{control}")(True)
    with pytest.raises(rioserrors.SinglePassActionsError, match=f"{control}.*COMPRESS=JPEG"):
        job.run()


@pytest.mark.parametrize(
    ("driver", "option", "dtype", "fits", "beyond"),
    [
        ("GTiff", "NBITS=4", "uint8", 15, 16),
        ("GTiff", "NBITS=1", "uint8", 1, 2),
        ("GTiff", "NBITS=12", "uint16", 4095, 4096),
        # GDAL makes 9 of it
        ("GTiff", "NBITS=4", "uint16", 511, 512),
        ("GTiff", "NBITS=24", "uint32", 2**24 - 1, 2**24),
        ("GTiff", "NBITS=16", "float32", -65504.0, -65536.0),
        ("COG", "NBITS=4", "uint8", 15, 16),
        ("COG", "NBITS=16", "float32", 65504.0, 1e9),
        ("HFA", "NBITS=4", "uint8", 15, 255),
        ("HFA", "NBITS=2", "uint8", 3, 4),
        ("MRF", "COMPRESS=JPEG", "uint16", 4095, 4096),
    ],
)
def test_values_that_do_not_fit(
    tmp_path: Path, driver: str, option: str, dtype: str, fits: float, beyond: float
) -> None:
    pixels = np.ones((1, 150, 170), dtype)
    if dtype == "float32":
        pixels[0, 2, :2] = np.nan, np.inf
    pixels[0, 70, 140] = fits
    job = copy(tmp_path, pixels, driver, [option])
    job.run()
    if driver != "MRF":
        np.testing.assert_array_equal(read_raster(job.path), pixels)
    before = job.path.read_bytes()
    pixels[0, 70, 140] = beyond
    with pytest.raises(rioserrors.TypeConversionError) as caught:
        job.run()
    value = pixels[0, 70, 140].item()
    for word in ("'result'", "block row 1, column 2", f"a pixel of {value},", option, "clip"):
        assert word in str(caught.value)
    assert job.path.read_bytes() == before


@pytest.mark.parametrize(
    ("driver", "option", "dtype", "nodata"),
    [
        ("GTiff", "NBITS=16", "float32", -9999),
        ("GTiff", "NBITS=16", "float32", 100000),
    ],
)
def test_nodata_values_that_would_become_others(
    tmp_path: Path, driver: str, option: str, dtype: str, nodata: float
) -> None:
    job = copy(tmp_path, np.ones((1, 70, 80), dtype), driver, [option])
    job.controls.setStatsIgnore(nodata)
    with pytest.raises(rioserrors.ParameterError, match=rf"setStatsIgnore.*{option}.*{nodata}"):
        job.run()


@pytest.mark.parametrize(("driver", "nodata"), [("GTiff", 255), ("COG", 16), ("HFA", 16)])
def test_nodata_values_beyond_the_bits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, driver: str, nodata: int
) -> None:
    job = copy(tmp_path, np.ones((1, 70, 80), "uint8"), driver, ["NBITS=4"])
    job.controls.setStatsIgnore(nodata)
    job.run()
    with rasterio.open(job.path) as dataset:
        assert dataset.nodata is None
    assert f"uint8 with NBITS=4, which cannot have the nodata value {nodata}" in caplog.text


def test_nodata_of_16_bits(tmp_path: Path) -> None:
    pixels = scene("float32", 1)
    pixels[0, 40:60] = -10000
    job = copy(tmp_path, pixels, "GTiff", ["NBITS=16"])
    job.controls.setStatsIgnore(-10000)
    job.run()
    written = read_raster(job.path)
    valid = written[written != -10000]
    assert valid.size == pixels.size - 20 * 170
    assert float(job.tags()["STATISTICS_MINIMUM"]) == valid.min()


def test_nodata_that_a_compression_may_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = copy(tmp_path, scene("uint8", 1), "GTiff", ["COMPRESS=JPEG"])
    job.controls.setStatsIgnore(7)
    with caplog.at_level(logging.WARNING):
        job.run()
    (text,) = [item.getMessage() for item in caplog.records if "COMPRESS=JPEG" in item.getMessage()]
    assert "'result'" in text
    assert "nodata (7)" in text
    pixels = read_raster(job.path)
    assert float(job.tags()["STATISTICS_MEAN"]) == pytest.approx(pixels[pixels != 7].mean())


@pytest.mark.parametrize(
    ("driver", "option", "dtype"),
    [
        ("GTiff", "COMPRESS=JPEG", "int8"),
        ("COG", "COMPRESS=JPEG", "int8"),
        ("PCIDSK", "COMPRESSION=JPEG", "int16"),
        ("GTiff", "PHOTOMETRIC=CIELAB", "uint8"),
        ("MRF", "COMPRESS=PPNG", "uint8"),
        ("MRF", "COMPRESS=TIF", "int16"),
        ("MRF", "COMPRESS=LERC", "float32"),
    ],
)
def test_what_makes_other_numbers_of_pixels(
    tmp_path: Path, driver: str, option: str, dtype: str
) -> None:
    job = copy(tmp_path, np.ones((3, 70, 80), dtype), driver, [option])
    with pytest.raises(rioserrors.ImageOpenError, match=f"{option} cannot hold 3 band"):
        job.run()


@pytest.mark.parametrize("kind", ["object", "str", "datetime64[D]", "float16"])
def test_arrays_that_are_no_pixels(tmp_path: Path, kind: str) -> None:
    job = Copy(tmp_path, np.ones((1, 70, 80), "uint8"))

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.grid.astype(kind)

    with pytest.raises(rioserrors.TypeConversionError) as caught:
        job.run(function=function)
    for word in ("'result'", "block row 0, column 0", "astype", np.dtype(kind).name.rstrip("0")):
        assert word in str(caught.value)


def test_masked_pixels_that_do_not_fit(tmp_path: Path) -> None:
    job = copy(tmp_path, np.ones((1, 70, 80), "uint8"), "GTiff", ["NBITS=4"])

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = np.ma.masked_equal(inputs.grid, 0)
        outputs.result.fill_value = 99

    with pytest.raises(rioserrors.TypeConversionError, match="a pixel of 99"):
        job.run(function=function)


def test_a_lossy_output_tells_its_driver(tmp_path: Path) -> None:
    job = copy(tmp_path, scene("uint8", 1), "COG", ["COMPRESS=JPEG"])
    job.run()
    with rasterio.open(job.path) as dataset:
        structure = dataset.tags(ns="IMAGE_STRUCTURE")
        assert structure["LAYOUT"] == "COG"
        assert structure["COMPRESSION"] == "JPEG"
        assert dataset.overviews(1) == [4]
