"""Histograms where GDAL looks for a band's default one: in the side-car file, `.aux.xml`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from xml.etree import ElementTree

from rios_flows.files.bandtags import number_text
from rios_flows.reducers.histogram import Histogram
from rios_flows.reducers.statistics import BandStatistics


def add_default_histograms(
    path: str, bands: Sequence[BandStatistics | None], *, approximate: bool = False
) -> None:
    """Write the histograms of a closed raster into its side-car file; make that if needed."""
    name = f"{path}.aux.xml"
    root = ElementTree.Element("PAMDataset")
    if os.path.exists(name):
        try:
            root = ElementTree.parse(name).getroot()
        except ElementTree.ParseError as error:
            raise OSError(f"'{os.path.basename(name)}' is not whole: {error}") from error
    for number, band in enumerate(bands, 1):
        if band is None or band.histogram is None:
            continue
        place = root.find(f"PAMRasterBand[@band='{number}']")
        if place is None:
            place = ElementTree.SubElement(root, "PAMRasterBand", band=str(number))
        _replace_histograms(place, band, approximate)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(name, encoding="utf-8")


def renew_default_histograms(
    path: str, bands: Sequence[BandStatistics | None], *, approximate: bool = False
) -> None:
    """Replace the histograms in a side-car file; a band without a valid pixel gets none."""
    name = f"{path}.aux.xml"
    if not os.path.exists(name):
        return
    try:
        tree = ElementTree.parse(name)
    except ElementTree.ParseError:
        # GDAL finds no histogram in it either way
        return
    places = tree.findall("PAMRasterBand[Histograms]")
    for place in places:
        number = int(place.get("band", "0"))
        _replace_histograms(place, dict(enumerate(bands, 1)).get(number), approximate)
    if places:
        ElementTree.indent(tree)
        tree.write(name, encoding="utf-8")


def _replace_histograms(
    place: ElementTree.Element, band: BandStatistics | None, approximate: bool
) -> None:
    for old in place.findall("Histograms"):
        place.remove(old)
    if band is not None and band.histogram is not None:
        _add_item(ElementTree.SubElement(place, "Histograms"), band.histogram, approximate)


def _add_item(parent: ElementTree.Element, histogram: Histogram, approximate: bool) -> None:
    """Add one histogram as GDAL stores it: bins have edges, not values."""
    bins = histogram.bins
    half = 0.5 if bins.direct else 0
    item = ElementTree.SubElement(parent, "HistItem")
    for name, text in (
        ("HistMin", number_text(bins.minimum - half)),
        ("HistMax", number_text(bins.maximum + half)),
        ("BucketCount", str(bins.number)),
        ("IncludeOutOfRange", "1"),
        ("Approximate", str(int(approximate))),
        ("HistCounts", "|".join(map(str, histogram.counts.tolist()))),
    ):
        ElementTree.SubElement(item, name).text = text
