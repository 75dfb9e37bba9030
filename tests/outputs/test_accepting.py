"""Blocks become pixels that the file can have, or are refused with their place."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from rios_flows import rioserrors
from rios_flows.outputs.accepting import Accepting
from rios_flows.outputs.outputplan import OutputPlan
from rios_flows.outputs.pixelchecks import check_type, filled, with_possible_nodata
from tests.support.rasters import Array, coordinates
from tests.support.targets import output_plan, target


def block(dtype: str = "int16", bands: int = 1, rows: int = 32, cols: int = 64) -> Array:
    return coordinates(bands, rows, cols, dtype)


def accepting(overlap: int = 0, **options: object) -> tuple[OutputPlan, Accepting]:
    made = target(**options)  # type: ignore[arg-type]
    plan = output_plan(made, overlap=overlap)
    return plan, Accepting(plan, made)


def test_places_of_blocks() -> None:
    plan, _ = accepting()
    # 4 blocks in a row
    assert plan.blocks.describe(plan.blocks[5]) == "block row 1, column 1"


def test_the_first_block_decides_on_type_and_bands() -> None:
    plan, accepts = accepting(overlap=2, tags={"a": "b"})
    pixels = block("uint16", 2, 36, 68)
    np.testing.assert_array_equal(accepts.accept(plan.blocks[0], pixels), pixels[:, 2:-2, 2:-2])
    assert accepts.wanted is not None
    assert (accepts.wanted.bands, accepts.wanted.dtype.name) == (2, "uint16")
    assert accepts.wanted.tags == {"a": "b"}
    with pytest.raises(
        rioserrors.ArrayShapeError,
        match=r"'a' \('a.tif'\) at block row 0, column 1 has 1 bands; the first block had 2",
    ):
        accepts.accept(plan.blocks[1], block("uint16", 1, 36, 68))


def test_a_later_block_of_another_type(caplog: pytest.LogCaptureFixture) -> None:
    plan, accepts = accepting()
    accepts.accept(plan.blocks[0], block("int16"))
    with caplog.at_level(logging.WARNING):
        for number in (1, 2):
            found = accepts.accept(plan.blocks[number], block().astype("float64"))
            assert found.dtype == "int16"
            np.testing.assert_array_equal(found, block("int16"))
    # it is told once
    [told] = caplog.messages
    assert "at block row 0, column 1 is float64, and is written as int16" in told
    with pytest.raises(rioserrors.TypeConversionError, match="which does not keep its values"):
        accepts.accept(plan.blocks[3], block("float64") + 0.5)


def test_booleans_and_foreign_bytes() -> None:
    plan, accepts = accepting()
    found = accepts.accept(plan.blocks[0], block() % 2 == 0)
    assert found.dtype == "uint8"
    np.testing.assert_array_equal(found, block() % 2 == 0)
    plan, accepts = accepting()
    found = accepts.accept(plan.blocks[0], block(">i2"))
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, block())


def test_masked_pixels_become_nodata() -> None:
    plan, accepts = accepting(nodata=-1)
    pixels = np.ma.masked_greater(block(), 1000)
    found = accepts.accept(plan.blocks[0], pixels)
    assert not np.ma.isMaskedArray(found)
    np.testing.assert_array_equal(found, np.where(block() > 1000, -1, block()))


def test_masked_pixels_without_a_nodata_value() -> None:
    made = target(nodata=None)
    pixels = np.ma.masked_greater(block("uint8"), 200)
    # numpy's own choice is none for bytes
    with pytest.raises(
        rioserrors.TypeConversionError, match=r"uint8 cannot hold .* fill_value 9999"
    ):
        filled(made, None, pixels, "here")
    pixels.fill_value = 7
    expected = np.where(block("uint8") > 200, 7, block("uint8"))
    np.testing.assert_array_equal(filled(made, None, pixels, "here"), expected)
    with pytest.raises(rioserrors.TypeConversionError, match="uint8 cannot hold 300"):
        filled(made, 300, pixels, "here")
    # where nothing is masked, nothing is needed
    np.testing.assert_array_equal(filled(made, 300, np.ma.array(block()), "here"), block())


def test_values_that_an_option_leaves_out() -> None:
    plan, accepts = accepting(creation_options=("NBITS=4",), nodata=None)
    good = block("uint8") % 16
    np.testing.assert_array_equal(accepts.accept(plan.blocks[0], good), good)
    with pytest.raises(
        rioserrors.TypeConversionError,
        match="has a pixel of 16, and GTiff with NBITS=4 holds uint8",
    ):
        accepts.accept(plan.blocks[1], good + np.uint8(1))


def test_types_that_a_driver_does_not_hold() -> None:
    with pytest.raises(rioserrors.TypeConversionError, match="at here: HFA cannot hold int64"):
        check_type(target("a.img"), np.dtype("int64"), "here")
    assert check_type(target("a.img"), np.dtype("int16"), "here") == target("a.img")


def test_a_nodata_value_that_no_pixel_can_have(caplog: pytest.LogCaptureFixture) -> None:
    made = target(nodata=-9)
    assert with_possible_nodata(made, np.dtype("int16")) is made
    with caplog.at_level(logging.WARNING):
        assert with_possible_nodata(made, np.dtype("uint8")).options.nodata is None
    assert "is uint8, which cannot have the nodata value -9; it gets none" in caplog.messages[0]


def test_a_nodata_value_that_the_file_does_not_keep() -> None:
    made = target("a.zarr", nodata=2**63 + 1)
    with pytest.raises(rioserrors.ParameterError, match="is uint64 in Zarr, which cannot have"):
        check_type(made, np.dtype("uint64"), "here")


def test_pixels_that_are_nodata_only_before_they_are_compressed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lossy = ("COMPRESS=LERC", "MAX_Z_ERROR=2")
    with caplog.at_level(logging.WARNING):
        check_type(target(nodata=5, creation_options=lossy), np.dtype("int16"), "here")
        check_type(target(nodata=None, creation_options=lossy), np.dtype("int16"), "here")
    [told] = caplog.messages
    assert "COMPRESS=LERC changes pixels, so that some of those which are nodata (5)" in told
