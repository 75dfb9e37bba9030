"""Histograms where GDAL looks for a band's default one: in the side-car file, `.aux.xml`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from xml.etree import ElementTree

from rios_flows.files import sidecar
from rios_flows.files.bandtags import number_text
from rios_flows.reducers.histogram import Histogram
from rios_flows.reducers.statistics import BandStatistics


def add_default_histograms(
    path: str, bands: Sequence[BandStatistics | None], *, approximate: bool = False
) -> None:
    """Write the histograms of a closed raster into its side-car file; make that if needed."""

    def add(root: ElementTree.Element) -> None:
        for number, band in enumerate(bands, 1):
            if band is not None and band.histogram is not None:
                _replace_histograms(sidecar.band_of(root, number), band, approximate)

    sidecar.changed(f"{path}.aux.xml", add)


def renew_default_histograms(
    path: str, bands: Sequence[BandStatistics | None], *, approximate: bool = False
) -> None:
    """Replace the histograms in a side-car file; a band without a valid pixel gets none."""
    known = dict(enumerate(bands, 1))

    def renew(root: ElementTree.Element) -> None:
        for place in root.findall("PAMRasterBand[Histograms]"):
            _replace_histograms(place, known.get(int(place.get("band", "0"))), approximate)

    name = f"{path}.aux.xml"
    # GDAL finds no histogram in one that is not whole
    with suppress(sidecar.NotWholeError):
        if "<Histograms" in sidecar.old_text(name):
            sidecar.changed(name, renew)


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
