"""What the class of each format says of its driver, held against files where GDAL makes some."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows.formats.cog import Cog
from rios_flows.formats.format import Cut, Format, Wanted
from rios_flows.formats.gtiff import GTiff, working_format
from rios_flows.formats.hfa import Hfa
from rios_flows.formats.others import Envi, Mrf, Pcidsk, Vicar
from rios_flows.geometry.grid import PixelGrid
from rios_flows.rioserrors import ParameterError
from tests.support.rasters import CRS, coordinates, write_raster

CUT = Cut((64, 32), (200, 100))


def test_a_format_that_nothing_is_known_of() -> None:
    plain = Format("Made", {"PACK": "on", "NBITS": "4"})
    assert plain.written is plain
    assert plain.compression == ""
    assert plain.most_overviews is None
    assert plain.limits("uint8") is None
    assert plain.lossy_option("uint8") is None
    assert (plain.is_on("PACK"), plain.is_on("OTHER"), plain.is_on("OTHER", "YES")) == (
        *(True, False),
        True,
    )
    assert plain.sidecars_of("a.xyz") == {"a.xyz.aux.xml", "a.xyz.ovr", "a.xyz.msk"}
    assert not plain.owns("anything")
    assert plain.holds_type("int16")
    assert not plain.holds_type("float16")
    with pytest.raises(NotImplementedError):
        plain.drop_statistics("a.xyz")


def test_a_new_file_is_as_wanted(tmp_path: Path) -> None:
    grid = PixelGrid(100, 900, 10, 5, 30, 20, rasterio.crs.CRS.from_user_input(CRS).to_wkt())
    wanted = Wanted(grid, 2, np.dtype("int64"), {"a": "b"})
    form = GTiff("GTiff", {"COMPRESS": "LZW"})
    for nodata, kept in ((7, 7), (2**53 + 1, None)):
        with form.create(str(tmp_path / "a.tif"), wanted, nodata, CUT) as made:
            assert made.mode == "w+"
        with rasterio.open(tmp_path / "a.tif") as made:
            assert made.transform == grid.transform
            assert (made.width, made.height, made.count) == (30, 20, 2)
            assert made.dtypes == ("int64", "int64")
            assert made.profile["compress"] == "lzw"
            assert made.tags()["a"] == "b"
            # a longer one comes at the end
            assert made.nodata == kept
            assert made.crs == rasterio.crs.CRS.from_user_input(CRS)


def test_tiles_of_a_gtiff_follow_the_window() -> None:
    found = GTiff.of("GTiff", {"TILED": "YES", "BLOCKXSIZE": "16"}, "a", CUT).options
    assert (found["BLOCKXSIZE"], found["BLOCKYSIZE"]) == ("16", "32")
    assert GTiff.of("GTiff", {}, "a", CUT).options == {}
    assert GTiff.of("GTiff", {"COMPRESS": "LZW"}, "a", CUT).options["NUM_THREADS"] == "ALL_CPUS"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"BLOCKXSIZE": "0"}, "BLOCKXSIZE=0 of output 'a' is not a number of pixels"),
        ({"BLOCKYSIZE": "big"}, "BLOCKYSIZE=big of output 'a' is not a number of pixels"),
        ({"COMPRESS": "WEBP", "INTERLEAVE": "band"}, "output 'a' needs INTERLEAVE=PIXEL"),
    ],
)
def test_options_of_a_gtiff_that_do_not_go_together(options: dict[str, str], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        GTiff.of("GTiff", options, "a", CUT)


def test_colours_of_a_gtiff() -> None:
    form = GTiff("GTiff")
    assert form.why_no_colors("uint8", 1) is None
    assert "not for band 2" in str(form.why_no_colors("uint8", 2))
    assert "not for int16" in str(form.why_no_colors("int16", 1))
    assert form.most_colors("uint8", 10**6) == 256
    assert form.most_colors("int32", 10**6) == 10**6


def test_half_floats_have_the_range_of_numpys() -> None:
    limits = GTiff("GTiff", {"NBITS": "16"}).limits("float32")
    assert limits is not None
    assert (limits.lowest, limits.highest) == (-65504.0, 65504.0)


def test_a_gtiff_that_is_cut_off_is_found(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", coordinates(1, 64, 64, "uint8"))
    assert len(GTiff("GTiff").check_blocks(str(path))) == 1
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(OSError, match=r"^'a.tif' is not whole: .*; is the disk full, or not soun"):
        GTiff("GTiff").check_blocks(str(path))


def test_a_cog_is_not_changed_where_it_lies(tmp_path: Path) -> None:
    pixels = coordinates(1, 64, 64, "uint8")
    plain = write_raster(tmp_path / "a.tif", pixels)
    cog = write_raster(tmp_path / "b.tif", pixels, driver="COG")
    with rasterio.open(plain) as dataset:
        assert GTiff("GTiff").why_unchangeable(dataset) is None
    with rasterio.open(cog) as dataset:
        assert "would be none afterwards" in str(GTiff("GTiff").why_unchangeable(dataset))
    assert "driver PNG cannot be changed" in str(Format("PNG").why_unchangeable(dataset))


def test_a_cog_is_copied_from_a_gtiff_with_all_pixels() -> None:
    cog = Cog.of("COG", {"COMPRESS": "LERC", "MAX_Z_ERROR": "5"}, "a", CUT)
    assert cog.options["OVERVIEWS"] == "FORCE_USE_EXISTING"
    assert cog.written == working_format("a", CUT)
    assert cog.written.driver == "GTiff"
    assert cog.written.lossy_option("float32") is None
    assert (cog.written.options["BLOCKXSIZE"], cog.written.options["BLOCKYSIZE"]) == ("64", "32")


@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({}, None),
        ({"OVERVIEW_COUNT": "3"}, 3),
        ({"OVERVIEWS": "none", "OVERVIEW_COUNT": "3"}, 0),
        ({"OVERVIEWS": "IGNORE_EXISTING"}, 0),
    ],
)
def test_overviews_that_a_cog_copies(options: dict[str, str], most: int | None) -> None:
    assert Cog("COG", options).most_overviews == most


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"TARGET_SRS": "EPSG:4326"}, "TARGET_SRS of output 'a' would take its pixels off"),
        ({"COMPRESS": "LZMA", "LEVEL": "10"}, "COMPRESS=LZMA takes a whole number from 0 up to 9"),
        ({"COMPRESS": "LERC_DEFLATE", "LEVEL": "13"}, "a whole number from 1 up to 12"),
        ({"COMPRESS": "DEFLATE", "LEVEL": "0"}, "a whole number from 1 up to 12"),
    ],
)
def test_options_that_a_cog_refuses(options: dict[str, str], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        Cog.of("COG", options, "a", CUT)
    assert Cog.of("COG", {"COMPRESS": "ZSTD", "LEVEL": "22"}, "a", CUT).options["LEVEL"] == "22"


def test_a_cog_in_webp_is_lossless_by_its_quality() -> None:
    for quality, lossy in (("100", None), ("99", "COMPRESS=WEBP")):
        cog = Cog("COG", {"COMPRESS": "WEBP", "QUALITY": quality})
        assert cog.lossy_option("uint8") == lossy


def test_hfa_is_silent_only_where_it_compresses() -> None:
    quiet, plain = Hfa("HFA", {"COMPRESSED": "yes"}), Hfa("HFA", {})
    assert quiet.is_silent
    assert quiet.witness("a.img", np.dtype("uint8"), None) is not None
    assert not plain.is_silent
    assert plain.witness("a.img", np.dtype("uint8"), None) is None
    assert {"a.ige", "a.rrd", "a.img.aux.xml"} < plain.sidecars_of("a.img")
    assert not plain.holds_type("uint64")


def test_an_envi_file_without_its_end(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.dat", coordinates(2, 10, 7, "int16"), driver="ENVI")
    with rasterio.open(path) as dataset:
        Envi("ENVI").check_length(dataset)
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(OSError, match="it has 279 of the 280 bytes"):
            Envi("ENVI").check_length(dataset)


def test_a_compressed_envi_file_may_be_shorter(tmp_path: Path) -> None:
    pixels = np.full((1, 100, 70), 7, "int16")
    path = write_raster(tmp_path / "a.dat", pixels, driver="ENVI")
    header = path.with_suffix(".hdr")
    header.write_text(header.read_text() + "file compression = 1\n")
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert path.stat().st_size < pixels.nbytes / 10
    with rasterio.open(path) as dataset:
        Envi("ENVI").check_length(dataset)
        np.testing.assert_array_equal(dataset.read(), pixels)


@pytest.mark.parametrize(
    ("form", "dtype", "bands", "others"),
    [
        (Mrf("MRF", {"COMPRESS": "JPEG"}), "int16", 1, True),
        (Mrf("MRF", {"COMPRESS": "JPEG"}), "uint16", 1, False),
        (Mrf("MRF", {"COMPRESS": "PPNG"}), "uint8", 1, True),
        (Mrf("MRF", {"COMPRESS": "LERC"}), "uint8", 1, False),
        (Mrf("MRF", {"COMPRESS": "LERC"}), "uint8", 2, True),
        (Mrf("MRF", {"COMPRESS": "LERC", "INTERLEAVE": "BAND"}), "uint8", 2, False),
        (Pcidsk("PCIDSK", {"COMPRESSION": "JPEG"}), "uint8", 1, False),
        (Pcidsk("PCIDSK", {"COMPRESSION": "JPEG"}), "uint16", 1, True),
    ],
)
def test_compressions_that_make_other_numbers(
    form: Any, dtype: str, bands: int, others: bool
) -> None:
    assert form.makes_others(dtype, bands) is others
    assert bool(form.reason_against(dtype, bands)) is others


def test_what_jpeg_leaves_of_uint16() -> None:
    limits = Mrf("MRF", {"COMPRESS": "JPEG"}).limits("uint16")
    assert limits is not None
    assert (limits.lowest, limits.highest) == (0, 2**12 - 1)
    assert Mrf("MRF", {"COMPRESS": "JPEG"}).limits("uint8") is None


def test_files_that_gdal_does_not_open_again() -> None:
    assert Vicar("VICAR", {"COMPRESS": "BASIC2"}).reason_against("uint8", 1) is not None
    assert Vicar("VICAR", {"COMPRESS": "NONE"}).reason_against("uint8", 1) is None
