"""Facts about raster and vector files, under RIOS's names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.dtypes import dtype_rev
from rasterio.errors import CRSError
from rasterio.warp import transform

from rios_flows import rioserrors
from rios_flows.files import rat
from rios_flows.files.nodatavalues import nodata_values
from rios_flows.files.opening import open_raster
from rios_flows.files.tablestats import ColumnStats, RatStats
from rios_flows.files.vectorinfo import VectorFileInfo, VectorLayerInfo, geometryTypeStringDict
from rios_flows.gdal.pixeltypes import GDAL_TYPES
from rios_flows.gdal.private import GdalError

__all__ = [
    "ColumnStats",
    "ImageFileStats",
    "ImageInfo",
    "ImageLayerStats",
    "RatStats",
    "VectorFileInfo",
    "VectorLayerInfo",
    "geometryTypeStringDict",
    "rat",
]


class ImageInfo:
    """Facts about a raster file.

    Parameters
    ----------
    imageFile : str
        The file.
    omitPerBand : bool
        Leave out what each band would have to be asked for: ``lnames`` and ``nodataval`` are then
        None.

    Attributes
    ----------
    nrows, ncols : int
        Size (pixels).
    rasterCount : int
        Number of bands.
    xMin, xMax, yMin, yMax : float
        Outer edges (CRS units); any rotation is ignored.
    xRes, yRes : float
        Pixel size, both positive (CRS units).
    transform : tuple of float
        GDAL's six numbers.
    projection : str
        Well-known text of the CRS; "" without one.
    lnames : list of str
        Names of the bands; "" for one without.
    layerType : str or None
        "thematic" or "athematic", as the first band says; None where it does not.
    dataType, dataTypeName : int, str
        GDAL's number and name of the first band's type of pixels.
    nodataval : list of float or None
        Nodata value of every band.

    Raises
    ------
    ImageOpenError
        If the file cannot be opened.
    """

    def __init__(self, imageFile: str, omitPerBand: bool = False) -> None:
        self._filename = imageFile
        with open_raster(imageFile, "r") as dataset:
            self.nrows, self.ncols = int(dataset.height), int(dataset.width)
            self.rasterCount = int(dataset.count)
            self.transform: tuple[float, ...] = tuple(dataset.transform.to_gdal())
            self.projection = str(dataset.crs.to_wkt()) if dataset.crs else ""
            self.dataTypeName = GDAL_TYPES[dataset.dtypes[0]]
            self.dataType = int(dtype_rev[dataset.dtypes[0]])
            self.layerType: str | None = dataset.tags(1).get("LAYER_TYPE")
            self.lnames: list[str] | None = None
            self.nodataval: list[float | None] | None = None
            if not omitPerBand:
                self.lnames = [name or "" for name in dataset.descriptions]
                self.nodataval = list(nodata_values(dataset))
        self.xRes, self.yRes = abs(self.transform[1]), abs(self.transform[5])
        self.xMin, self.yMax = self.transform[0], self.transform[3]
        self.xMax = self.xMin + self.ncols * self.xRes
        self.yMin = self.yMax - self.nrows * self.yRes

    def __str__(self) -> str:
        return "\n".join(
            f"{name}: {value}" for name, value in vars(self).items() if not name.startswith("_")
        )

    def layerNumberFromName(self, layerName: str) -> int:
        """Return the number of a band, counted from 1; 0 if no band has that name.

        Raises
        ------
        ParameterError
            If the names were left out.
        """
        names = self._names()
        return names.index(layerName) + 1 if layerName in names else 0

    def layerNameFromNumber(self, layerNumber: int) -> str:
        """Return the name of a band, counted from 1.

        Raises
        ------
        GDALLayerNumberError
            If there is no such band.
        ParameterError
            If the names were left out.
        """
        names = self._names()
        if not 1 <= layerNumber <= len(names):
            raise rioserrors.GDALLayerNumberError(
                f"'{self._filename}' has no layer number {layerNumber}; there are 1 to {len(names)}"
            )
        return names[layerNumber - 1]

    def _names(self) -> list[str]:
        if self.lnames is None:
            raise rioserrors.ParameterError(
                f"'{self._filename}' was opened with omitPerBand=True, which leaves out the names "
                "of its layers; open it without"
            )
        return self.lnames

    def getCorners(
        self,
        outWKT: str | None = None,
        outEPSG: int | None = None,
        outPROJ4: str | None = None,
    ) -> tuple[float, ...]:
        """Return the corners, in the file's CRS or another.

        Parameters
        ----------
        outWKT, outEPSG, outPROJ4 : optional
            The other CRS, in one of three spellings.

        Returns
        -------
        tuple of float
            x and y of the upper left, upper right, lower right and lower left corner.

        Raises
        ------
        ParameterError
            If more than one CRS is given, or one that is none, or the file has none to start from,
            or no place there.
        """
        x = [self.xMin, self.xMax, self.xMax, self.xMin]
        y = [self.yMax, self.yMax, self.yMin, self.yMin]
        wanted = [item for item in (outWKT, outEPSG, outPROJ4) if item is not None]
        if len(wanted) > 1:
            raise rioserrors.ParameterError(
                f"getCorners of '{self._filename}': give one of outWKT, outEPSG, outPROJ4"
            )
        if wanted:
            x, y = self._transformed(x, y, wanted[0])
        return tuple(number for corner in zip(x, y, strict=True) for number in corner)

    def _transformed(
        self, x: list[float], y: list[float], wanted: str | int
    ) -> tuple[list[float], list[float]]:
        if not self.projection:
            raise rioserrors.ParameterError(
                f"getCorners: '{self._filename}' has no CRS to start from"
            )
        try:
            xs, ys = transform(self.projection, CRS.from_user_input(wanted), x, y)
        except CRSError as error:
            raise rioserrors.ParameterError(
                f"getCorners of '{self._filename}': {wanted!r} is no CRS ({error})"
            ) from error
        except GdalError as error:
            raise rioserrors.ParameterError(
                f"getCorners: a corner of '{self._filename}' has no place in {wanted!r} ({error})"
            ) from error
        return xs, ys


class ImageLayerStats:
    """Statistics of one band as in its file; None for those that the file lacks.

    Parameters
    ----------
    tags : mapping
        Tags of the band.

    Attributes
    ----------
    mean, stddev, min, max, median, mode : float or None
        Of the pixels with data.
    skipfactorx, skipfactory : int or None
        Sampling step in x and y (pixels).
    histoMin, histoMax : float or None
        Value of the first and last bin.
    histoNumBins : int or None
        Number of bins.
    histoCounts : ndarray of int or None
        Pixels in every bin.
    """

    def __init__(self, tags: Mapping[str, str]) -> None:
        self.mean = _number(tags, "MEAN")
        self.stddev = _number(tags, "STDDEV")
        self.min = _number(tags, "MINIMUM")
        self.max = _number(tags, "MAXIMUM")
        self.median = _number(tags, "MEDIAN")
        self.mode = _number(tags, "MODE")
        self.skipfactorx = _whole(tags, "SKIPFACTORX")
        self.skipfactory = _whole(tags, "SKIPFACTORY")
        self.histoMin = _number(tags, "HISTOMIN")
        self.histoMax = _number(tags, "HISTOMAX")
        self.histoNumBins = _whole(tags, "HISTONUMBINS")
        self.histoCounts = _counts(tags)

    def __str__(self) -> str:
        return (
            f"Mean: {self.mean}, Stddev: {self.stddev}, Min: {self.min}, Max: {self.max}, "
            f"Median: {self.median}, Mode: {self.mode}"
        )


class ImageFileStats:
    """Statistics of all bands of a file; ``stats[0]`` is the first band's.

    Parameters
    ----------
    filename : str
        The file.

    Raises
    ------
    ImageOpenError
        If it cannot be opened.
    """

    def __init__(self, filename: str) -> None:
        with open_raster(filename, "r") as dataset:
            self.statsList = [ImageLayerStats(dataset.tags(number)) for number in dataset.indexes]

    def __getitem__(self, index: int) -> ImageLayerStats:
        return self.statsList[index]

    def __len__(self) -> int:
        return len(self.statsList)

    def __iter__(self) -> Iterator[ImageLayerStats]:
        return iter(self.statsList)

    def __str__(self) -> str:
        return "\n".join(map(str, self.statsList))


def _number(tags: Mapping[str, str], name: str) -> float | None:
    text = tags.get(f"STATISTICS_{name}")
    return float(text) if text else None


def _whole(tags: Mapping[str, str], name: str) -> int | None:
    number = _number(tags, name)
    return None if number is None else int(number)


def _counts(tags: Mapping[str, str]) -> NDArray[np.int64] | None:
    text = tags.get("STATISTICS_HISTOBINVALUES")
    if not text:
        return None
    # GDAL writes some counts as floats
    return np.array([int(float(count)) for count in text.strip("|").split("|")], dtype=np.int64)
