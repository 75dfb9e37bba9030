"""Which creation options change pixels; some of them only newer builds of GDAL know."""

from __future__ import annotations

import numpy as np
import pytest

from rios_flows.formats.known import class_of
from rios_flows.formats.limits import Limits


@pytest.mark.parametrize(
    ("driver", "options", "dtype", "lossy"),
    [
        ("GTiff", "COMPRESS=jpeg", "uint8", "COMPRESS=JPEG"),
        ("GTiff", "COMPRESS=JXL", "uint8", None),
        ("GTiff", "COMPRESS=JXL JXL_LOSSLESS=NO", "uint8", "COMPRESS=JXL"),
        ("COG", "COMPRESS=JXL JXL_LOSSLESS=NO", "uint16", "COMPRESS=JXL"),
        ("GTiff", "COMPRESS=WEBP", "uint8", "COMPRESS=WEBP"),
        ("GTiff", "COMPRESS=WEBP WEBP_LOSSLESS=yes", "uint8", None),
        ("COG", "COMPRESS=WEBP QUALITY=99", "uint8", "COMPRESS=WEBP"),
        ("COG", "COMPRESS=WEBP QUALITY=100", "uint8", None),
        ("GTiff", "COMPRESS=LERC", "float32", None),
        ("GTiff", "COMPRESS=LERC MAX_Z_ERROR=0.1", "float64", "COMPRESS=LERC"),
        ("GTiff", "COMPRESS=LERC_DEFLATE MAX_Z_ERROR=1", "int32", "COMPRESS=LERC_DEFLATE"),
        ("GTiff", "COMPRESS=LERC_ZSTD MAX_Z_ERROR=0.5", "int32", None),
        ("GTiff", "COMPRESS=ZSTD MAX_Z_ERROR=5", "float32", None),
        ("GTiff", "DISCARD_LSB=2", "uint16", "DISCARD_LSB=2"),
        ("GTiff", "DISCARD_LSB=0", "uint16", None),
        ("GTiff", "NBITS=16", "float32", "NBITS=16"),
        ("COG", "NBITS=16", "float32", "NBITS=16"),
        ("GTiff", "NBITS=16", "float64", None),
        ("GTiff", "NBITS=4", "uint8", None),
        ("MRF", "COMPRESS=LERC", "int16", None),
        ("MRF", "COMPRESS=LERC OPTIONS=LERC_PREC=2", "int16", "COMPRESS=LERC"),
        ("RMF", "COMPRESS=JPEG", "uint8", "COMPRESS=JPEG"),
        ("PCIDSK", "COMPRESSION=JPEG", "uint8", "COMPRESSION=JPEG"),
        ("HFA", "COMPRESSED=YES", "float32", None),
        ("Zarr", "COMPRESS=BLOSC", "float32", None),
    ],
)
def test_lossy_options(driver: str, options: str, dtype: str, lossy: str | None) -> None:
    named = dict(option.split("=", 1) for option in options.split())
    assert class_of(driver)(driver, named).lossy_option(dtype) == lossy


@pytest.mark.parametrize(
    ("driver", "bits", "dtype", "highest"),
    [
        ("GTiff", 8, "uint8", None),
        ("GTiff", 12, "uint8", None),
        ("GTiff", 1, "uint16", 511),
        ("GTiff", 16, "uint16", None),
        ("COG", 9, "uint32", 2**17 - 1),
        ("GTiff", 32, "uint32", None),
        ("GTiff", 4, "int16", None),
        ("GTiff", 16, "float64", None),
        ("HFA", 3, "uint8", None),
        ("HFA", 1, "uint8", 1),
        ("HFA", 4, "uint16", None),
        ("EHdr", 4, "uint8", None),
    ],
)
def test_limits(driver: str, bits: int, dtype: str, highest: int | None) -> None:
    limits = class_of(driver)(driver, {"NBITS": str(bits)}).limits(dtype)
    assert limits == (None if highest is None else Limits(f"NBITS={bits}", 0, highest))


def test_values_beyond() -> None:
    limits = class_of("GTiff")("GTiff", {"NBITS": "16"}).limits("float32")
    assert limits is not None
    assert limits.beyond(np.array([[np.nan, np.inf, -np.inf, 65504]], "float32")) is None
    assert limits.beyond(np.array([[np.nan, np.nan]], "float32")) is None
    # an infinite pixel does not hide it
    assert limits.beyond(np.array([[np.nan, np.inf, 70000]], "float32")) == 70000
    assert [limits.keeps(value) for value in (0, -10000, float("nan"), -9999, 1e9)] == [
        True, True, True, False, False
    ]  # fmt: skip
