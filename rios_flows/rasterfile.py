"""Raster files that a caller names, or hands over open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Any, TypeAlias

import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from rios_flows import rioserrors

#: A raster file, by name or open.
Raster: TypeAlias = str | PathLike[str] | DatasetReader


@contextmanager
def open_raster(raster: Raster, mode: str) -> Iterator[Any]:
    """Open a raster given by name; leave one that is open as it is.

    Parameters
    ----------
    raster : str, path or open dataset
        The raster.
    mode : str
        "r" to read, "r+" to change it.

    Yields
    ------
    The dataset; closed afterwards only if it was opened here.

    Raises
    ------
    ImageOpenError
        If it cannot be opened so.
    ParameterError
        If it is neither a name nor a dataset of rasterio, or is open for reading only.
    """
    if not is_name(raster):
        _check_open(raster, mode)
        yield raster
        return
    try:
        dataset = rasterio.open(raster, mode)
    except (RasterioError, TypeError) as error:
        # a file that is not there is a TypeError in mode "r+"
        raise rioserrors.ImageOpenError(f"Unable to open '{raster}': {error}") from error
    with dataset:
        yield dataset


def is_name(raster: Raster) -> bool:
    """Tell whether a raster is given by name, and not open."""
    return isinstance(raster, str | PathLike)


def check_band(dataset: DatasetReader, band: int) -> None:
    """Make sure that a raster has a band.

    Raises
    ------
    GDALLayerNumberError
        If it has not.
    """
    if band not in dataset.indexes:
        raise rioserrors.GDALLayerNumberError(
            f"'{dataset.name}' has no band {band}; give one from 1 to {dataset.count}"
        )


def _check_open(dataset: Any, mode: str) -> None:
    # not by its class: setCallBeforeClose hands over a dataset in disguise
    if not hasattr(dataset, "indexes"):
        raise rioserrors.ParameterError(
            f"{type(dataset).__name__} {dataset!r} is no raster; give a file name, or a dataset "
            "that rasterio opened"
        )
    if mode == "r+" and dataset.mode == "r":
        raise rioserrors.ParameterError(
            f"'{dataset.name}' is open for reading only; open it with mode='r+', or give its name"
        )
