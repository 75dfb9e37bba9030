"""What a creation option leaves of a type of pixels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Words for yes in a creation option.
YES = ("YES", "TRUE", "ON", "1")


class Limits(NamedTuple):
    """What an option leaves of a type of pixels."""

    option: str
    lowest: int | float
    highest: int | float

    def keeps(self, value: int | float) -> bool:
        """Tell whether a value comes out of the file as it went in."""
        if isinstance(self.highest, int):
            return self.lowest <= value <= self.highest
        with np.errstate(over="ignore"):
            return value != value or float(np.float16(value)) == value

    def beyond(self, pixels: NDArray[Any]) -> int | float | None:
        """Return a pixel's value that is not held; None where all are. NaN and infinity are."""
        values = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels
        if values.size:
            for value in (values.min().item(), values.max().item()):
                if not self.lowest <= value <= self.highest:
                    return value  # type: ignore[no-any-return]
        return None
