"""Arrays of a block as people know them: masked, in floats, a single band without its axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rios_flows import rioserrors
from rios_flows.front.masked import MaskedBlock
from rios_flows.inputs.sources import RasterSource, Source
from rios_flows.reducers.nodata import as_pixel

if TYPE_CHECKING:
    from rios_flows.basics.types import BlockArray
    from rios_flows.runs.blockinfo import ReaderInfo

#: The smallest float that holds every value of an integer; none holds those of 64 bits.
_FLOATS: dict[int, np.dtype[Any]] = {
    1: np.dtype("float32"),
    2: np.dtype("float32"),
    4: np.dtype("float64"),
}


@dataclass(frozen=True, slots=True)
class Dtypes:
    """The types of arrays: "float", None for those of the files, or the name of one."""

    for_all: str | None = "float"
    single: Mapping[str, str | None] = field(default_factory=dict)

    def of(self, name: str, own: np.dtype[Any]) -> np.dtype[Any]:
        """Return the type of an input that has a type of its own."""
        wanted = self.single.get(name, self.for_all)
        if wanted is None:
            return own
        if wanted == "float":
            return _FLOATS[own.itemsize] if own.kind in "iu" and own.itemsize < 8 else own
        asked = np.dtype(wanted)
        if asked.kind != "f" and not np.can_cast(own, asked):
            raise rioserrors.TypeConversionError(
                f"dtype={wanted!r}: input '{name}' is {own}, and {asked} does not hold all its "
                "values; convert it in the function, where you say how"
            )
        return asked


@dataclass(frozen=True, slots=True)
class Handing:
    """How arrays are handed to the function.

    Attributes
    ----------
    masked : bool
        Whether they are masked arrays.
    dtypes : Dtypes
        Their types.
    squeeze : bool
        Whether a single band comes without its axis.
    whole : frozenset of str
        Inputs that keep the axis whatever they have: their bands were given as a list.
    scaled : bool
        Whether scales and offsets of bands are applied.
    """

    masked: bool = True
    dtypes: Dtypes = Dtypes()
    squeeze: bool = True
    whole: frozenset[str] = frozenset()
    scaled: bool = False

    def array_of(self, info: ReaderInfo, name: str, read: Any) -> Any:
        """Return what the function gets for an array that was read, or for a list of them."""
        if read is None:
            return None
        arrays = read if isinstance(read, list) else [read]
        data, masks = self._data(info, name, arrays), self._masks(info, arrays)
        if any(mask is not None for mask in masks):
            return self._masked(name, read, data, masks)
        found = self._shaped(name, read, data)
        # the constructor of MaskedArray looks at much that is known here
        return found.view(MaskedBlock) if self.masked else found

    def _data(self, info: ReaderInfo, name: str, arrays: Sequence[BlockArray]) -> list[BlockArray]:
        dtypes = [self.dtypes.of(name, array.dtype) for array in arrays]
        if self.scaled:
            sources = [info.source_of(array) for array in arrays]
            found = list(map(_scaled, arrays, sources, dtypes))
            if not self.masked:
                for values, array, source in zip(found, arrays, sources, strict=True):
                    _hide_nodata(values, array, source)
            return found
        return [
            array.astype(dtype, copy=False) for array, dtype in zip(arrays, dtypes, strict=True)
        ]

    def _masks(self, info: ReaderInfo, arrays: Sequence[BlockArray]) -> list[Any]:
        """Return which pixels of each array are not valid; None if all are."""
        if not self.masked:
            return [None] * len(arrays)
        found: list[Any] = []
        for array in arrays:
            source = info.source_of(array)
            if not isinstance(source, RasterSource):
                # outside the features of a vector, its null is a value like others
                found.append(None)
                continue
            valid = info.valid_of(array)
            found.append(_with_nan(array, source.nodata, None if valid is None else ~valid))
        return found

    def _masked(
        self, name: str, read: Any, data: Sequence[BlockArray], masks: Sequence[Any]
    ) -> Any:
        full = [
            np.zeros(array.shape, bool) if mask is None else mask
            for array, mask in zip(data, masks, strict=True)
        ]
        for array, mask in zip(data, full, strict=True):
            if array.dtype.kind in "fc":
                # what forgets the mask, as np.median does, gets no number that looks like a value
                array[mask] = np.nan
        pixels, mask = self._shaped(name, read, data), self._shaped(name, read, full)
        return MaskedBlock(pixels, mask=mask)

    def _shaped(self, name: str, read: Any, arrays: Sequence[Any]) -> Any:
        """Stack a list of arrays, and drop the axis of a single band."""
        drop = self.squeeze and name not in self.whole and arrays and arrays[0].shape[0] == 1
        if not isinstance(read, list):
            return arrays[0][0] if drop else arrays[0]
        if len({array.shape for array in arrays}) > 1:
            bands = ", ".join(str(array.shape[0]) for array in arrays)
            raise rioserrors.ArrayShapeError(
                f"the files of input '{name}' have {bands} bands, and come as one array; choose "
                "bands, or give the files names of their own"
            )
        stacked = np.stack(arrays) if arrays else np.empty(0)
        return stacked[:, 0] if drop else stacked


def _with_nan(array: BlockArray, nodata: Sequence[float | None], mask: Any) -> Any:
    """Return a mask of pixels without data with those that are NaN beside other nodata values."""
    if array.dtype.kind not in "fc" or all(value != value for value in nodata):
        return mask
    unknown = np.isnan(array)
    if not unknown.any():
        return mask
    return unknown if mask is None else mask | unknown


def _scaled(array: BlockArray, source: Source, dtype: np.dtype[Any]) -> BlockArray:
    """Apply scale and offset of each band, which makes floats of integers."""
    if not isinstance(source, RasterSource) or not source.scaling:
        return array.astype(dtype, copy=False)
    if dtype.kind not in "fc":
        dtype = _FLOATS.get(array.dtype.itemsize, np.dtype("float64"))
    scales, offsets = np.array(source.scaling).T.reshape(2, -1, 1, 1)
    found: BlockArray = (array * scales + offsets).astype(dtype)
    return found


def _hide_nodata(values: BlockArray, stored: BlockArray, source: Source) -> None:
    """Put NaN where stored pixels are nodata: scaled it would look like any other value."""
    if not isinstance(source, RasterSource) or not source.scaling:
        return
    for band, nodata in enumerate(source.nodata):
        value = as_pixel(nodata, stored.dtype)
        if value is not None:
            values[band][stored[band] == value] = np.nan
