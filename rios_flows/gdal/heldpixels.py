"""Pixels that are in no file, as a raster that GDAL opens: it asks here for those that it needs.

The raster is the text of a virtual one whose bands name a function of this module. GDAL calls it
for each window that it reads, warps or masks, in the thread that reads.
"""

from __future__ import annotations

import threading
import uuid
import weakref
from abc import ABC, abstractmethod
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rios_flows.gdal.pixeltypes import GDAL_TYPES

#: What GDAL must be allowed to call.
MODULE = __name__

_HELD: weakref.WeakValueDictionary[str, HeldPixels] = weakref.WeakValueDictionary()


class Part(NamedTuple):
    """A window: rows and columns from the first to one past the last."""

    rows: slice
    cols: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Its rows and columns."""
        return self.rows.stop - self.rows.start, self.cols.stop - self.cols.start


@dataclass(frozen=True, slots=True)
class HeldFacts:
    """What a raster file would tell of itself; tuples have an item for each band."""

    # in messages, in place of a file name
    title: str
    nrows: int
    ncols: int
    # GDAL's six numbers
    transform: tuple[float, ...]
    crs: str
    dtypes: tuple[str, ...]
    nodata: tuple[float | None, ...]
    names: tuple[str | None, ...]
    # whether each band has a mask of its own
    masks: tuple[bool, ...]
    # scale and offset; empty for 1 and 0
    scaling: tuple[tuple[float, float], ...] = ()


class HeldPixels(ABC):
    """Pixels that a process holds, for use by several threads; it pickles if they do."""

    #: Whether a read costs more than a look at memory, so that all bands are read at once.
    lazy = False

    def __init__(self, facts: HeldFacts) -> None:
        self.facts, self.token = facts, uuid.uuid4().hex
        self._begin()

    def _begin(self) -> None:
        self._last = threading.local()
        # asked for at every block
        self._texts: dict[tuple[int, ...], str] = {}
        _HELD[self.token] = self

    def __getstate__(self) -> dict[str, Any]:
        own = {"_last", "_texts"}
        return {name: value for name, value in vars(self).items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    def __str__(self) -> str:
        return self.facts.title

    @abstractmethod
    def read(self, bands: tuple[int, ...], part: Part) -> NDArray[Any]:
        """Return pixels (bands, rows, cols) of bands from 1."""

    def read_mask(self, band: int, part: Part) -> NDArray[Any]:
        """Return True where a band's own mask lets a pixel pass (rows, cols)."""
        raise NotImplementedError

    def band(self, band: int, bands: tuple[int, ...], part: Part) -> NDArray[Any]:
        """Return pixels (rows, cols) of one band of those that are read together."""
        if not self.lazy or band not in bands:
            (alone,) = self.read((band,), part)
            return np.asarray(alone)
        last = getattr(self._last, "read", None)
        if last is None or last[0] != (bands, part):
            last = self._last.read = ((bands, part), self.read(bands, part))
        return np.asarray(last[1][bands.index(band)])

    def text(self, bands: tuple[int, ...] = ()) -> str:
        """Write the virtual raster; ``bands``, from 1, are those that will be read together."""
        text = self._texts.get(bands)
        if text is None:
            text = self._texts[bands] = self._written(bands)
        return text

    def _written(self, bands: tuple[int, ...]) -> str:
        facts = self.facts
        together = ",".join(map(str, bands))
        numbers = ",".join(repr(float(number)) for number in facts.transform)
        return (
            f'<VRTDataset rasterXSize="{facts.ncols}" rasterYSize="{facts.nrows}">'
            + (f"<SRS>{escape(facts.crs)}</SRS>" if facts.crs else "")
            + f"<GeoTransform>{numbers}</GeoTransform>"
            + "".join(self._band(band, together) for band in range(1, len(facts.dtypes) + 1))
            + "</VRTDataset>"
        )

    def _band(self, band: int, together: str) -> str:
        facts, place = self.facts, band - 1
        dtype, nodata, name = facts.dtypes[place], facts.nodata[place], facts.names[place]
        more = "" if name is None else f"<Description>{escape(name)}</Description>"
        if nodata is not None:
            # GDAL reads a 64-bit integer exactly only if it is written as one
            value = str(int(nodata)) if dtype in ("int64", "uint64") else repr(float(nodata))
            more += f"<NoDataValue>{value}</NoDataValue>"
        if facts.scaling:
            scale, offset = facts.scaling[place]
            more += f"<Offset>{float(offset)!r}</Offset><Scale>{float(scale)!r}</Scale>"
        if facts.masks[place]:
            mask = self._called("Byte", "", "", f'band="{band}" mask="1"')
            more += f"<MaskBand>{mask}</MaskBand>"
        what = f'band="{band}" together="{together}"'
        return self._called(GDAL_TYPES[dtype], f'band="{band}" ', more, what)

    def _called(self, dtype: str, number: str, more: str, what: str) -> str:
        return (
            f'<VRTRasterBand dataType="{dtype}" {number}subClass="VRTDerivedRasterBand">{more}'
            f"<PixelFunctionType>{MODULE}.fill</PixelFunctionType>"
            "<PixelFunctionLanguage>Python</PixelFunctionLanguage>"
            f'<PixelFunctionArguments token="{self.token}" {what}/></VRTRasterBand>'
        )


class _Failed(threading.local):
    """The error of this thread's last call, which GDAL knows as a text only."""

    error: BaseException | None = None


_failed = _Failed()


def taken_error() -> BaseException | None:
    """Return why pixels could not be had in this thread, once."""
    error, _failed.error = _failed.error, None
    return error


def fill(
    _: object,
    out: NDArray[Any],
    left: int,
    top: int,
    width: int,
    height: int,
    *__: object,
    token: bytes,
    band: bytes,
    together: bytes = b"",
    mask: bytes = b"",
) -> None:
    """Fill an array that GDAL wants of a band; GDAL's own way to call it."""
    part = Part(slice(top, top + height), slice(left, left + width))
    try:
        held = _HELD[token.decode()]
        if mask:
            found = np.where(held.read_mask(int(band), part), np.uint8(255), np.uint8(0))
        else:
            found = held.band(int(band), tuple(map(int, filter(None, together.split(b",")))), part)
        _check(held, found, part, out)
        out[...] = found
    except BaseException as error:
        _failed.error = error
        raise


def _check(held: HeldPixels, found: NDArray[Any], part: Part, out: NDArray[Any]) -> None:
    """Raise OSError if these are other pixels than were promised."""
    if found.shape != part.shape or out.shape != part.shape:
        raise OSError(f"{held} gave pixels of shape {found.shape} where {out.shape} were wanted")
    if not np.can_cast(found.dtype, out.dtype, "safe"):
        raise OSError(f"{held} gave {found.dtype} where it has {out.dtype} by its own account")
