"""Which extras an output gets, and which of them while its blocks pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows.outputs.choices import Choices, choose
from rios_flows.rioserrors import SinglePassActionsError
from tests.support.targets import target

LOSSY = ("COMPRESS=JPEG",)
SHAPE = (1000, 2000)


def chosen(path: str = "a.tif", dtype: str = "uint8", **options: Any) -> Choices:
    return choose(target(path, **options), np.dtype(dtype), SHAPE)


def test_all_in_one_pass_unless_something_is_against_it() -> None:
    # the shorter side of an overview must exceed 128: 1000 / 4 and no further
    assert chosen() == Choices(True, True, (4,), "NEAREST", True, True, True)
    assert chosen(overview_min_dim=30).levels == (4, 8, 16, 32)


@pytest.mark.parametrize(
    ("options", "dtype", "expected"),
    [
        ({"omit_statistics": True}, "uint8", (False, True, (4,), False, True, True)),
        ({"omit_histogram": True}, "uint8", (True, False, (4,), True, False, True)),
        ({"omit_pyramids": True}, "uint8", (True, True, (), True, True, False)),
        ({"approximate_statistics": True}, "uint8", (True, True, (4,), False, False, True)),
        ({"single_pass_statistics": False}, "uint8", (True, True, (4,), False, True, True)),
        ({"single_pass_histogram": False}, "uint8", (True, True, (4,), True, False, True)),
        ({"single_pass_pyramids": False}, "uint8", (True, True, (4,), True, True, False)),
        ({"overview_resampling": "CUBIC"}, "uint8", (True, True, (4,), True, True, False)),
        ({"overview_resampling": "MODE"}, "uint8", (True, True, (4,), True, True, True)),
        # complex pixels have no statistics, and no mean
        ({}, "complex64", (False, False, (4,), False, False, True)),
        (
            {"overview_resampling": "AVERAGE"},
            "complex64",
            (False, False, (4,), False, False, False),
        ),
        # only the finished file tells which pixels it has
        ({"creation_options": LOSSY}, "uint8", (True, True, (4,), False, False, False)),
    ],
)
def test_each_reason(options: dict[str, Any], dtype: str, expected: tuple[Any, ...]) -> None:
    found = chosen(dtype=dtype, **options)
    assert (found.statistics, found.histogram, found.levels) == expected[:3]
    single = found.single_pass_statistics, found.single_pass_histogram, found.single_pass_pyramids
    assert single == expected[3:]


def test_overviews_that_a_format_leaves_out(tmp_path: Path) -> None:
    assert chosen(str(tmp_path / "a.zarr")).levels == ()
    cog: dict[str, Any] = {"driver": "COG", "overview_min_dim": 30}
    assert chosen(**cog, creation_options=("OVERVIEW_COUNT=2",)).levels == (4, 8)


@pytest.mark.parametrize(
    ("options", "dtype", "words"),
    [
        (
            {"single_pass_statistics": True, "creation_options": LOSSY},
            "uint8",
            "setSinglePassBasicStats(True) cannot be for output 'a' ('a.tif'): of COMPRESS=JPEG, "
            "only the finished file tells",
        ),
        ({"single_pass_histogram": True}, "complex64", "no statistics of complex64 pixels"),
        (
            {"single_pass_pyramids": True, "overview_resampling": "AVERAGE"},
            "complex64",
            "AVERAGE of complex64 pixels needs the whole raster",
        ),
        ({"single_pass_pyramids": True, "creation_options": LOSSY}, "uint8", "setSinglePassPyram"),
    ],
)
def test_what_was_insisted_on_and_cannot_be(
    options: dict[str, Any], dtype: str, words: str
) -> None:
    with pytest.raises(SinglePassActionsError) as caught:
        chosen(dtype=dtype, **options)
    assert words in str(caught.value)
    assert str(caught.value).endswith("set it to None")


def test_nearest_pyramids_of_complex_pixels_may_be_insisted_on() -> None:
    assert chosen(dtype="complex64", single_pass_pyramids=True).single_pass_pyramids
