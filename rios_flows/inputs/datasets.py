"""Datasets that the caller has open, as inputs: opened again by name, or read where they are."""

from __future__ import annotations

import threading
from typing import Any, NoReturn

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from rios_flows import rioserrors
from rios_flows.gdal.heldpixels import HeldFacts, HeldPixels, Part
from rios_flows.gdal.private import GdalError

_NO_MASK = ([MaskFlags.all_valid], [MaskFlags.nodata])


def entry_of(dataset: Any) -> str | HeldPixels:
    """Return the name by which every thread can open a dataset for itself, else its own pixels."""
    if dataset.closed:
        raise rioserrors.ParameterError(
            f"the dataset '{dataset.name}' is closed; keep it open until the run has ended, or "
            "give its name"
        )
    if dataset.mode not in ("r", "r+", "w+"):
        raise rioserrors.ParameterError(
            f"the dataset '{dataset.name}' is open to be written; close it, and give its name"
        )
    if dataset.mode == "r" and _opens_as_well(dataset):
        return str(dataset.name)
    return DatasetPixels(_facts_of(dataset), dataset)


class DatasetPixels(HeldPixels):
    """The pixels of an open dataset, read by one thread at a time."""

    lazy = True

    def __init__(self, facts: HeldFacts, dataset: Any) -> None:
        super().__init__(facts)
        self._dataset, self._lock = dataset, threading.Lock()

    def __getstate__(self) -> NoReturn:
        raise rioserrors.ParameterError(
            f"the dataset '{self.facts.title}' is open in this process only, and compute workers "
            "are to read for themselves: let the main process read (computeWorkersRead=False), or "
            "close it, and give the name of its file"
        )

    def read(self, bands: tuple[int, ...], part: Part) -> NDArray[Any]:
        """Return pixels (bands, rows, cols) of bands from 1."""
        with self._lock:
            found: NDArray[Any] = self._dataset.read(
                list(bands), window=_window(part), out_dtype=self.facts.dtypes[bands[0] - 1]
            )
            return found

    def read_mask(self, band: int, part: Part) -> NDArray[Any]:
        """Return True where a band's own mask lets a pixel pass (rows, cols)."""
        with self._lock:
            return np.asarray(self._dataset.read_masks(band, window=_window(part)) != 0)


def _window(part: Part) -> Window:
    height, width = part.shape
    return Window(part.cols.start, part.rows.start, width, height)


def _opens_as_well(dataset: Any) -> bool:
    """Return whether another thread that opens it by its name finds the same."""
    # a warped one has no name that opens, and options, as OVERVIEW_LEVEL, change what is found
    if type(dataset) is not DatasetReader or getattr(dataset, "options", None):
        return False
    # a file in memory may be gone before its dataset
    if str(dataset.name).startswith("/vsimem/"):
        return False
    try:
        with rasterio.open(dataset.name) as other:
            return all(
                repr(getattr(dataset, name)) == repr(getattr(other, name))
                for name in ("driver", "shape", "count", "dtypes", "transform", "crs", "nodatavals")
            )
    except (RasterioError, GdalError):
        return False


def _facts_of(dataset: Any) -> HeldFacts:
    dtypes = tuple({"complex_int16": "complex64"}.get(name, name) for name in dataset.dtypes)
    flags = dataset.mask_flag_enums
    return HeldFacts(
        title=str(dataset.name),
        nrows=dataset.height,
        ncols=dataset.width,
        transform=tuple(dataset.transform.to_gdal()),
        crs=dataset.crs.to_wkt() if dataset.crs else "",
        dtypes=dtypes,
        nodata=tuple(dataset.nodatavals),
        names=tuple(dataset.descriptions),
        masks=tuple(flag not in _NO_MASK for flag in flags),
        scaling=tuple(zip(dataset.scales, dataset.offsets, strict=True)),
    )
