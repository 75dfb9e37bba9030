"""The outputs of a run that has ended: what is in them, to look at and to go on with."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import rasterio
from numpy.typing import NDArray

from rios_flows import rioserrors
from rios_flows.reducers.statistics import BandStatistics

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

    from rios_flows.files.info import ImageLayerStats

__all__ = [
    "BandHistogram",
    "BandSummary",
    "OutputRaster",
    "Outputs",
    "Picture",
    "PublishedOutput",
]


@dataclass(frozen=True, slots=True)
class PublishedOutput:
    """One output under its final name.

    Attributes
    ----------
    name : str
        Symbolic name, with a number if it is one of a list ("dates[3]").
    path : str
        Absolute path, or URL.
    driver : str
        GDAL's short name of the format.
    bands : int
    dtype : str
        Numpy type of the pixels.
    nbytes : int
        Size of all its files, side-car files included (bytes).
    checksum : str or None
        "sha256:..." if it was asked for (``setChecksum``).
    statistics : tuple of BandStatistics or None
        Of each band; None for one without a valid pixel; empty if the output has none.
    """

    name: str
    path: str
    driver: str
    bands: int
    dtype: str
    nbytes: int
    checksum: str | None
    statistics: tuple[BandStatistics | None, ...]


class BandHistogram(NamedTuple):
    """How many pixels have about a value."""

    counts: NDArray[np.int64]
    #: The value that each bin stands for.
    values: NDArray[np.float64]


class BandSummary(NamedTuple):
    """Statistics of a band, of its valid pixels; None for what was left out."""

    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    histogram: BandHistogram | None

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self._numbers())
        bins = "None" if self.histogram is None else f"<{len(self.histogram.counts)} bins>"
        return f"{type(self).__name__}({told}, histogram={bins})"

    def _numbers(self) -> Iterator[tuple[str, str]]:
        for name, value in zip(self._fields[:4], self[:4], strict=True):
            yield name, "None" if value is None else f"{value:.6g}"


class Picture:
    """A PNG image, which notebooks show.

    Attributes
    ----------
    png : bytes
        The file's content.
    """

    def __init__(self, png: bytes) -> None:
        self.png = png

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file."""
        target = Path(path)
        target.write_bytes(self.png)
        return target

    def _repr_png_(self) -> bytes:
        return self.png

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<{len(self.png)} bytes of PNG>; save(path) writes them)"


class OutputRaster:
    """An output of a run, as it is under its final name.

    Attributes
    ----------
    facts : PublishedOutput
        Driver, bands, type of pixels, size, checksum.
    """

    def __init__(self, facts: PublishedOutput) -> None:
        self.facts = facts

    @property
    def name(self) -> str:
        """Symbolic name, with a number if it is one of a list: ``dates[3]``."""
        return self.facts.name

    @property
    def path(self) -> str:
        """Absolute path, or URL."""
        return self.facts.path

    @property
    def statistics(self) -> list[BandSummary]:
        """Statistics of each band, as the file has them.

        Raises
        ------
        ImageOpenError
            If the file cannot be opened any more.
        """
        # few results are looked at, and what this needs takes a while to import
        from rios_flows.files.info import ImageFileStats

        return [_summary(band) for band in ImageFileStats(self.path)]

    def open(self) -> DatasetReader:
        """Open the file for reading, with rasterio; use it in a ``with`` block."""
        dataset: DatasetReader = rasterio.open(self.path)
        return dataset

    def to_xarray(self, **options: Any) -> Any:
        """Open the file with rioxarray, which reads it when it is needed.

        Parameters
        ----------
        **options
            Those of ``rioxarray.open_rasterio``; ``masked`` is True here by default.

        Returns
        -------
        xarray.DataArray
            Dimensions ``band``, ``y``, ``x``, with coordinates and CRS.

        Raises
        ------
        UnavailableError
            If rioxarray is not installed.
        """
        try:
            import rioxarray
        except ImportError as error:
            raise rioserrors.UnavailableError(
                "to_xarray needs rioxarray, which is not installed: pip install rioxarray"
            ) from error
        return rioxarray.open_rasterio(self.path, **{"masked": True, **options})

    def quicklook(self, band: int = 1, size: int = 700) -> Picture:
        """Draw a band, reduced to at most ``size`` pixels a side; notebooks show it.

        Raises
        ------
        FileOpenError
            If the file cannot be read.
        GDALLayerNumberError
            If it has no such band.
        ParameterError
            If its pixels are complex, or there is no such size.
        """
        from rios_flows.reports.pictures.quicklook import quicklook_png

        return Picture(quicklook_png(self.path, band, size, f"{self.name}, band {band}"))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.path!r})"

    def _repr_png_(self) -> bytes:
        return self.quicklook().png


class Outputs(Mapping[str, OutputRaster]):
    """The outputs of a run by name; those of a list as ``name[0]``, ``name[1]`` ..."""

    def __init__(self, outputs: Iterable[PublishedOutput] = ()) -> None:
        self._rasters = {facts.name: OutputRaster(facts) for facts in outputs}

    def __getitem__(self, name: str) -> OutputRaster:
        if name not in self._rasters:
            raise rioserrors.KeysMismatch(
                f"No output is called {name!r}; the outputs are "
                f"{', '.join(map(repr, self._rasters)) or 'none'}"
            )
        return self._rasters[name]

    def __contains__(self, name: object) -> bool:
        return name in self._rasters

    def __iter__(self) -> Iterator[str]:
        return iter(self._rasters)

    def __len__(self) -> int:
        return len(self._rasters)

    def __repr__(self) -> str:
        files = ", ".join(f"{name!r}: {each.path!r}" for name, each in self._rasters.items())
        return f"{type(self).__name__}({{{files}}})"


def _summary(band: ImageLayerStats) -> BandSummary:
    histogram = None
    if band.histoCounts is not None and None not in (band.histoMin, band.histoMax):
        first, last = band.histoMin, band.histoMax
        values = np.linspace(first or 0, last or 0, len(band.histoCounts))
        histogram = BandHistogram(band.histoCounts, values)
    return BandSummary(band.min, band.max, band.mean, band.stddev, histogram)
