"""GTiff, and what other formats that keep pixels in TIFF files share with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from rasterio.io import DatasetReader

from rios_flows import rioserrors
from rios_flows.formats.format import Cut, Format
from rios_flows.formats.limits import Limits

if TYPE_CHECKING:
    from rios_flows.formats.tiffblocks import TiffDirectory

#: rasterio's keywords for a temporary file of one band.
SCRATCH: dict[str, Any] = {
    "driver": "GTiff",
    "tiled": True,
    "compress": "DEFLATE",
    "BIGTIFF": "IF_SAFER",
}

#: Creation options of a file that another format only copies.
_WORKING = {
    "TILED": "YES",
    "COMPRESS": "DEFLATE",
    "ZLEVEL": "1",
    "INTERLEAVE": "BAND",
    "BIGTIFF": "IF_SAFER",
}


class GTiff(Format):
    """GDAL's main format."""

    endings: ClassVar[tuple[str, ...]] = (".tif", ".tiff")
    defaults: ClassVar[tuple[str, ...]] = (
        "TILED=YES",
        "COMPRESS=DEFLATE",
        "INTERLEAVE=BAND",
        "BIGTIFF=IF_SAFER",
    )
    bounds: ClassVar = {
        "ZLEVEL": (1, 12),
        "ZSTD_LEVEL": (1, 22),
        "LZMA_PRESET": (0, 9),
        "JPEG_QUALITY": (1, 100),
        "WEBP_LEVEL": (1, 100),
        "JPEGTABLESMODE": (0, 3),
        "PREDICTOR": (1, 3),
        "NBITS": (1, 32),
        "MAX_Z_ERROR": (0, None),
        "MAX_Z_ERROR_OVERVIEW": (0, None),
    }
    # of a new file a pixel is read, see gdal.closing.settle
    mode = "w+"
    is_faithful = True
    compression_option = "COMPRESS"
    bits: ClassVar = {"uint8": (1, 8), "uint16": (9, 16), "uint32": (17, 32)}

    @classmethod
    def of(cls, driver: str, options: dict[str, str], label: str, cut: Cut) -> Format:
        """Have tiles follow the window, and compress in threads."""
        given = cls(driver, options)
        for name, side in zip(("BLOCKXSIZE", "BLOCKYSIZE"), cut.tile, strict=True):
            text = options.get(name, "1")
            if not text.isdigit() or int(text) < 1:
                raise rioserrors.ParameterError(
                    f"setCreationOptions: {name}={text} of output '{label}' is not a number of "
                    "pixels"
                )
            if given.is_on("TILED"):
                options.setdefault(name, str(side))
        if given.compression == "WEBP" and options.get("INTERLEAVE", "").upper() == "BAND":
            # GDAL takes the tile of one band for one of all bands
            raise rioserrors.ParameterError(
                f"setCreationOptions: COMPRESS=WEBP of output '{label}' needs INTERLEAVE=PIXEL"
            )
        if "COMPRESS" in options:
            options.setdefault("NUM_THREADS", "ALL_CPUS")
        return super().of(driver, options, label, cut)

    def _lossy_option(self, kind: str) -> str | None:
        compression = self.compression
        if (
            compression == "JPEG"
            or (compression == "WEBP" and not self._webp_is_lossless)
            or (compression == "JXL" and not self.is_on("JXL_LOSSLESS", "YES"))
            or (compression.startswith("LERC") and self._lerc_changes(kind))
        ):
            return f"COMPRESS={compression}"
        bits = self.options.get("DISCARD_LSB", "0")
        return None if bits == "0" else f"DISCARD_LSB={bits}"

    @property
    def _webp_is_lossless(self) -> bool:
        return self.is_on("WEBP_LOSSLESS")

    def _lerc_changes(self, kind: str) -> bool:
        error = float(self.options.get("MAX_Z_ERROR", "0"))
        # integers may be off by whole numbers only
        return error >= 1 or (kind == "f" and error > 0)

    def limits(self, dtype: str) -> Limits | None:
        """Return what the option NBITS leaves of a type."""
        if dtype == "float32" and self.options.get("NBITS") == "16":
            largest = float(np.finfo(np.float16).max)
            return Limits("NBITS=16", -largest, largest)
        return super().limits(dtype)

    def reason_against(self, dtype: str, bands: int) -> str | None:
        """Return why a compression cannot hold pixels of a type; try it if that is not known."""
        from rios_flows.formats.trial import reason_found

        return super().reason_against(dtype, bands) or reason_found(self, bands, dtype)

    def why_no_colors(self, dtype: str, band: int) -> str | None:
        """Return why a band cannot have a colour table."""
        if band != 1:
            return f"{self.driver} has one for band 1 only, and not for band {band}"
        if dtype not in ("uint8", "uint16"):
            return f"{self.driver} has one for uint8 and uint16, and not for {dtype}"
        return None

    def most_colors(self, dtype: str, most: int) -> int:
        """Return how many values pixels can have."""
        return {"uint8": 1 << 8, "uint16": 1 << 16}.get(dtype, most)

    def check_blocks(self, path: str) -> Sequence[TiffDirectory]:
        """Look at the file and what may lie beside it."""
        from rios_flows.formats.tiffblocks import check_tiff

        images, sparse = [], self.is_on("SPARSE_OK")
        for beside in ("", ".ovr", ".msk"):
            if beside and not os.path.exists(path + beside):
                continue
            try:
                images += check_tiff(path + beside, sparse or bool(beside))
            except OSError as error:
                name = os.path.basename(path + beside)
                raise OSError(
                    f"'{name}' is not whole: {error}; is the disk full, or not sound?"
                ) from error
        return images

    def why_unchangeable(self, dataset: DatasetReader) -> str | None:
        """Return why a COG, which GDAL opens as a GTiff, must not be changed."""
        if dataset.tags(ns="IMAGE_STRUCTURE").get("LAYOUT") != "COG":
            return None
        return (
            "it is a valid COG, and would be none afterwards; copy it to a GTiff with "
            "rasterio.shutil.copy, change that, and make the COG again from it with driver='COG'; "
            "or, to have a plain GTiff, hand over "
            "rasterio.open(..., 'r+', IGNORE_COG_LAYOUT_BREAK='YES')"
        )


def working_format(label: str, cut: Cut) -> Format:
    """Return the format of the file that another format copies."""
    return GTiff.of("GTiff", dict(_WORKING), label, cut)
