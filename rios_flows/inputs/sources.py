"""What opening an input once tells of it: a value, with no open file in it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import RasterioError, RasterioIOError

from rios_flows import rioserrors
from rios_flows.geometry.georef import grid_of_dataset
from rios_flows.grid import PixelGrid
from rios_flows.options import InputOptions
from rios_flows.types import Key


@dataclass(frozen=True, slots=True)
class RasterSource:
    """One raster input.

    Attributes
    ----------
    key : tuple
        Symbolic name, and place in its list or None.
    path : str
        As given by the user.
    grid : PixelGrid
        The file's own grid.
    bands : tuple of int
        Bands to read, from 1.
    dtype : str
        Numpy type of the first of these bands, and so of the arrays.
    nodata : tuple of float or None
        Nodata value of each of these bands.
    place : str
        The path in full where it is a local file; empty where it is not.
    """

    key: Key
    path: str
    grid: PixelGrid
    bands: tuple[int, ...]
    dtype: str
    nodata: tuple[float | None, ...]
    place: str = ""

    @property
    def opens(self) -> str:
        """What to open, wherever the process's working directory is by then."""
        return self.place or self.path

    @property
    def label(self) -> str:
        """How messages call it: ``name`` or ``name[3]``."""
        return label_of(self.key)


def as_pixel(value: float | None, dtype: str | np.dtype[Any]) -> np.ndarray[Any, Any] | None:
    """Return a nodata value as a pixel of this type has it: 0-dimensional.

    None where there is no such value, or where the type cannot hold it and so no pixel has it.
    """
    if value is None:
        return None
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        with np.errstate(over="ignore"):
            pixel = np.array(value, kind)
        return pixel if np.isfinite(pixel) or not np.isfinite(value) else None
    limits = np.iinfo(kind)
    if float(value).is_integer() and limits.min <= value <= limits.max:
        return np.array(int(value), kind)
    return None


def label_of(key: Key) -> str:
    """Write a raster's name and number as a user would: ``nir`` or ``dates[3]``."""
    name, number = key
    return name if number is None else f"{name}[{number}]"


def open_source(key: Key, path: str, options: InputOptions) -> RasterSource:
    """Look at one input.

    Raises
    ------
    FileOpenError
        If it cannot be opened, or has no north-up georeferencing.
    ParameterError
        If a selected band does not exist, or the nodata values are too few or too many.
    """
    _check_ordinary(label_of(key), path)
    try:
        with rasterio.open(path) as dataset:
            bands = _bands(dataset.count, options, label_of(key), path)
            return RasterSource(
                key=key,
                path=path,
                grid=grid_of_dataset(dataset, f"'{path}' (input '{label_of(key)}')"),
                bands=bands,
                dtype=dataset.dtypes[bands[0] - 1],
                nodata=_nodata(dataset.nodatavals, bands, options, label_of(key), path),
                place=os.path.abspath(path) if os.path.exists(path) else "",
            )
    except (RasterioIOError, RasterioError, OSError) as error:
        if isinstance(error, rioserrors.RiosError):
            raise
        raise rioserrors.FileOpenError(_why_not(label_of(key), path, error)) from error


def _check_ordinary(label: str, path: str) -> None:
    """Refuse what opening would wait for, without end."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode):
        raise rioserrors.FileOpenError(
            f"Unable to open '{path}' (input '{label}'): it is a pipe, a socket or a device; write "
            "its data to a file first"
        )


def _why_not(label: str, path: str, error: BaseException) -> str:
    if "://" not in path and not path.startswith("/vsi") and not os.path.exists(path):
        return f"Unable to open '{path}' (input '{label}'): there is no such file"
    return f"Unable to open '{path}' (input '{label}') as a raster: {error}"


def _bands(count: int, options: InputOptions, label: str, path: str) -> tuple[int, ...]:
    if count == 0:
        raise rioserrors.FileOpenError(
            f"'{path}' (input '{label}') holds no raster band; name one of its subdatasets"
        )
    bands = options.layers or tuple(range(1, count + 1))
    missing = [band for band in bands if not 1 <= band <= count]
    if missing:
        raise rioserrors.ParameterError(
            f"selectInputImageLayers: input '{label}' ('{path}') has bands 1 to {count}, "
            f"and {missing} were selected"
        )
    return bands


def _nodata(
    values: tuple[float | None, ...],
    bands: tuple[int, ...],
    options: InputOptions,
    label: str,
    path: str,
) -> tuple[float | None, ...]:
    if options.nodata is None:
        return tuple(values[band - 1] for band in bands)
    if not isinstance(options.nodata, tuple):
        return (options.nodata,) * len(bands)
    if len(options.nodata) != len(bands):
        raise rioserrors.ParameterError(
            f"setInputNoDataValue: input '{label}' ('{path}') is read with {len(bands)} bands, "
            f"and {len(options.nodata)} values were given"
        )
    return options.nodata
