"""A full disk is only asked for where it may have been the cause."""

from __future__ import annotations

import errno
import os

import pytest
from rasterio.errors import RasterioIOError

from rios_flows.gdal.fulldisk import cause_of, with_hint

HINT = "; is the disk full?"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk(number: int) -> None:
    error = OSError(number, os.strerror(number))
    assert with_hint(error) == f"{error}{HINT}"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EIO, errno.EMFILE])
def test_another_cause(number: int) -> None:
    error = OSError(number, os.strerror(number), "out.tif")
    assert with_hint(error) == str(error)
    # GDAL only passes the words on
    told = RasterioIOError(f"Write error: {os.strerror(number)}")
    assert with_hint(told) == str(told)


@pytest.mark.parametrize(
    ("text", "hinted"),
    [
        ("TIFFAppendToStrip:Write error at scanline 128", True),
        ("An error occurred while writing a dirty block from GDALRasterBand::IRasterIO", True),
        ("Seek(16,0): File too large", True),
        ("Unable to save auxiliary information in a.img.aux.xml.", True),
        ("band index 7 out of range", False),
        ("TIFFAppendToStrip:Maximum TIFF file size exceeded", False),
    ],
)
def test_what_gdal_says(text: str, hinted: bool) -> None:
    assert with_hint(RasterioIOError(text)) == text + HINT * hinted


def test_the_cause_lies_below_words_that_only_point_to_it() -> None:
    cause, between, error = OSError("Maximum TIFF file size exceeded"), OSError(""), OSError("no")
    error.__cause__, between.__cause__ = between, cause
    assert cause_of(error) is cause
    cause.__cause__ = OSError("")
    assert cause_of(error) is cause
    assert cause_of(cause.__cause__) is cause.__cause__
