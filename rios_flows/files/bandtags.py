"""Statistics and histograms as tags of the bands, where GDAL, QGIS and RIOS look for them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rios_flows.formats.known import class_of
from rios_flows.reducers.histogram import Histogram
from rios_flows.reducers.nodata import Number
from rios_flows.reducers.statistics import BandStatistics

if TYPE_CHECKING:
    from rasterio.io import DatasetReader, DatasetWriter

logger = logging.getLogger(__name__)

#: Values without information, for tags that cannot be removed.
HARMLESS = {"STATISTICS_APPROXIMATE": "NO", "STATISTICS_EXCLUDEDVALUES": ""}

#: Tags that do not depend on the pixels.
SILENT = {"STATISTICS_SKIPFACTORX", "STATISTICS_SKIPFACTORY"}


def statistics_tags(
    band: BandStatistics, nodata: Number | None, *, approximate: bool = False
) -> dict[str, str]:
    """Return the tags for minimum, maximum, mean, standard deviation and share of valid pixels."""
    tags = {
        "STATISTICS_MINIMUM": number_text(band.minimum),
        "STATISTICS_MAXIMUM": number_text(band.maximum),
        "STATISTICS_MEAN": number_text(band.mean),
        "STATISTICS_STDDEV": number_text(band.stddev),
        "STATISTICS_VALID_PERCENT": percent_text(band.count, band.pixels),
    }
    if nodata is not None:
        tags["STATISTICS_EXCLUDEDVALUES"] = repr(nodata)
    if approximate:
        return tags | {"STATISTICS_APPROXIMATE": "YES"}
    return tags | {"STATISTICS_SKIPFACTORX": "1", "STATISTICS_SKIPFACTORY": "1"}


def histogram_tags(histogram: Histogram) -> dict[str, str]:
    """Return the tags for the histogram, median and mode."""
    bins = histogram.bins
    return {
        "STATISTICS_HISTOBINVALUES": "".join(f"{count}|" for count in histogram.counts.tolist()),
        "STATISTICS_HISTOMIN": number_text(bins.minimum),
        "STATISTICS_HISTOMAX": number_text(bins.maximum),
        "STATISTICS_HISTONUMBINS": str(bins.number),
        "STATISTICS_HISTOBINFUNCTION": histogram.function,
        "STATISTICS_MEDIAN": repr(histogram.median),
        "STATISTICS_MODE": repr(histogram.mode),
    }


def number_text(value: Number) -> str:
    """Return the shortest text of a number that loses no bit; integers without a point."""
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text


def percent_text(part: int, whole: int) -> str:
    """Return a percentage as GDAL writes it: four digits, and 100 only where that is exact."""
    text = f"{100 * part / whole:.4g}"
    return "99.999" if text == "100" and part < whole else text


def write_band_tags(
    dataset: DatasetWriter,
    bands: Sequence[BandStatistics | None],
    *,
    nodata: Sequence[Number | None],
    statistics: bool = True,
    histogram: bool = True,
    approximate: bool = False,
) -> None:
    """Replace the tags of all bands; a band without a valid pixel gets none."""
    known = class_of(dataset.driver)
    earlier = [kept_statistics(dataset, number) for number in dataset.indexes]
    if any(earlier):
        dataset.clear_stats()
    for number, (band, value, old) in enumerate(zip(bands, nodata, earlier, strict=True), 1):
        tags: dict[str, str] = {}
        if band is not None and statistics:
            tags |= statistics_tags(band, value, approximate=approximate)
        if band is not None and band.histogram is not None and histogram:
            tags |= histogram_tags(_with_bins(band.histogram, known.fewest_bins))
        if known.statistics_stay:
            if band is not None and tags:
                tags = _all_at_once(band, value, approximate) | tags
            tags |= _in_place_of(dataset, number, old - tags.keys())
        if tags:
            dataset.update_tags(number, **tags)


def kept_statistics(dataset: DatasetReader, band: int) -> set[str]:
    """Return the names of the tags about statistics that a band has."""
    return {name for name in dataset.tags(band) if name.startswith("STATISTICS_")}


def _all_at_once(band: BandStatistics, nodata: Number | None, approximate: bool) -> dict[str, str]:
    """Return all tags, for a format that stores all or none, with 0 for those not given."""
    tags = statistics_tags(band, nodata, approximate=approximate)
    for name in ("MEDIAN", "MODE"):
        known = None if band.histogram is None else getattr(band.histogram, name.lower())
        tags[f"STATISTICS_{name}"] = "nan" if known is None else repr(known)
    return tags


def _in_place_of(dataset: DatasetWriter, band: int, names: set[str]) -> dict[str, str]:
    """Return values to write over tags that cannot be removed from an open file."""
    tags = {name: text for name, text in HARMLESS.items() if name in names}
    rest = names - tags.keys() - SILENT
    if rest:
        logger.warning(
            "Band %d of '%s' keeps its earlier %s, which cannot be removed from an open %s file; "
            "give the file by its name",
            *(band, dataset.name, ", ".join(sorted(rest)), dataset.driver),
        )
    return tags


def _with_bins(histogram: Histogram, fewest: int) -> Histogram:
    """Add an empty bin to a single one if the format needs two."""
    bins = histogram.bins
    if bins.number >= fewest:
        return histogram
    more = replace(bins, number=2, maximum=bins.maximum + bins.step)
    return replace(histogram, bins=more, counts=np.append(histogram.counts, 0))
