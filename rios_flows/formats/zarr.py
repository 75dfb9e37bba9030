"""Zarr stores: directories with one file a chunk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from rasterio.io import DatasetWriter

from rios_flows.formats.format import Cut, Format, Wanted
from rios_flows.gdal.closing import close_written
from rios_flows.gdal.updating import reopened
from rios_flows.reducers.nodata import Number

if TYPE_CHECKING:
    from rios_flows.reducers.singlepass import Reducer


class Zarr(Format):
    """Stores of two or three dimensions, as GDAL writes them."""

    endings = (".zarr",)
    # version 3 is version 2 with more files, of which zarr-python warns
    defaults = ("FORMAT=ZARR_V2", "COMPRESS=BLOSC")
    is_directory = True
    is_faithful = True
    has_overviews = False
    hides_lost_pixels = True
    has_histogram_columns = False
    several_writers = True

    @classmethod
    def of(cls, driver: str, options: dict[str, str], label: str, cut: Cut) -> Format:
        """Compress in threads."""
        if _is_version_3(options):
            from rios_flows.formats.zarrversion3 import check_options

            check_options(options, label)
        options.setdefault("BLOSC_NUM_THREADS", "ALL_CPUS")
        return super().of(driver, options, label, cut)

    def owns(self, directory: str) -> bool:
        """Tell whether a directory is a store, or has nothing in it."""
        from rios_flows.formats.zarrstore import is_store

        return is_store(directory)

    def makes_others(self, dtype: str, bands: int) -> bool:
        """Tell whether differences are stored of floats: rounded, and NaN from the first NaN on."""
        return self.options.get("FILTER", "").upper() == "DELTA" and np.dtype(dtype).kind in "fc"

    def holds_nodata(self, dtype: str, nodata: Number) -> bool:
        """Tell whether GDAL reads the nodata value back: it makes an int64 of it."""
        return dtype != "uint64" or nodata < 2**63

    def create(self, path: str, wanted: Wanted, nodata: Number | None, cut: Cut) -> DatasetWriter:
        """Create a store whose chunks follow the window."""
        from rios_flows.formats.zarrstore import complete_store

        across, down = cut.tile
        chunk = f"1,{down},{across}" if wanted.bands > 1 else f"{down},{across}"
        # GDAL takes no nodata value for several bands, so it is added to the closed store
        close_written(self._as_version_2()._created(path, wanted, None, blocksize=chunk))
        complete_store(path, wanted.dtype.name, nodata, wanted.grid.crs)
        if _is_version_3(self.options):
            from rios_flows.formats.zarrversion3 import describe_once_more

            describe_once_more(path, nodata)
        return reopened(path)

    def _as_version_2(self) -> Zarr:
        """Return the same as GDAL is to write it."""
        if not _is_version_3(self.options):
            return self
        return replace(self, options={**self.options, "FORMAT": "ZARR_V2"})

    def witness(self, path: str, dtype: np.dtype[Any], nodata: Number | None) -> Reducer | None:
        """Return what knows which chunks have pixels."""
        from rios_flows.formats.zarrchunks import FilledChunks

        together = self.options.get("INTERLEAVE", "").upper() == "PIXEL"
        return FilledChunks(path, nodata, together)

    def has_position(self, shape: tuple[int, int]) -> bool:
        """Tell whether there are two pixels each way: from them a store tells its position."""
        return min(shape) > 1


def _is_version_3(options: Mapping[str, str]) -> bool:
    return options.get("FORMAT", "").upper() == "ZARR_V3"
