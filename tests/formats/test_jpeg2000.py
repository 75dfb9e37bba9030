"""JPEG 2000: whole or cut off, by the boxes of the file."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from rios_flows.formats.format import Cut
from rios_flows.formats.jpeg2000 import Jpeg2000
from rios_flows.rioserrors import ParameterError

CUT = Cut((64, 64), (200, 100))
PIXELS = b"\xff\x4f some pixels \xff\xd9"


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def long_box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content


HEAD = box(b"jP  ", b"\r\n\x87\n") + box(b"jp2h", b"header")


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        (PIXELS, True),
        (PIXELS[:-1], False),
        (HEAD + box(b"jp2c", PIXELS), True),
        (HEAD + long_box(b"jp2c", PIXELS), True),
        (HEAD + box(b"jp2c", PIXELS) + box(b"xml ", b"<a/>"), True),
        # the last box may leave its length open
        (HEAD + struct.pack(">I4s", 0, b"jp2c") + PIXELS, True),
        (HEAD + struct.pack(">I4s", 0, b"jp2c") + PIXELS[:-2], False),
        (HEAD + box(b"jp2c", PIXELS)[:-1], False),
        (HEAD + box(b"jp2c", PIXELS) + box(b"xml ", b"<a/>")[:-1], False),
        (HEAD, False),
        (HEAD[:5], False),
    ],
)
def test_a_file_is_whole(tmp_path: Path, content: bytes, whole: bool) -> None:
    path = tmp_path / "a.jp2"
    path.write_bytes(content)
    form = Jpeg2000("JP2OpenJPEG")
    if whole:
        assert form.check_blocks(str(path)) == ()
    else:
        with pytest.raises(OSError, match=r"^'a.jp2' is not whole: it is cut off"):
            form.check_blocks(str(path))


def test_pixels_are_kept_where_nothing_else_is_asked() -> None:
    form = Jpeg2000.of("JP2OpenJPEG", {}, "a", CUT)
    assert form.options == {"QUALITY": "100", "REVERSIBLE": "YES"}
    assert form.lossy_option("uint8") is None
    assert form.written.driver == "GTiff"
    assert [form.holds_type(dtype) for dtype in ("uint8", "int16", "int32")] == [True, True, False]


@pytest.mark.parametrize(
    ("options", "lossy"),
    [
        ({"QUALITY": "50"}, "QUALITY=50"),
        ({"QUALITY": "20,60"}, "QUALITY=20,60"),
        ({"QUALITY": "20,100"}, None),
        ({"REVERSIBLE": "NO"}, "REVERSIBLE=NO"),
    ],
)
def test_what_loses_something(options: dict[str, str], lossy: str | None) -> None:
    assert Jpeg2000.of("JP2OpenJPEG", options, "a", CUT).lossy_option("uint8") == lossy


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"NBITS": "7"}, "NBITS=7 of output 'a' would change its pixels"),
        ({"YCBCR420": "YES"}, "YCBCR420=YES of output 'a' would change its pixels"),
        ({"QUALITY": "0"}, "QUALITY=0 of output 'a' is not right"),
        ({"QUALITY": "50,high"}, "QUALITY=50,high of output 'a' is not right"),
    ],
)
def test_what_is_refused(options: dict[str, str], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        Jpeg2000.of("JP2OpenJPEG", options, "a", CUT)
