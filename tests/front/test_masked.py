"""Masked arrays that keep their mask, against numpy.ma and plain numpy."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rios_flows as rf
from rios_flows.front.masked import MaskedBlock
from tests.support.rasters import read_raster, write_raster

PIXELS = np.arange(1, 31).reshape(1, 5, 6)
NOTHING = np.isin(PIXELS, [1, 8, 15, 30])


@pytest.fixture
def raster(tmp_path: Path) -> Path:
    """Return a raster with pixels without data, at a corner and within."""
    return write_raster(
        tmp_path / "in.tif", np.where(NOTHING, 0, PIXELS).astype("uint16"), nodata=0
    )


def smooth(image: Any) -> Any:
    rows, cols = image.shape[0] - 2, image.shape[1] - 2
    nine = [image[y : y + rows, x : x + cols] for y in range(3) for x in range(3)]
    return np.pad(sum(nine) / 9, 1)


@pytest.mark.parametrize("window", [3, 64])
def test_a_filter_is_masked_where_a_neighbour_is(tmp_path: Path, raster: Path, window: int) -> None:
    rf.apply(smooth, raster, tmp_path / "out.tif", overlap=1, nodata=-1, window=window)
    around = np.pad(np.where(NOTHING, np.nan, PIXELS)[0], 1, constant_values=np.nan)
    nine = [around[y : y + 5, x : x + 6] for y in range(3) for x in range(3)]
    mean = np.sum(nine, axis=0) / 9
    np.testing.assert_allclose(
        read_raster(tmp_path / "out.tif")[0], np.where(np.isnan(mean), -1, mean)
    )


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda image: np.where(image > 9, 1, 2), np.where(PIXELS > 9, 1, 2)),
        (lambda image: np.digitize(image, [5, 9]), np.digitize(PIXELS, [5, 9])),
        (
            lambda image: np.select([image > 9, image > 4], [1, 2]),
            np.select([PIXELS > 9, PIXELS > 4], [1, 2]),
        ),
        (lambda image: np.stack([image, image]).mean(axis=0), PIXELS),
        (lambda image: np.median(np.stack([image, image * 3]), axis=0), PIXELS * 2),
        (lambda image: np.percentile(np.stack([image, image * 3]), 50, axis=0), PIXELS * 2),
        (lambda image: np.concatenate([image[:2], image[2:]]), PIXELS),
    ],
)
def test_functions_of_numpy_keep_the_mask(
    tmp_path: Path, raster: Path, function: Any, expected: Any
) -> None:
    rf.apply(lambda image: function(image).astype("int16"), raster, tmp_path / "out.tif", nodata=-1)
    np.testing.assert_array_equal(
        read_raster(tmp_path / "out.tif"), np.where(NOTHING, -1, expected)
    )


def test_python_numbers_do_not_widen_floats() -> None:
    block = MaskedBlock(np.ones((2, 2), "float32"), mask=np.eye(2, dtype=bool))
    for result in (block * 2, 2 * block, 1.5 / block, block - 1, 1 - block, block**2, block % 2):
        assert (result.dtype, type(result)) == (np.dtype("float32"), MaskedBlock)
    assert (block + np.float64(1)).dtype == "float64"
    plain = np.ones(2, "float32")
    assert (block + 1j).dtype == (plain + 1j).dtype == "complex64"
    assert ((block + 1j) * 2.5).dtype == "complex64"
    bytes_ = MaskedBlock(np.ones((2, 2), "uint8"), mask=np.eye(2, dtype=bool))
    for result in (bytes_ * 2, 2 - bytes_, bytes_ // 2, bytes_ % 2, 255 & bytes_):
        assert (result.dtype, type(result)) == (np.dtype("uint8"), MaskedBlock)
    # what does not fit makes a wider type, and a quotient is no whole number
    assert (bytes_ * 300).dtype == "int64"
    assert (bytes_ / 2).dtype == "float64"


def test_comparisons_are_those_of_plain_numpy() -> None:
    plain = np.array([0.1, 0.2], "float32")
    block = MaskedBlock(plain, mask=[False, False])
    for compared, expected in ((block == 0.1, plain == 0.1), (block > 0.1, plain > 0.1)):
        np.testing.assert_array_equal(compared.data, expected)


def test_in_place_with_small_integers() -> None:
    block = MaskedBlock(np.array([1, 2], "uint8"), mask=[False, True])
    block *= 2
    block += 1
    assert (block.dtype, block[0]) == (np.dtype("uint8"), 3)
    with pytest.raises(OverflowError):
        block += 300


def test_joining_into_an_array_that_is_there() -> None:
    block, out = MaskedBlock(np.arange(3.0), mask=[True, False, False]), np.empty((2, 3))
    joined = np.stack([block, block], out=out)
    assert out[1].tolist() == [0, 1, 2]
    assert np.ma.getmaskarray(joined)[:, 0].all()
    assert np.concatenate([block, block], dtype="float32").dtype == "float32"


def test_choices_of_python_numbers_keep_the_type() -> None:
    block = MaskedBlock(np.ones(3, "float32"), mask=[True, False, False])
    assert np.where(block > 0, block, -1).dtype == "float32"
    assert np.select([block > 0], [block], -1).dtype == "float32"


@pytest.mark.parametrize("function", [np.percentile, np.quantile, np.nanpercentile, np.nanquantile])
def test_percentiles(function: Any) -> None:
    pixels = np.array([[1, np.nan, 5], [3, 4, 9]], "float32")
    block = MaskedBlock(pixels, mask=[[False, False, False], [True, False, True]])
    found = function(block, 0.5 if "quantile" in function.__name__ else 50, axis=0)
    assert (found.dtype, found[0], found[2]) == (np.dtype("float32"), 1, 5)
    # NaN of a pixel that has data counts, but for what leaves it out by its name
    leaves_out = function.__name__.startswith("nan")
    assert found[1] == 4 if leaves_out else np.isnan(found[1])
    nothing = function(MaskedBlock(pixels, mask=np.ones((2, 3), bool)), 0.5, axis=0)
    assert np.ma.getmaskarray(nothing).all()


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "mean"])
def test_padding(mode: Any) -> None:
    block = MaskedBlock(np.arange(4.0), mask=np.arange(4) > 1)
    padded = np.pad(block, 1, mode=mode)
    repeats = mode in ("edge", "reflect")
    assert np.ma.getmaskarray(padded).tolist() == [False, False, False, True, True, repeats]


@pytest.mark.parametrize(
    "function",
    [
        lambda image: np.asarray(image > 9).astype("uint8"),
        lambda image: np.array(image > 9).astype("uint8"),
    ],
)
def test_a_lost_mask_is_told(tmp_path: Path, raster: Path, function: Any) -> None:
    with pytest.warns(
        UserWarning, match="output 'out': the function gives values, such as 0, to pixels"
    ):
        rf.apply(function, raster, tmp_path / "out.tif", nodata=255, workers=1)


@pytest.mark.parametrize(
    "function",
    [
        # NaN, nodata, and what another input knows
        lambda image, other: image.filled(np.nan),
        lambda image, other: np.where(np.ma.getmaskarray(image), -1, 5),
        lambda image, other: np.where(np.ma.getmaskarray(image), other.data, image.data),
    ],
)
def test_what_loses_nothing(tmp_path: Path, raster: Path, function: Any) -> None:
    other = write_raster(tmp_path / "other.tif", PIXELS.astype("uint16"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rf.apply(function, [raster, other], tmp_path / "out.tif", nodata=-1, workers=1)
