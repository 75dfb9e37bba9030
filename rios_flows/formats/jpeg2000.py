"""JPEG 2000: copied from a GTiff, without loss unless the user asks for it."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from rios_flows import rioserrors
from rios_flows.basics.forks import without_threads
from rios_flows.formats.format import Cut, Format
from rios_flows.formats.gtiff import working_format

#: Options that change pixels by a rule that no message could name.
_CHANGING = ("1BIT_ALPHA", "INSPIRE_TG", "YCBCR420")

#: What compressed pixels begin and end with.
_BEGIN, _END = b"\xff\x4f", b"\xff\xd9"

#: What a box of a file begins with: its length and its kind.
_BOX = struct.Struct(">I4s")


class Jpeg2000(Format):
    """Files as OpenJPEG makes them; overviews are a part of the compression."""

    defaults = ("QUALITY=100", "REVERSIBLE=YES")
    only_copies = True
    has_overviews = False

    @classmethod
    def of(cls, driver: str, options: dict[str, str], label: str, cut: Cut) -> Format:
        """Keep every pixel unless the user asks for less; GDAL's own quality is 25."""
        options.setdefault("QUALITY", "100")
        options.setdefault("REVERSIBLE", "YES")
        asked = cls(driver, without_threads(options), working_format(label, cut))
        changing = [name for name in _CHANGING if asked.is_on(name)]
        for name in ("NBITS", *changing) if "NBITS" in options else changing:
            raise rioserrors.ParameterError(
                f"setCreationOptions: {name}={options[name]} of output '{label}' would change its "
                "pixels; leave it out, or give a QUALITY below 100 in its place"
            )
        if not all(_is_quality(text) for text in options["QUALITY"].split(",")):
            raise rioserrors.ParameterError(
                f"setCreationOptions: QUALITY={options['QUALITY']} of output '{label}' is not "
                "right: JPEG 2000 takes a number above 0 and up to 100, or several such numbers "
                "with commas between them"
            )
        return asked

    def holds_type(self, dtype: str) -> bool:
        """Tell whether pixels can be of a type; GDAL writes wider ones, and cannot read them."""
        return dtype in ("uint8", "uint16", "int16")

    def _lossy_option(self, kind: str) -> str | None:
        if max(map(float, self.options["QUALITY"].split(","))) < 100:
            return f"QUALITY={self.options['QUALITY']}"
        return None if self.is_on("REVERSIBLE") else f"REVERSIBLE={self.options['REVERSIBLE']}"

    def check_blocks(self, path: str) -> tuple[()]:
        """Check that the file's end is there: GDAL does not report that it lacks its last bytes."""
        with open(path, "rb") as file:
            if not _is_whole(file, os.path.getsize(path)):
                name = os.path.basename(path)
                raise OSError(f"'{name}' is not whole: it is cut off; is the disk full?")
        return ()


def _is_quality(text: str) -> bool:
    try:
        return 0 < float(text) <= 100
    except ValueError:
        return False


def _is_whole(file: BinaryIO, size: int) -> bool:
    """Tell whether compressed pixels have their end, and the boxes around them are all there."""
    if file.read(len(_BEGIN)) == _BEGIN:
        return _ends_at(file, size)
    place, pixels = 0, False
    while place <= size - _BOX.size:
        file.seek(place)
        length, kind = _BOX.unpack(file.read(_BOX.size))
        if length == 1:
            # a long one
            length = int.from_bytes(file.read(8))
        # the last one need not say how long it is
        place = place + max(length, _BOX.size) if length else size
        pixels = pixels or (kind == b"jp2c" and _ends_at(file, place))
    return pixels and place == size


def _ends_at(file: BinaryIO, place: int) -> bool:
    file.seek(place - len(_END))
    return file.read(len(_END)) == _END
