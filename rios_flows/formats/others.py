"""Further formats that need a class of their own."""

from __future__ import annotations

import os
from typing import ClassVar

import numpy as np
from rasterio.io import DatasetReader

from rios_flows.formats.format import Format
from rios_flows.formats.limits import Limits


class Bag(Format):
    """Bathymetry."""

    bounds: ClassVar = {"ZLEVEL": (1, 9)}


class EHdr(Format):
    """Raw pixels with a header of ESRI's."""

    bounds: ClassVar = {"NBITS": (1, 8)}


class Envi(Format):
    """Bare pixels with a header in a file of its own."""

    def check_length(self, dataset: DatasetReader) -> None:
        """Raise OSError if pixels of a local file are missing: GDAL reads them as zeros."""
        told = dataset.tags(ns="ENVI")
        compressed = told.get("file_compression", "0").strip() != "0"
        if not told or compressed or not os.path.isfile(dataset.name):
            return
        kinds = [np.dtype(name).itemsize for name in dataset.dtypes]
        needed = int(told.get("header_offset", 0)) + dataset.width * dataset.height * sum(kinds)
        size = os.path.getsize(dataset.name)
        if size < needed:
            raise OSError(
                f"it has {size:,} of the {needed:,} bytes that its header tells of; copy it again"
            )


class Kea(Format):
    """Missing in the GDAL that rasterio brings."""

    endings = (".kea",)


class Mrf(Format):
    """Tiles in one file, their index in another."""

    assembles_tiles = True
    compression_option = "COMPRESS"

    def _lossy_option(self, kind: str) -> str | None:
        rounds = kind == "f" or "LERC_PREC" in self.options.get("OPTIONS", "").upper()
        lerc = self.compression.startswith("LERC") and rounds
        return f"COMPRESS={self.compression}" if lerc else super()._lossy_option(kind)

    def limits(self, dtype: str) -> Limits | None:
        """Return what JPEG leaves of a type."""
        twelve_bits = dtype == "uint16" and self.compression == "JPEG"
        return Limits("COMPRESS=JPEG", 0, 4095) if twelve_bits else None

    def makes_others(self, dtype: str, bands: int) -> bool:
        """Tell whether quite other numbers come out of the file."""
        together = bands > 1 and self.options.get("INTERLEAVE", "PIXEL").upper() == "PIXEL"
        return (
            self.compression == "PPNG"
            or (together and self.compression in ("TIF", "LERC"))
            or super().makes_others(dtype, bands)
        )


class Pcidsk(Format):
    """PCI Geomatics' files."""

    compression_option = "COMPRESSION"

    def makes_others(self, dtype: str, bands: int) -> bool:
        """Tell whether quite other numbers come out of the file."""
        return self.compression == "JPEG" and dtype != "uint8"


class Rmf(Format):
    """Raster matrix files, whose overviews are made of values: with them, a change ends GDAL."""

    compression_option = "COMPRESS"
    bounds: ClassVar = {"JPEG_QUALITY": (1, 100)}
    overviews_before_pixels = False
    colors_after_overviews = False


class Tableless(Format):
    """Takes attribute tables while a file is open, and loses them or some of their text."""

    keeps_tables = False


class Unfaithful(Format):
    """Tiles of pictures: lossy, and with other bands than were written."""

    refusal = "keeps other pixels and bands than it is given"


class Vicar(Format):
    """Planetary images."""

    keeps_tables = False

    compression_option = "COMPRESS"

    def reason_against(self, dtype: str, bands: int) -> str | None:
        """Return why a compression is of no use: GDAL does not open the files that it makes."""
        if self.compression.startswith("BASIC"):
            return " in a file that GDAL can open"
        return super().reason_against(dtype, bands)
