"""HFA, the format of Erdas Imagine and RIOS's default."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from rios_flows.formats.format import Format
from rios_flows.formats.limits import Limits
from rios_flows.reducers.nodata import Number

if TYPE_CHECKING:
    from rios_flows.formats.hfacolumns import Room
    from rios_flows.reducers.singlepass import Reducer


class Hfa(Format):
    """Files whose statistics and histograms are records of their own."""

    endings = (".img",)
    defaults = ("COMPRESSED=YES", "IGNOREUTM=YES")
    bounds: ClassVar = {"BLOCKSIZE": (32, 2048), "NBITS": (1, 4)}
    is_faithful = True
    missing_dtypes = ("int64", "uint64")
    statistics_stay = True
    # GDAL divides by the bins less one
    fewest_bins = 2
    hides_colors = True
    # its own histogram is one
    has_histogram_columns = False
    column_names: ClassVar = {
        **{1: "Histogram", 2: "Class_Names"},
        **{6: "Red", 7: "Green", 8: "Blue", 9: "Opacity"},
    }
    # GDAL makes whole numbers of colours, and zeros or garbage of text by such a name
    column_types: ClassVar = {1: 1, **Format.column_types}
    has_byte_colors = True
    ignores_case = True
    bits: ClassVar = {"uint8": (1, 8)}

    def sidecars_of(self, name: str) -> set[str]:
        """Return the names of the files that may lie beside a raster."""
        stem = os.path.splitext(name)[0]
        return super().sidecars_of(name) | {stem + ".ige", stem + ".rrd"}

    @classmethod
    def why_no_column(cls, name: str) -> str | None:
        """Return what GDAL makes of a name."""
        if ":" in name:
            return "GDAL takes a colon for the path to a part of another column"
        return None if len(name.encode()) < 64 else "its format has names of 63 bytes at most"

    @classmethod
    def room_for_tables(cls, path: str, band: int) -> Room | None:
        """Return how much longer the table in a file may get; GDAL would write over pixels."""
        from rios_flows.formats.hfacolumns import Room

        return Room(path, band) if os.path.isfile(path) else None

    def limits(self, dtype: str) -> Limits | None:
        """Return what the option NBITS leaves of a type."""
        # it has 1, 2 and 4 bits, and uses a whole byte for others
        known = int(self.options.get("NBITS", 0)) in (1, 2, 4)
        return super().limits(dtype) if known else None

    @property
    def is_silent(self) -> bool:
        """Whether it is compressed: then it does not report a block that it could not write."""
        return self.is_on("COMPRESSED")

    def witness(self, path: str, dtype: np.dtype[Any], nodata: Number | None) -> Reducer | None:
        """Return what knows the checksum of every block."""
        from rios_flows.formats.witness import Checksums

        return Checksums(path, dtype) if self.is_silent else None

    def drop_statistics(self, path: str) -> None:
        """Remove all statistics and histograms from a closed file."""
        from rios_flows.formats.hfatree import drop_statistics

        drop_statistics(path)
