"""What is known of an input once it was opened: a value, with no open file in it."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import rasterio
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError

from rios_flows import rioserrors
from rios_flows.basics.errortext import why_not_found, why_not_opened
from rios_flows.basics.types import Key, label_of
from rios_flows.controls.options import InputOptions
from rios_flows.controls.spelling import question
from rios_flows.files.layout import FileLayout, layout_of
from rios_flows.files.nodatavalues import nodata_values
from rios_flows.formats.known import format_of
from rios_flows.gdal.private import IO_ERRORS
from rios_flows.geometry.georef import grid_of_dataset
from rios_flows.geometry.grid import PixelGrid
from rios_flows.inputs.scaling import scaling_of, with_told
from rios_flows.reducers.nodata import Number, nodata_of

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

    from rios_flows.gdal.heldpixels import HeldPixels

#: GDAL's flags of a band without a mask, or with a nodata value in place of one.
_NO_MASK = ([MaskFlags.all_valid], [MaskFlags.nodata])

#: numpy has no complex integers.
_READ_AS = {"complex_int16": "complex64"}


class Source:
    """What rasters and vectors have in common."""

    __slots__ = ()

    #: Symbolic name, and place in its list or None.
    key: Key
    #: As the user gave it.
    path: str
    #: The full path of a local file; empty for others.
    place: str

    @property
    def opens(self) -> str:
        """What to open, wherever the process's working directory is by then."""
        return self.place or self.path

    @property
    def label(self) -> str:
        """Its name in messages: ``name`` or ``name[3]``."""
        return label_of(self.key)

    @property
    def what(self) -> str:
        """Its name in messages, with its file: ``'nir.tif' (input 'nir')``."""
        return what_of(self.key, self.path)


@dataclass(frozen=True, slots=True)
class RasterSource(Source):
    """One raster input; tuples have an item for each band that is read."""

    key: Key
    path: str
    grid: PixelGrid
    bands: tuple[int, ...]
    dtypes: tuple[str, ...]
    nodata: tuple[float | None, ...]
    place: str = ""
    layout: FileLayout | None = None
    driver: str = ""
    # whether each band has a mask of its own
    masks: tuple[bool, ...] = ()
    # pixels that a mask leaves out become nodata
    fills_masked: bool = False
    # those count as no data only where others are made of them, as for a warp
    weighs_masks: bool = False
    # scale and offset of each band; empty where they would change nothing
    scaling: tuple[tuple[float, float], ...] = ()
    # what is read in place of a file
    held: HeldPixels | None = None

    @property
    def opens(self) -> str:
        """What to open, wherever the process's working directory is by then."""
        if self.held is not None:
            return self.held.text(self.bands)
        return self.place or self.path

    @property
    def dtype(self) -> str:
        """Type of the arrays: that of the first band read."""
        return self.dtypes[0]


def what_of(key: Key, path: str) -> str:
    """Return the name of an input in messages, with its file."""
    return f"'{path}' (input '{label_of(key)}')"


def local_path_of(path: str) -> str:
    """Return the full path of a local file; empty for what is none."""
    return os.path.abspath(path) if os.path.exists(path) else ""


def open_source(
    key: Key, path: str, options: InputOptions, held: HeldPixels | None = None
) -> RasterSource:
    """Look at one raster input, and check its options against it."""
    if held is None:
        check_ordinary(key, path)
    what = what_of(key, path)
    try:
        with rasterio.open(path if held is None else held.text()) as dataset:
            bands = _bands(dataset, options, what)
            format_of(dataset.driver).check_length(dataset)
            # rasterio makes each of these anew when asked for it
            dtypes, flags = dataset.dtypes, dataset.mask_flag_enums
            nodata = with_told(nodata_values(dataset), options.told_nodata)
            source = RasterSource(
                key=key,
                path=path,
                grid=grid_of_dataset(dataset, what),
                bands=bands,
                dtypes=tuple(_READ_AS.get(dtypes[band - 1], dtypes[band - 1]) for band in bands),
                nodata=tuple(nodata[band - 1] for band in bands),
                place="" if held else local_path_of(path),
                # nothing of it is in GDAL's block cache
                layout=None if held else layout_of(dataset, bands),
                driver=dataset.driver,
                masks=tuple(flags[band - 1] not in _NO_MASK for band in bands),
                scaling=scaling_of(dataset, bands, options, what),
                held=held,
            )
        source = replace(source, nodata=_nodata(source, options))
        if not (options.mask and any(source.masks)):
            return replace(source, weighs_masks=options.as_masked and any(source.masks))
        _check_masks(source)
        return replace(source, fills_masked=True)
    except IO_ERRORS as error:
        if isinstance(error, rioserrors.RiosError):
            raise
        missing = why_not_found(path)
        why = f" as a raster: {why_not_opened(path, error)}" if missing is None else f": {missing}"
        raise rioserrors.FileOpenError(f"Unable to open {what}{why}") from error


def check_ordinary(key: Key, path: str) -> None:
    """Refuse what would hang when opened: a pipe for ever, a silent store four times."""
    why = None
    if "://" in path or "/vsi" in path:
        # few inputs are in a store
        from rios_flows.gdal.silence import why_silent

        why = why_silent(path)
    with suppress(OSError):
        mode = os.stat(path).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode):
            why = "it is a pipe, a socket or a device; write its data to a file first"
    if why is not None:
        raise rioserrors.FileOpenError(f"Unable to open {what_of(key, path)}: {why}")


def _bands(dataset: DatasetReader, options: InputOptions, what: str) -> tuple[int, ...]:
    count = dataset.count
    if count == 0:
        raise rioserrors.FileOpenError(
            f"{what} holds no raster band; name one of its subdatasets"
        ) from RasterioError("no band of its own")
    chosen = options.layers or tuple(range(1, count + 1))
    bands = tuple(band for band in chosen if isinstance(band, int))
    if len(bands) < len(chosen):
        bands = tuple(_numbers(chosen, dataset.descriptions, what))
    missing = [band for band in bands if not 1 <= band <= count]
    if missing:
        raise rioserrors.ParameterError(
            f"selectInputImageLayers: {what} has bands 1 to {count}, and {missing} were selected"
        )
    return bands


def _numbers(
    bands: tuple[int | str, ...], names: tuple[str | None, ...], what: str
) -> Iterator[int]:
    """Find the numbers of bands, of which some are chosen by their description."""
    for band in bands:
        if isinstance(band, int):
            yield band
            continue
        places = [number for number, name in enumerate(names, 1) if name == band]
        if len(places) != 1:
            raise rioserrors.ParameterError(
                f"selectInputImageLayers: {what} {_why_not(band, places, names)}"
            )
        yield places[0]


def _why_not(band: str, places: list[int], names: tuple[str | None, ...]) -> str:
    if places:
        return f"has several bands called {band!r}; choose of their numbers, {places}"
    told = [name for name in names if name]
    advice = question(band, told) or f"; its bands are called {', '.join(told) or 'nothing'}"
    return f"has no band called {band!r}{advice}"


def _nodata(source: RasterSource, options: InputOptions) -> tuple[float | None, ...]:
    """Return the nodata value of each band: what the user gave, else what the file says."""
    given = options.nodata
    if given is None:
        # a value that pixels of this type cannot have does not count
        values = tuple(map(nodata_of, source.dtypes, source.nodata))
        if options.as_masked and np.dtype(source.dtype).kind in "fc":
            values = tuple(map(_or_nan, values, source.dtypes))
    else:
        values = _given_nodata(source, given)
    for band, dtype, value in zip(source.bands, source.dtypes, values, strict=True):
        if value is not None and nodata_of(source.dtype, value) is None:
            raise rioserrors.ParameterError(
                f"Band {band} of {source.what} is {dtype} with the nodata value {value!r}, which "
                f"an array of {source.dtype}, the type of the first band read, cannot hold; read "
                "a band of the wider type first (selectInputImageLayers), or this one alone"
            )
    return values


def _or_nan(value: Number | None, dtype: str) -> Number | None:
    """Return the nodata value of a band: NaN for floats where the file tells nothing."""
    return math.nan if value is None and np.dtype(dtype).kind in "fc" else value


def _given_nodata(
    source: RasterSource, given: float | tuple[float, ...]
) -> tuple[float | None, ...]:
    values = given if isinstance(given, tuple) else (given,) * len(source.bands)
    if len(values) != len(source.bands):
        raise rioserrors.ParameterError(
            f"setInputNoDataValue: {source.what} is read with {len(source.bands)} bands, "
            f"and {len(values)} values were given"
        )
    for band, dtype, value in zip(source.bands, source.dtypes, values, strict=True):
        if nodata_of(dtype, value) is None:
            raise rioserrors.ParameterError(
                f"setInputNoDataValue: {value!r} for {source.what} is no {dtype}, which is the "
                f"type of its band {band}; give a value that pixels can have (imagename says for "
                "which input it is, a list has a value for each band)"
            )
    return tuple(map(nodata_of, source.dtypes, values))


def _check_masks(source: RasterSource) -> None:
    """Refuse to fill masked pixels where there is nothing to fill them with."""
    for number, band in enumerate(source.bands):
        if not source.masks[number]:
            continue
        if source.nodata[number] is None:
            raise rioserrors.ParameterError(
                f"setInputMask: band {band} of {source.what} has a mask, but no nodata value for "
                "the pixels that it leaves out; give one that no other pixel has with "
                "setInputNoDataValue"
            )
        if source.dtypes[number].startswith("complex"):
            raise rioserrors.ParameterError(
                f"setInputMask: band {band} of {source.what} is {source.dtypes[number]}, and GDAL "
                "heeds no mask of complex numbers when it warps; set it to False for this input"
            )
