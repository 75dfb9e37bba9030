"""Whether the chunks of a Zarr store are all there, and whole, as far as their sizes tell.

GDAL does not check whether a chunk got onto disk, and reads a missing one as nodata.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from rios_flows.basics.types import BlockArray
from rios_flows.gdal.fulldisk import cause_of
from rios_flows.geometry.grid import ApplierBlockDefn
from rios_flows.reducers.nodata import Number

_Axis = TypeVar("_Axis")

#: Length of Blosc's header, and where in it the length of the chunk stands (bytes).
_BLOSC_HEADER, _BLOSC_LENGTH = 16, slice(12, 16)


class ChunkLayout(NamedTuple):
    """How one array of a store is cut into chunks."""

    path: Path
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    # of the names of chunks: how they begin, and what stands between their numbers
    prefix: str
    separator: str
    # what compresses chunks; empty for nothing
    codec: str
    # bytes
    itemsize: int

    @classmethod
    def of(cls, path: Path) -> ChunkLayout:
        """Read it from an array's directory."""
        name = "zarr.json" if (path / "zarr.json").exists() else ".zarray"
        return cls.told(json.loads((path / name).read_text()), path)

    @classmethod
    def told(cls, known: Any, path: Path = Path()) -> ChunkLayout:
        """Make it of what an array's description says."""
        if known["zarr_format"] == 3:
            return cls._of_version_3(path, known)
        codec = "filters" if known.get("filters") else (known.get("compressor") or {}).get("id", "")
        dtype = known["dtype"]
        return cls(
            path,
            tuple(known["shape"]),
            tuple(known["chunks"]),
            "",
            known.get("dimension_separator", "."),
            codec,
            np.dtype(dtype).itemsize if isinstance(dtype, str) else 0,
        )

    @classmethod
    def _of_version_3(cls, path: Path, known: Any) -> ChunkLayout:
        encoding = known.get("chunk_key_encoding", {})
        separator = encoding.get("configuration", {}).get("separator", "/")
        codecs = [codec["name"] for codec in known.get("codecs", ())]
        further = [name for name in codecs if name not in ("bytes", "endian", "transpose")]
        return cls(
            path,
            tuple(known["shape"]),
            tuple(known["chunk_grid"]["configuration"]["chunk_shape"]),
            "" if encoding.get("name") == "v2" else f"c{separator}",
            separator,
            further[0] if further == ["blosc"] else "".join(further),
            np.dtype(known["data_type"]).itemsize,
        )

    def chunks(self) -> Iterator[tuple[tuple[int, ...], Path]]:
        """Return the numbers and the file of every chunk."""
        sizes = zip(self.shape, self.chunk, strict=True)
        for numbers in itertools.product(*(range(-(-size // side)) for size, side in sizes)):
            yield numbers, self.path / self.name(numbers)

    def name(self, numbers: tuple[int, ...]) -> str:
        """Return the path of a chunk in the array's directory."""
        return f"{self.prefix}{self.separator.join(map(str, numbers))}"

    def wrong(self, file: Path, size: int) -> bool:
        """Tell whether a chunk's file has another size than it should."""
        if self.codec == "blosc":
            with open(file, "rb") as chunk:
                header = chunk.read(_BLOSC_HEADER)
            known = int.from_bytes(header[_BLOSC_LENGTH], "little")
            return size < _BLOSC_HEADER or known != size
        whole = self.itemsize * int(np.prod(self.chunk))
        return size == 0 if self.codec else size != whole

    @property
    def tells_size(self) -> bool:
        """Whether a chunk's size can be known without decoding it."""
        return self.codec in ("", "blosc")


class FilledChunks:
    """Notes which chunks have pixels other than ``fill``: only the rest may be missing."""

    def __init__(self, path: str, fill: Number | None, bands_last: bool = False) -> None:
        self._layout = ChunkLayout.of(Path(path, Path(path).stem))
        self._bands_last = bands_last
        self._fill = 0 if fill is None else fill
        self._filled = np.zeros([-(-size // side) for size, side in self._axes], bool)

    def add(self, block: ApplierBlockDefn, pixels: BlockArray) -> None:
        """Take in a block, shape ``(bands, rows, cols)``."""
        # nodata may be NaN
        filled = (pixels == pixels) if self._fill != self._fill else (pixels != self._fill)
        place = []
        for axis, first in enumerate((0, block.top, block.left)):
            side = self._axes[axis][1]
            numbers = np.arange(first // side, (first + filled.shape[axis] - 1) // side + 1)
            starts = np.maximum(numbers * side - first, 0)
            filled = np.logical_or.reduceat(filled, starts, axis=axis)
            place.append(slice(numbers[0], numbers[-1] + 1))
        self._filled[tuple(place)] |= filled

    def finish(self) -> None:
        """Raise OSError if a chunk is not there, or not whole."""
        layout = self._layout
        for numbers, file in layout.chunks():
            try:
                size = os.stat(file).st_size
            except FileNotFoundError:
                if self._filled[self._bands_first(numbers, 0)]:
                    raise OSError(f"chunk {file.name} is not there") from None
                continue
            if layout.wrong(file, size):
                raise OSError(f"chunk {file.name} is not whole")
        if not layout.tells_size:
            _read_all(layout.path.parent)

    def close(self) -> None:
        """Nothing is held."""

    @property
    def _axes(self) -> tuple[tuple[int, int], ...]:
        """Number of bands, rows and columns, each with that of a chunk."""
        axes = tuple(zip(self._layout.shape, self._layout.chunk, strict=True))
        return self._bands_first(axes, (1, 1))

    def _bands_first(self, axes: tuple[_Axis, ...], one_band: _Axis) -> tuple[_Axis, ...]:
        """Bring what there is for each axis of the store into the order bands, rows, columns."""
        if self._bands_last and len(axes) == 3:
            return (axes[2], *axes[:2])
        return (one_band, *axes)[-3:]


def _read_all(path: Path) -> None:
    """Have GDAL decode all chunks: it reports one that is broken."""
    try:
        with rasterio.open(path) as dataset:
            for _, window in dataset.block_windows(1):
                dataset.read(window=window)
    except RasterioError as error:
        raise OSError(str(cause_of(error))) from error
