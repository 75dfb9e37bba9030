"""HFA, the format of Erdas Imagine, which RIOS takes where nothing else is asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from rios_flows.formats.format import Format
from rios_flows.formats.limits import Limits

if TYPE_CHECKING:
    import numpy as np

    from rios_flows.reducers.nodata import Number
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
    bits: ClassVar = {"uint8": (1, 8)}

    def sidecars_of(self, name: str) -> set[str]:
        """Return the names of what may lie beside, or take the place of the raster's ending."""
        stem = os.path.splitext(name)[0]
        return super().sidecars_of(name) | {stem + ".ige", stem + ".rrd"}

    def limits(self, dtype: str) -> Limits | None:
        """Return what the option NBITS leaves of a type."""
        # it has 1, 2 and 4 bits, and takes a whole byte for others
        known = int(self.options.get("NBITS", 0)) in (1, 2, 4)
        return super().limits(dtype) if known else None

    @property
    def is_silent(self) -> bool:
        """Whether it is compressed: then it does not say that it could not write a block."""
        return self.is_on("COMPRESSED")

    def witness(self, path: str, dtype: np.dtype[Any], nodata: Number | None) -> Reducer | None:
        """Return who knows the checksum of every block."""
        if not self.is_silent:
            return None
        from rios_flows.formats.witness import Checksums

        return Checksums(path, dtype)

    def drop_statistics(self, path: str) -> None:
        """Take all statistics and histograms out of a closed file."""
        from rios_flows.formats.hfatree import drop_statistics

        drop_statistics(path)
