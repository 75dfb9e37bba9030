"""Arrays as inputs: what numpy slices, with a place on the ground."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.transform import Affine

from rios_flows import rioserrors
from rios_flows.gdal.heldpixels import HeldFacts, HeldPixels, Part
from rios_flows.gdal.pixeltypes import GDAL_TYPES
from rios_flows.inputs.lazychunks import by_chunks, has_masks
from rios_flows.reducers.nodata import nodata_of

#: Types of numpy that GDAL lacks, and those that hold each of their values.
_READ_AS = {"bool": "uint8", "float16": "float32"}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Raster:
    """An array with its place on the ground, to be read in place of a file.

    Parameters
    ----------
    array : array
        Pixels ``(rows, cols)`` or ``(bands, rows, cols)``. Anything with ``shape`` and ``dtype``
        that is sliced as numpy's arrays are: also masked arrays, memory maps, arrays of dask or
        zarr. Nothing is copied; what is computed when it is needed is read block by block.
    transform : affine.Affine or sequence of float
        Columns and rows to coordinates, as rasterio has it, or its first six numbers. Rows may run
        upwards, or columns leftwards; they must not be turned.
    crs : CRS, int, str or None
        What ``rasterio.crs.CRS.from_user_input`` takes: ``"EPSG:32755"``, an EPSG number, a text.
    nodata : float, sequence of float or None
        Value of pixels without data, or one for each band.
    names : sequence of str, optional
        Names of the bands, by which ``bands=`` may choose.
    title : str, optional
        What messages and records call it.
    scale, offset : float or sequence of float, optional
        What stored values are to be multiplied by, and what is then added, for all bands or for
        each; applied by ``rios_flows.apply(..., scaled=True)``.

    Raises
    ------
    ParameterError
        If this is no raster; the message says why.
    """

    array: Any
    transform: Any
    crs: Any = None
    nodata: Any = None
    names: Sequence[str | None] | None = None
    title: str = ""
    scale: Any = 1.0
    offset: Any = 0.0

    def __post_init__(self) -> None:
        # what is wrong is told where it is made
        self.held()

    def __repr__(self) -> str:
        return f"Raster({self.called})"

    @property
    def called(self) -> str:
        """Its name in messages: the title, else kind, shape and type of the array."""
        kind = type(self.array)
        of = kind.__module__.partition(".")[0]
        shape = " x ".join(map(str, getattr(self.array, "shape", ())))
        dtype = getattr(self.array, "dtype", "")
        return self.title or f"{of}.{kind.__name__} {shape} {dtype}".rstrip()

    def held(self) -> HeldPixels:
        """Return what GDAL can read."""
        array = self.array
        shape, own = _kind_of(array)
        if len(shape) not in (2, 3) or 0 in shape:
            raise rioserrors.ParameterError(
                f"Raster: the array has shape {shape}; give (rows, cols) or (bands, rows, cols), "
                "none of them 0"
            )
        count = 1 if len(shape) == 2 else shape[0]
        dtype = self._dtype(own)
        placing = _Placing.of(self.transform, shape[-1], shape[-2])
        known = isinstance(array, np.ma.MaskedArray) and np.ma.getmask(array) is not np.ma.nomask
        masked = known or has_masks(array)
        facts = HeldFacts(
            title=self.called,
            nrows=shape[-2],
            ncols=shape[-1],
            transform=placing.transform.to_gdal(),
            crs=_wkt(self.crs),
            dtypes=(dtype,) * count,
            nodata=tuple(self._nodata(dtype, value) for value in self._each("nodata", count)),
            names=self._names(count),
            masks=(masked,) * count,
            scaling=self._scaling(count),
        )
        return ArrayPixels(facts, array, placing.upwards, placing.leftwards)

    def _dtype(self, own: np.dtype[Any]) -> str:
        dtype = _READ_AS.get(own.name, own.name)
        if dtype not in GDAL_TYPES:
            raise rioserrors.ParameterError(
                f"Raster: {self.called}: there are no pixels of {own}; convert it to one of "
                f"{', '.join(name for name in GDAL_TYPES if name != 'complex_int16')}"
            )
        return dtype

    def _each(self, name: str, count: int) -> tuple[Any, ...]:
        """Return what is given for all bands, or for each of them, for each."""
        given = getattr(self, name)
        if isinstance(given, str) or np.ndim(given) == 0:
            return (given,) * count
        if len(given) != count:
            raise rioserrors.ParameterError(
                f"Raster: {self.called} has {count} bands, and {name} {len(given)} values; give "
                "one for all, or one for each"
            )
        return tuple(given)

    def _scaling(self, count: int) -> tuple[tuple[float, float], ...]:
        given = [self._each(name, count) for name in ("scale", "offset")]
        try:
            told = [tuple(map(float, values)) for values in given]
        except (TypeError, ValueError):
            told = [(math.nan,)]
        if not all(math.isfinite(value) for values in told for value in values):
            raise rioserrors.ParameterError(
                f"Raster: scale={self.scale!r} and offset={self.offset!r} must be numbers"
            )
        found = tuple(zip(*told, strict=True))
        return found if any(each != (1.0, 0.0) for each in found) else ()

    def _nodata(self, dtype: str, given: Any) -> Any:
        if given is None:
            return None
        value = given.item() if isinstance(given, np.generic | np.ndarray) else given
        number = isinstance(value, int | float) and not isinstance(value, bool)
        found = nodata_of(dtype, value) if number else None
        if found is None:
            raise rioserrors.ParameterError(
                f"Raster: nodata={given!r} is no {dtype}, which {self.called} is; give a "
                "value that pixels can have, or None"
            )
        return found

    def _names(self, count: int) -> tuple[str | None, ...]:
        if self.names is None:
            return (None,) * count
        names = (self.names,) if isinstance(self.names, str) else tuple(self.names)
        if len(names) != count:
            raise rioserrors.ParameterError(
                f"Raster: {self.called} has {count} bands, and {len(names)} names were given"
            )
        return names


class ArrayPixels(HeldPixels):
    """The pixels of an array, which may be computed or read as they are sliced."""

    def __init__(self, facts: HeldFacts, array: Any, upwards: bool, leftwards: bool) -> None:
        super().__init__(facts)
        self._flat = len(array.shape) == 2
        self.lazy = not isinstance(array, np.ndarray)
        self._array = by_chunks(array, any(facts.masks))
        self._upwards, self._leftwards = upwards, leftwards

    def read(self, bands: tuple[int, ...], part: Part) -> NDArray[Any]:
        """Return pixels (bands, rows, cols) of bands from 1."""
        array, places = self._array, [band - 1 for band in bands]
        rows, cols = self._own(part)
        if self._flat:
            found = np.asarray(array[rows, cols])[np.newaxis]
        elif places == list(range(places[0], places[0] + len(places))):
            # slices are no copies, and all kinds of arrays know them
            found = np.asarray(array[places[0] : places[0] + len(places), rows, cols])
        else:
            found = np.stack([np.asarray(array[place, rows, cols]) for place in places])
        return self._turned(found)

    def read_mask(self, band: int, part: Part) -> NDArray[Any]:
        """Return True where a band's own mask lets a pixel pass (rows, cols)."""
        rows, cols = self._own(part)
        key = (rows, cols) if self._flat else (band - 1, rows, cols)
        return self._turned(~np.ma.getmaskarray(self._array[key]))

    def _own(self, part: Part) -> tuple[slice, slice]:
        """Return where a window is in the array itself."""
        rows, cols = part.rows, part.cols
        facts = self.facts
        return (
            slice(facts.nrows - rows.stop, facts.nrows - rows.start) if self._upwards else rows,
            slice(facts.ncols - cols.stop, facts.ncols - cols.start) if self._leftwards else cols,
        )

    def _turned(self, found: NDArray[Any]) -> NDArray[Any]:
        down = slice(None, None, -1) if self._upwards else slice(None)
        across = slice(None, None, -1) if self._leftwards else slice(None)
        return found[..., down, across]


@dataclass(frozen=True, slots=True)
class _Placing:
    """Where the pixels lie once rows run down and columns to the right."""

    transform: Affine
    upwards: bool
    leftwards: bool

    @classmethod
    def of(cls, given: Any, ncols: int, nrows: int) -> _Placing:
        try:
            a, b, c, d, e, f = (float(number) for number in tuple(given)[:6])
        except (TypeError, ValueError):
            raise rioserrors.ParameterError(
                f"Raster: transform={given!r} is not right: it must be an affine.Affine, as of "
                "rasterio.transform.from_origin, or its first six numbers"
            ) from None
        if not math.isfinite(a + b + c + d + e + f) or a * e == 0:
            raise rioserrors.ParameterError(
                f"Raster: transform={(a, b, c, d, e, f)} gives pixels no size; its numbers are "
                "width, 0, left edge, 0, minus height, upper edge"
            )
        upwards, leftwards = e > 0, a < 0
        if leftwards:
            a, c, d, f = -a, c + a * ncols, -d, f + d * ncols
        if upwards:
            b, c, e, f = -b, c + b * nrows, -e, f + e * nrows
        return cls(Affine(a, b, c, d, e, f), upwards, leftwards)


def _kind_of(array: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and type of what can be sliced as an array of numpy, or refuse it."""
    try:
        found = tuple(int(length) for length in array.shape), np.dtype(array.dtype)
        array.__getitem__  # noqa: B018 - arrays of all kinds have it
    except (AttributeError, TypeError, ValueError):
        kind = type(array).__name__
        path = "; a file is an input by itself" if isinstance(array, str | os.PathLike) else ""
        raise rioserrors.ParameterError(
            f"Raster: {kind} is no array: it has no shape and dtype as numpy's have, or no "
            f"slices{path or f'; give np.asarray(...) of it if numpy knows {kind}'}"
        ) from None
    return found


def _wkt(crs: Any) -> str:
    if crs is None:
        return ""
    try:
        # those of pyproj and odc-geo tell it themselves
        text = crs.to_wkt() if hasattr(crs, "to_wkt") else crs
        return str(CRS.from_user_input(text).to_wkt())
    except (CRSError, TypeError, ValueError) as error:
        raise rioserrors.ParameterError(
            f"Raster: crs={crs!r} is no CRS ({error}); give a text as 'EPSG:32755', or a CRS of "
            "rasterio"
        ) from error
