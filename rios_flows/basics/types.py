"""Types that many rooms share, and the name of a raster in messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Pixels of one block of one raster, shape ``(bands, rows, cols)``.
BlockArray = NDArray[np.generic]

#: ``f(info, inputs, outputs)`` or ``f(info, inputs, outputs, otherArgs)``; returns nothing.
UserFunction = Callable[..., Any]

#: One raster of a job: its symbolic name, and its index in that name's list (None without a list).
Key = tuple[str, int | None]


def label_of(key: Key) -> str:
    """Write a raster's name and number as a user would: ``nir`` or ``dates[3]``."""
    name, number = key
    return name if number is None else f"{name}[{number}]"
