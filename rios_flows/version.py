"""The version of rios_flows, and of the RIOS whose interface this is."""

from __future__ import annotations

import functools
import re

__version__ = "0.1.0"

#: The RIOS whose names and meaning are kept; scripts check it before they use something new.
RIOS_VERSION = "2.0.9"


@functools.total_ordering
class VersionObj:
    """A version that can be compared with others: 2.0.10 is later than 2.0.9 and 2.0.10b1.

    Parameters
    ----------
    versionString : str
        Numbers with dots between them, and anything after that.

    Raises
    ------
    ValueError
        If it does not begin with a number.
    """

    def __init__(self, versionString: str) -> None:
        self.versionString = str(versionString)
        found = re.match(r"v?(\d+(?:\.\d+)*)[.-]?(.*)", self.versionString.strip())
        if found is None:
            raise ValueError(
                f"{versionString!r} is no version; give numbers with dots between them"
            )
        numbers = [int(number) for number in found[1].split(".")]
        while numbers and not numbers[-1]:
            numbers.pop()
        # a version with something after the numbers comes before one without
        rest = [(word, int(number or 0)) for word, number in _PARTS.findall(found[2])]
        self._key = (numbers, not rest, rest)

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, VersionObj) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._key < other._key if isinstance(other, VersionObj) else NotImplemented

    def __hash__(self) -> int:
        return hash((tuple(self._key[0]), tuple(self._key[2])))

    def __str__(self) -> str:
        return self.versionString

    def __repr__(self) -> str:
        return f"VersionObj({self.versionString!r})"


_PARTS = re.compile(r"([a-z]+)\.?(\d*)", re.IGNORECASE)
