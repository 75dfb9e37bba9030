"""What several rooms know: footprints, names of methods, creation options by default."""

#: Footprints: the grid covers what all inputs share, what any of them covers, or the reference.
INTERSECTION = 0
UNION = 1
BOUNDS_FROM_REFERENCE = 2
FOOTPRINTS = (INTERSECTION, UNION, BOUNDS_FROM_REFERENCE)

#: Names of automatic colour tables.
AUTO_COLOR_TABLES = ("rainbow", "gray", "random")

#: Driver of a file whose ending says nothing, as in RIOS.
FALLBACK_DRIVER = "HFA"

#: Creation options of a driver where the user gives none.
DEFAULT_CREATION_OPTIONS = {
    "GTiff": ("TILED=YES", "COMPRESS=DEFLATE", "INTERLEAVE=BAND", "BIGTIFF=IF_SAFER"),
    "HFA": ("COMPRESSED=YES", "IGNOREUTM=YES"),
    "COG": ("COMPRESS=DEFLATE", "BIGTIFF=IF_SAFER"),
    # version 3 as GDAL 3.10 writes it is refused by other programs: it lacks the codec "bytes"
    "Zarr": ("FORMAT=ZARR_V2", "COMPRESS=BLOSC"),
}

#: GDAL's ways to make an overview, but for AVERAGE_MAGPHASE, which rasterio has not.
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
