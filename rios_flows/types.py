"""Names for the types that many rooms share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Pixels of one block of one raster, shape ``(bands, rows, cols)``.
BlockArray = NDArray[np.generic]

#: ``f(info, inputs, outputs)`` or ``f(info, inputs, outputs, otherArgs)``; returns nothing.
UserFunction = Callable[..., Any]

#: One raster of a job: its symbolic name, and its place in that name's list (None without list).
Key = tuple[str, int | None]
