"""Raster files that a caller gives by name or open, to read or to change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Any, TypeAlias

import rasterio
from rasterio.io import DatasetReader

from rios_flows import rioserrors
from rios_flows.basics.errortext import why_not_opened
from rios_flows.files.changelock import one_change
from rios_flows.formats.known import format_of
from rios_flows.gdal.closing import close_written
from rios_flows.gdal.losses import check_losses, losses
from rios_flows.gdal.private import IO_ERRORS

#: A raster file, by name or open.
Raster: TypeAlias = str | PathLike[str] | DatasetReader


@contextmanager
def open_raster(raster: Raster, mode: str) -> Iterator[Any]:
    """Open a raster given by name, and close it afterwards; leave an open one as it is."""
    if not is_name(raster):
        _check_open(raster, mode)
        yield raster
        return
    if mode == "r+":
        with _open(raster, "r") as dataset:
            check_changeable(dataset)
    with _open(raster, mode) as dataset:
        yield dataset


@contextmanager
def changing(raster: Raster) -> Iterator[Any]:
    """Open a raster for changes, and check that they are kept; an open one stays open."""
    before = losses()
    with one_change(raster), open_raster(raster, "r+") as dataset:
        yield dataset
        try:
            if is_name(raster):
                close_written(dataset)
            check_losses(before)
        except OSError as error:
            raise rioserrors.ImageWriteError(
                f"Unable to change '{dataset.name}': {error}"
            ) from error


def is_name(raster: Raster) -> bool:
    """Return whether a raster is given by name, and not open."""
    return isinstance(raster, str | PathLike)


def check_changeable(dataset: DatasetReader) -> None:
    """Raise ImageOpenError if a file cannot be changed in place."""
    # of a driver that only copies, rasterio would compress the pixels again, often with a loss
    why = format_of(dataset.driver).why_unchangeable(dataset)
    if why is not None:
        raise rioserrors.ImageOpenError(f"Unable to change '{dataset.name}': {why}")


def check_band(dataset: DatasetReader, band: int) -> None:
    """Raise GDALLayerNumberError if a raster has no such band."""
    if band not in dataset.indexes:
        raise rioserrors.GDALLayerNumberError(
            f"'{dataset.name}' has no band {band!r}; give one from 1 to {dataset.count}"
        )


def _open(raster: str | PathLike[str], mode: str) -> Any:
    try:
        return rasterio.open(raster, mode)
    except IO_ERRORS as error:
        why = why_not_opened(raster, error)
        raise rioserrors.ImageOpenError(f"Unable to open '{raster}': {why}") from error


def _check_open(dataset: Any, mode: str) -> None:
    # not by its class: setCallBeforeClose hands over a wrapped dataset
    if not hasattr(dataset, "indexes"):
        raise rioserrors.ParameterError(
            f"{type(dataset).__name__} {dataset!r} is no raster; give a file name, or a dataset "
            "that rasterio opened"
        )
    if mode == "r+" and dataset.mode == "r":
        raise rioserrors.ParameterError(
            f"'{dataset.name}' is open for reading only; open it with mode='r+', or give its name"
        )
