"""Whether a finished output is whole: a check of the file before it gets its final name.

GDAL does not report all that it could not write, and somebody may have removed the file meanwhile.
No pixel is decoded: it is enough to know where blocks and chunks lie, and which overviews,
statistics and histograms there are.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from rios_flows.formats.tiffblocks import TiffDirectory
from rios_flows.gdal.fulldisk import cause_of
from rios_flows.outputs.choices import Made
from rios_flows.outputs.fidelity import other_pixels, same_place
from rios_flows.outputs.targets import Target

#: How many bands are checked for statistics: all are written at once.
_BANDS = 16


def check_whole(target: Target, path: str, made: Made) -> None:
    """Raise OSError if a part of a finished file is missing."""
    name, folder = os.path.basename(path), os.path.dirname(path)
    if not (os.path.exists(path) if target.format.is_faithful else os.listdir(folder)):
        raise OSError(f"'{name}' was removed while it was written; leave '{folder}' alone")
    images = target.format.check_blocks(path)
    if not target.format.is_faithful:
        # some cannot be opened by the name they were made by; a warning has said so
        return
    if images and _tells_all(images, made):
        # to open it with GDAL would take several times as long
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as dataset:
                missing = _missing(target, dataset, images, made)
    except RasterioError as error:
        raise OSError(f"'{name}' cannot be opened again: {cause_of(error)}") from error
    if missing is not None:
        raise OSError(f"'{name}' is not whole: {missing}; is the disk full, or not sound?")


def _tells_all(images: Sequence[TiffDirectory], made: Made) -> bool:
    """Tell whether the TIFF itself has all that was made; else GDAL must say where it is."""
    grid, first = made.expected.grid, images[0]
    measured = sum(band is not None for band in made.bands)
    return (
        first.shape == (made.expected.bands, grid.nrows, grid.ncols)
        and _number_of_overviews(images) == len(made.chosen.levels)
        and first.metadata.count(b'"STATISTICS_MINIMUM"') >= measured * made.chosen.statistics
        and first.metadata.count(b'"STATISTICS_HISTOBINVALUES"') >= measured * made.chosen.histogram
    )


def _number_of_overviews(images: Sequence[TiffDirectory]) -> int:
    return sum(image.overview and not image.mask for image in images)


def _missing(
    target: Target, dataset: DatasetReader, images: Sequence[TiffDirectory], made: Made
) -> str | None:
    """Return what a file lacks."""
    overviews = _number_of_overviews(images) if images else len(dataset.overviews(1))
    wanted, other = len(made.chosen.levels), other_pixels(dataset, made.expected)
    if other is not None:
        return f"it has {other}"
    if overviews < wanted:
        return f"it has {overviews} of {wanted} overviews"
    if made.changed:
        return None
    # if it has none, a warning has said so
    if target.format.has_position(dataset.shape) and not same_place(dataset, made.expected.grid):
        return "it has not kept the position of its pixels"
    return _missing_statistics(dataset, made)


def _missing_statistics(dataset: DatasetReader, made: Made) -> str | None:
    step = -(-len(made.bands) // _BANDS) or 1
    for number, band in list(enumerate(made.bands, 1))[::step]:
        if band is None:
            continue
        tags = dataset.tags(number)
        if made.chosen.statistics and "STATISTICS_MINIMUM" not in tags:
            return f"the statistics of band {number} are not there"
        if made.chosen.histogram and "STATISTICS_HISTOBINVALUES" not in tags:
            return f"the histogram of band {number} is not there"
    return None
