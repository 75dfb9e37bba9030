"""Whether a finished output is whole: opened afresh and looked at before it gets its final name.

GDAL does not tell of all that it could not write, and somebody may have removed a file meanwhile.
What tells of missing pixels without decoding any is looked at: where blocks and chunks lie, which
overviews, statistics and histograms there are.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from rios_flows.formats.format import Wanted
from rios_flows.formats.tiffblocks import TiffDirectory
from rios_flows.gdal.fulldisk import cause_of
from rios_flows.outputs.fidelity import other_pixels, same_place
from rios_flows.outputs.targets import Target
from rios_flows.reducers.statistics import BandStatistics

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

#: Bands that are looked at for their statistics: all are written at once.
_BANDS = 16


class Made(NamedTuple):
    """What an output has got.

    Attributes
    ----------
    expected : Wanted
        Its pixels.
    overviews : int
        How many overviews.
    bands : sequence of BandStatistics or None
        Statistics of each band; empty for none.
    statistics, histogram : bool
        Whether these were written into it.
    changed : bool
        Whether a function of the caller's may have changed it, so that statistics may be missing.
    """

    expected: Wanted
    overviews: int
    bands: Sequence[BandStatistics | None]
    statistics: bool
    histogram: bool
    changed: bool = False


def check_whole(target: Target, path: str, made: Made) -> None:
    """Look at a finished file; raise OSError if a part of it is missing."""
    name, folder = os.path.basename(path), os.path.dirname(path)
    if not (os.path.exists(path) if target.format.is_faithful else os.listdir(folder)):
        raise OSError(f"'{name}' was removed while it was written; leave '{folder}' alone")
    images = target.format.check_blocks(path)
    if not target.format.is_faithful:
        # some cannot be opened by the name that they were made by, which has been told
        return
    if images and _tells_all(images, made):
        # opened by GDAL, it would take some times as long
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
    """Tell whether the file itself has all that was made; else GDAL is to say where it is."""
    grid, first = made.expected.grid, images[0]
    measured = sum(band is not None for band in made.bands)
    return (
        first.shape == (made.expected.bands, grid.nrows, grid.ncols)
        and _number_of_overviews(images) == made.overviews
        and first.metadata.count(b'"STATISTICS_MINIMUM"') >= measured * made.statistics
        and first.metadata.count(b'"STATISTICS_HISTOBINVALUES"') >= measured * made.histogram
    )


def _number_of_overviews(images: Sequence[TiffDirectory]) -> int:
    return sum(image.overview and not image.mask for image in images)


def _missing(
    target: Target, dataset: DatasetReader, images: Sequence[TiffDirectory], made: Made
) -> str | None:
    """Return what a file lacks."""
    overviews = _number_of_overviews(images) if images else len(dataset.overviews(1))
    other = other_pixels(dataset, made.expected)
    if other is not None:
        return f"it has {other}"
    if overviews < made.overviews:
        return f"it has {overviews} of {made.overviews} overviews"
    if made.changed:
        return None
    # where there is none, that has been told
    if target.format.has_position(dataset.shape) and not same_place(dataset, made.expected.grid):
        return "it has not kept the position of its pixels"
    return _missing_statistics(dataset, made)


def _missing_statistics(dataset: DatasetReader, made: Made) -> str | None:
    step = -(-len(made.bands) // _BANDS) or 1
    for number, band in list(enumerate(made.bands, 1))[::step]:
        if band is None:
            continue
        tags = dataset.tags(number)
        if made.statistics and "STATISTICS_MINIMUM" not in tags:
            return f"the statistics of band {number} are not there"
        if made.histogram and "STATISTICS_HISTOBINVALUES" not in tags:
            return f"the histogram of band {number} is not there"
    return None
