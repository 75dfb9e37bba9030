"""A compression that cannot hold an output is found on a small file."""

from __future__ import annotations

import pytest

from rios_flows.formats.cog import Cog
from rios_flows.formats.format import Cut, Format
from rios_flows.formats.gtiff import GTiff
from rios_flows.formats.trial import SAFE, reason_found


def tiled(**options: str) -> Format:
    return GTiff.of("GTiff", {"TILED": "YES", **options}, "a", Cut((64, 64), (100, 100)))


@pytest.mark.parametrize(
    ("options", "dtype", "words"),
    [
        # libjpeg has 8 bits
        ({"COMPRESS": "JPEG"}, "int32", "JPEG"),
        # CCITT has one bit to a pixel
        ({"COMPRESS": "CCITTFAX4"}, "uint8", "Bits/sample must be 1"),
    ],
)
def test_what_cannot_be_held(options: dict[str, str], dtype: str, words: str) -> None:
    reason = reason_found(tiled(**options), 1, dtype)
    assert reason is not None
    assert reason.startswith((":", ","))
    assert words in reason


@pytest.mark.parametrize(
    ("options", "dtype", "bands"),
    [
        ({"COMPRESS": "JPEG"}, "uint8", 1),
        ({"COMPRESS": "JPEG", "PHOTOMETRIC": "YCBCR", "INTERLEAVE": "PIXEL"}, "uint8", 3),
        ({"COMPRESS": "CCITTFAX4", "NBITS": "1"}, "uint8", 1),
    ],
)
def test_what_can_be_held(options: dict[str, str], dtype: str, bands: int) -> None:
    assert reason_found(tiled(**options), bands, dtype) is None


@pytest.mark.parametrize(("dtype", "held"), [("uint8", True), ("int32", False)])
def test_a_format_that_copies_is_tried_with_its_copy(dtype: str, held: bool) -> None:
    cut = Cut((64, 64), (100, 100))
    # the working file itself holds both
    cog = Cog.of("COG", {"COMPRESS": "JPEG"}, "a", cut)
    assert reason_found(cog.written, 1, dtype) is None
    assert (reason_found(cog, 1, dtype) is None) is held


def test_safe_compressions_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a file was made")

    monkeypatch.setattr("rios_flows.formats.trial._try", never)
    for compression in SAFE:
        assert reason_found(tiled(COMPRESS=compression.lower()), 1, "float64") is None
    with pytest.raises(AssertionError, match="a file was made"):
        reason_found(tiled(COMPRESS="JPEG"), 1, "uint8")
