"""Statistics and pyramids of raster files that exist already."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rios_flows import rioserrors
from rios_flows.basics.bars import SilentProgress
from rios_flows.controls import checks
from rios_flows.controls.options import CONTROLS
from rios_flows.files.bandtags import kept_statistics, write_band_tags
from rios_flows.files.changelock import one_change
from rios_flows.files.defaulthistograms import renew_default_histograms
from rios_flows.files.fileprogress import FileProgress
from rios_flows.files.histogramcolumns import write_histogram_columns
from rios_flows.files.keptrows import rows_kept
from rios_flows.files.measuring import MeasureOptions, approximate_statistics_of, statistics_of
from rios_flows.files.nodatavalues import nodata_values, set_null_value
from rios_flows.files.opening import Raster, changing, check_changeable, is_name, open_raster
from rios_flows.files.osgeofile import AnyRaster, named
from rios_flows.files.pyramids import RESAMPLING, made_together
from rios_flows.formats.known import format_of
from rios_flows.gdal.fulldisk import with_hint
from rios_flows.gdal.private import IO_ERRORS
from rios_flows.reducers.cells import overview_levels
from rios_flows.reducers.nodata import Number, nodata_of
from rios_flows.reducers.statistics import BandStatistics, can_be_measured

if TYPE_CHECKING:
    from rasterio.io import DatasetReader


def calcStats(
    ds: AnyRaster,
    progress: Any = None,
    ignore: Number | None = None,
    minoverviewdim: int | None = None,
    levels: Sequence[int] | None = None,
    aggregationType: str | None = None,
    approx_ok: bool = False,
) -> None:
    """Give a raster a nodata value, overviews, statistics and a histogram.

    Parameters
    ----------
    ds : str or open dataset
        The raster; an open one must be open in mode "r+". A dataset of osgeo is used by its file
        name; one that is open for writing is refused: close it first.
    progress : object, optional
        A progress object; only its method ``setProgress`` is needed.
    ignore : int or float, optional
        The nodata value; None leaves the raster's own.
    minoverviewdim : int, optional
        An overview is made if the raster's shorter side, divided by its factor and rounded down, is
        more than this (pixels).
    levels : sequence of int, optional
        Factors to choose from; an empty list for no overviews.
    aggregationType : str, optional
        How overviews are filled: "NEAREST", "AVERAGE", "CUBIC" and so on.
    approx_ok : bool
        Statistics of a part of the pixels will do.

    Raises
    ------
    ImageOpenError
        If the file cannot be opened for changes.
    ParameterError
        If the nodata value is none of the raster's type, or levels or method make no sense.
    ImageWriteError
        If the file cannot keep what it is given.
    ProcessCancelledError
        If the progress object says so.
    """
    raster = named(ds)
    if ignore is not None:
        setNullValue(raster, ignore)
    addPyramid(raster, progress, minoverviewdim, levels, aggregationType)
    addStatistics(raster, progress, approx_ok=approx_ok)


def addPyramid(
    ds: AnyRaster,
    progress: Any = None,
    minoverviewdim: int | None = None,
    levels: Sequence[int] | None = None,
    aggregationType: str | None = None,
) -> None:
    """Give a raster overviews, made by GDAL; see :func:`calcStats`.

    If a band has a colour table, GDAL's AVERAGE, RMS and GAUSS work on the colours.

    Raises
    ------
    ImageOpenError
        If the file cannot be opened for changes.
    ParameterError
        If levels or method make no sense.
    ImageWriteError
        If the overviews cannot be written.
    ProcessCancelledError
        If the progress object says so; the overviews are made then.
    """
    raster = named(ds)
    factors = CONTROLS["overviewLevels"].own_default() if levels is None else levels
    default_size = CONTROLS["overviewMinDim"].own_default()
    smallest = default_size if minoverviewdim is None else minoverviewdim
    method = aggregationType or CONTROLS["overviewAggType"].own_default() or "NEAREST"
    method = method.upper()
    with open_raster(raster, "r+") as dataset:
        name = dataset.name
        _check_pyramid(name, factors, method)
        parts = made_together(dataset, overview_levels(dataset.shape, factors, smallest))
    report = _report(progress, "Computing Pyramid Layers...", name)
    if len(parts) > 1 and not is_name(raster):
        raise rioserrors.ImageWriteError(
            f"GDAL cannot write overviews of '{name}', of 64-bit integers with a nodata value, in "
            "one go; close the file, and give it by its name"
        )
    for levels in parts:
        with changing(raster) as dataset:
            try:
                dataset.build_overviews(levels, RESAMPLING[method])
            except IO_ERRORS as error:
                raise rioserrors.ImageWriteError(
                    f"Unable to write overviews {levels} of '{name}': {error}"
                ) from error
    report.show(100)


def addStatistics(
    ds: AnyRaster, progress: Any = None, ignore: Number | None = None, approx_ok: bool = False
) -> None:
    """Give a raster statistics and a histogram, and a nodata value if one is given.

    Raises
    ------
    ImageOpenError
        If the file cannot be opened for changes.
    ParameterError
        If the nodata value is none of the raster's type.
    ImageWriteError
        If the file cannot keep what it is given.
    ProcessCancelledError
        If the progress object says so; the file has the statistics that it had.
    """
    raster = named(ds)
    if ignore is not None:
        setNullValue(raster, ignore)
    with one_change(raster):
        _write(raster, _measure(raster, approx_ok, progress), approx_ok)


def addBasicStatsGDAL(ds: AnyRaster, approx_ok: bool = False) -> list[tuple[Number, Number] | None]:
    """Give a raster statistics; if it has a histogram, that is made again too.

    Parameters
    ----------
    ds : str or open dataset
        The raster; an open one must be open in mode "r+".
    approx_ok : bool
        A part of the pixels will do.

    Returns
    -------
    Smallest and largest value of each band; None for a band with no valid pixel.

    Raises
    ------
    ImageOpenError
        If the file cannot be opened for changes.
    ImageWriteError
        If it cannot be changed.
    """
    raster = named(ds)
    with one_change(raster):
        bands = _measure(raster, approx_ok)
        _write(raster, bands, approx_ok, histogram=_has(raster, "STATISTICS_HISTOBINVALUES"))
    return [None if band is None else (band.minimum, band.maximum) for band in bands]


def addHistogramsGDAL(ds: AnyRaster, minMaxList: Any = None, approx_ok: bool = False) -> None:
    """Give a raster histograms; if it has statistics, these are made again too.

    Parameters
    ----------
    ds : str or open dataset
        The raster; an open one must be open in mode "r+".
    minMaxList : object
        Has no effect: the smallest and largest values are found along with the histogram.
    approx_ok : bool
        A part of the pixels will do.

    Raises
    ------
    ImageOpenError
        If the file cannot be opened for changes.
    ImageWriteError
        If it cannot be changed.
    """
    raster = named(ds)
    with one_change(raster):
        bands = _measure(raster, approx_ok)
        _write(raster, bands, approx_ok, statistics=_has(raster, "STATISTICS_MEAN"))


def setNullValue(ds: AnyRaster, nullValue: Number) -> None:
    """Give a raster a nodata value.

    Parameters
    ----------
    ds : str or open dataset
        The raster; an open one must be open in mode "r+".
    nullValue : int or float
        The value.

    Raises
    ------
    ImageOpenError
        If the file cannot be opened for changes.
    ParameterError
        If no pixel of a band's type can have the value.
    ImageWriteError
        If the file does not keep the value.
    """
    set_null_value(named(ds), nullValue)


def band_statistics(
    dataset: DatasetReader,
    band: int,
    *,
    dtype: str,
    nodata: Number | None = None,
    approx_ok: bool = False,
    report: Any = None,
) -> BandStatistics | None:
    """Return statistics of a band, by its own layer type; None if no pixel is valid."""
    if not can_be_measured(np.dtype(dtype)):
        return None
    options = MeasureOptions(
        np.dtype(dtype),
        nodata=nodata,
        thematic=dataset.tags(band).get("LAYER_TYPE") == "thematic",
        report=report,
    )
    measure = approximate_statistics_of if approx_ok else statistics_of
    return measure(dataset, band, options)


def nodata_as_pixel_value(dtype: str, nodata: float | None) -> Number | None:
    """Return a band's nodata value, as an integer if its pixels are integers and can have it."""
    value = nodata_of(dtype, nodata) if np.dtype(dtype).kind in "iu" else None
    return nodata if value is None else value


def _report(progress: Any, text: str, file: str, parts: int = 1) -> FileProgress:
    try:
        shown = SilentProgress() if progress is None else checks.progress(progress)
    except ValueError as error:
        raise rioserrors.ParameterError(f"progress={progress!r}: it must be {error}") from None
    return FileProgress(shown, text, file, parts)


def _measure(ds: Raster, approx_ok: bool, progress: Any = None) -> list[BandStatistics | None]:
    bands = []
    with open_raster(ds, "r") as dataset:
        if is_name(ds):
            # fail now rather than after reading everything
            check_changeable(dataset)
        report = _report(progress, "Computing Statistics...", dataset.name, parts=dataset.count)
        told = zip(dataset.indexes, dataset.dtypes, nodata_values(dataset), strict=True)
        for band, dtype, nodata in told:
            how = {"dtype": dtype, "nodata": nodata, "approx_ok": approx_ok}
            bands.append(band_statistics(dataset, band, **how, report=report.show))
            report.next_part()
    return bands


def _write(
    ds: Raster, bands: Sequence[BandStatistics | None], approx_ok: bool, **which: bool
) -> None:
    """Write statistics, histogram or both; replace all earlier ones of a raster."""
    # all at once: rows that somebody else writes in between would be cut off
    with one_change(ds):
        _forget(ds)
        lengthened = bands if which.get("histogram", True) else []
        with rows_kept(ds, lengthened), changing(ds) as dataset:
            values = map(nodata_as_pixel_value, dataset.dtypes, nodata_values(dataset))
            write_band_tags(dataset, bands, nodata=list(values), approximate=approx_ok, **which)
        if which.get("histogram", True):
            write_histogram_columns(ds, bands)
        if is_name(ds):
            try:
                renew_default_histograms(os.fspath(ds), bands, approximate=approx_ok)
            except OSError as error:
                raise rioserrors.ImageWriteError(
                    f"Unable to change '{ds}.aux.xml': {with_hint(error)}"
                ) from error


def _forget(ds: Raster) -> None:
    """Remove earlier statistics from a file whose format cannot lose them while it is open."""
    if not is_name(ds) or not os.path.isfile(ds):
        return
    with open_raster(ds, "r+") as dataset:
        known = format_of(dataset.driver)
        if not (
            known.statistics_stay
            and any(kept_statistics(dataset, band) for band in dataset.indexes)
        ):
            return
        # removes those in the side-car file
        dataset.clear_stats()
    known.drop_statistics(os.fspath(ds))


def _has(ds: Raster, tag: str) -> bool:
    with open_raster(ds, "r") as dataset:
        return any(tag in dataset.tags(band) for band in dataset.indexes)


def _check_pyramid(name: str, levels: Sequence[Any], method: str) -> None:
    if method not in RESAMPLING:
        raise rioserrors.ParameterError(
            f"No overviews of '{name}' are made by '{method}'; use one of {', '.join(RESAMPLING)}"
        )
    if not all(isinstance(level, int | np.integer) and level > 1 for level in levels):
        raise rioserrors.ParameterError(
            f"No overviews of '{name}' are made of levels={levels!r}; give whole numbers above 1"
        )
