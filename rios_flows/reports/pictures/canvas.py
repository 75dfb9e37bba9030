"""Shared by all pictures: colours, figures independent of pyplot, and writing PNG."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DPI = 110
#: Colours of failed attempts, of slow blocks, of text and lines, and of missing data.
FAILED = "#d01c2a"
SLOW = "#ff2fb0"
INK = "#30343b"
NO_DATA = "#c9cdd3"


def new_figure(width: float, height: float) -> Figure:
    """Make a figure that any thread may draw on, of a size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, facecolor="white")


def png(fig: Figure, colours: int = 128, smooth: bool = False) -> bytes:
    """Render into a PNG with a palette, which is a third the size of one without.

    ``smooth`` chooses the palette with more care, for colour gradients.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image  # matplotlib itself needs it

    canvas = FigureCanvasAgg(fig)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    method = Image.Quantize.MEDIANCUT if smooth else Image.Quantize.FASTOCTREE
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    out = io.BytesIO()
    palette = picture.quantize(colours, method=method, dither=Image.Dither.NONE)
    palette.save(out, "PNG", compress_level=6)
    return out.getvalue()


def short(name: str, length: int = 48) -> str:
    """Shorten a name to fit into a title."""
    return name if len(name) <= length else name[: length - 3] + "..."


def floats(values: Iterable[float]) -> Floats:
    """Gather numbers into an array."""
    return np.fromiter(values, np.float64)


def ints(values: Iterable[int]) -> Ints:
    """Gather integers into an array."""
    return np.fromiter(values, np.int64)
