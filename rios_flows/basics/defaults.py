"""What several rooms know: footprints, names of methods, and values that nobody has asked for."""

from __future__ import annotations


class ByDefault:
    """A nodata value that the user has not given."""


class ZeroByDefault(ByDefault, int):
    """RIOS's nodata value of outputs; see :class:`ByDefault`."""


class NanByDefault(ByDefault, float):
    """That of outputs of ``rios_flows.apply``: for floats only; see :class:`ByDefault`."""

    def __new__(cls, value: str | float = "nan") -> NanByDefault:
        """Make NaN; pickle gives it as a number."""
        return super().__new__(cls, value)


#: Footprints: the grid covers what all inputs share, what any of them covers, or the reference.
INTERSECTION = 0
UNION = 1
BOUNDS_FROM_REFERENCE = 2
FOOTPRINTS = (INTERSECTION, UNION, BOUNDS_FROM_REFERENCE)
FOOTPRINT_NAMES = {
    "INTERSECTION": INTERSECTION,
    "UNION": UNION,
    "BOUNDS_FROM_REFERENCE": BOUNDS_FROM_REFERENCE,
}

#: Names of automatic colour tables.
AUTO_COLOR_TABLES = ("rainbow", "gray", "random")

#: Checksums of files, which sha256sum and its like print, too.
CHECKSUMS = ("sha256", "md5", "blake2b")

#: GDAL's ways to make an overview, except AVERAGE_MAGPHASE, which rasterio lacks.
OVERVIEW_METHODS = (
    "NEAREST",
    "AVERAGE",
    "RMS",
    "BILINEAR",
    "GAUSS",
    "CUBIC",
    "CUBICSPLINE",
    "LANCZOS",
    "MODE",
)

#: What the margin is filled with beyond the edge of an image, in the words of ``scipy.ndimage``.
OVERLAP_FILLS = ("nodata", "reflect", "nearest")

#: gdalwarp's names of resampling methods.
RESAMPLE_METHODS = (
    "near",
    "bilinear",
    "cubic",
    "cubicspline",
    "lanczos",
    "average",
    "rms",
    "mode",
    "max",
    "min",
    "med",
    "q1",
    "q3",
    "sum",
)
