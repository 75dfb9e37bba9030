"""What several rooms know: footprints, names of methods, creation options by default."""

#: Footprints: the grid covers what all inputs share, what any of them covers, or the reference.
INTERSECTION = 0
UNION = 1
BOUNDS_FROM_REFERENCE = 2
FOOTPRINTS = (INTERSECTION, UNION, BOUNDS_FROM_REFERENCE)

#: Names of automatic colour tables.
AUTO_COLOR_TABLES = ("rainbow", "gray", "random")

#: Driver of a file whose ending chooses none, as in RIOS.
FALLBACK_DRIVER = "HFA"

#: Creation options of a driver where the user gives none.
DEFAULT_CREATION_OPTIONS = {
    "GTiff": ("TILED=YES", "COMPRESS=DEFLATE", "INTERLEAVE=BAND", "BIGTIFF=IF_SAFER"),
    "HFA": ("COMPRESSED=YES", "IGNOREUTM=YES"),
    "COG": ("COMPRESS=DEFLATE", "BIGTIFF=IF_SAFER"),
    # other programs refuse version 3 of GDAL 3.10: it lacks the codec "bytes"
    "Zarr": ("FORMAT=ZARR_V2", "COMPRESS=BLOSC"),
}

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
