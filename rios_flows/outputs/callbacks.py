"""What ``setCallBeforeClose`` calls: with the open output, in rasterio's words and GDAL's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rasterio.dtypes import dtype_rev
from rasterio.io import DatasetWriter

from rios_flows import rioserrors
from rios_flows.basics.errortext import text_of
from rios_flows.controls.options import BeforeClose
from rios_flows.files.nodatavalues import nodata_values
from rios_flows.outputs.targets import Target

#: What does the work of GDAL's methods that are not here.
_INSTEAD = {
    "SetColorTable": "use dataset.write_colormap (rasterio)",
    "SetRasterColorTable": "use dataset.write_colormap (rasterio)",
    "GetColorTable": "use dataset.colormap (rasterio)",
    "GetRasterColorTable": "use dataset.colormap (rasterio)",
    "ReadAsArray": "use dataset.read (rasterio)",
    "SetNoDataValue": "use ApplierControls.setStatsIgnore",
    "SetDefaultRAT": "use rat.writeColumnToBand",
    "GetDefaultRAT": "use rat.readColumnFromBand and rat.writeColumnToBand",
}


class _Tagged:
    """Metadata items of a dataset or of a band, as GDAL's Python interface has them."""

    def __init__(self, dataset: DatasetWriter, band: int) -> None:
        self._dataset = dataset
        self._band = band

    def SetMetadataItem(self, name: str, value: Any, domain: str = "") -> None:
        """Set one metadata item."""
        self.SetMetadata({name: value}, domain)

    def SetMetadata(self, items: Mapping[str, Any], domain: str = "") -> None:
        """Set several metadata items; others stay."""
        where = {"ns": domain} if domain else {}
        texts = {name: str(value) for name, value in items.items()}
        self._dataset.update_tags(self._band, **where, **texts)

    def GetMetadataItem(self, name: str, domain: str = "") -> str | None:
        """Return one metadata item, or None."""
        return self.GetMetadata(domain).get(name)

    def GetMetadata(self, domain: str = "") -> dict[str, str]:
        """Return all metadata items of a domain."""
        tags = self._dataset.tags(self._band, ns=domain or None)
        return dict(tags)

    def FlushCache(self) -> None:
        """Do nothing: the file is about to be closed."""

    def _missing(self, name: str) -> AttributeError:
        """Make the error for a name that is not here, saying what is."""
        there = ", ".join(known for known in dir(self) if known[0].isupper())
        other = f"there are {there}, and what rasterio's dataset has"
        return AttributeError(f"rios_flows has no {name}: {_INSTEAD.get(name, other)}")


class Band(_Tagged):
    """One band of an open output in GDAL's words."""

    def __getattr__(self, name: str) -> Any:
        # asked only for what is not defined here
        raise self._missing(name)

    @property
    def DataType(self) -> int:
        """GDAL's number of the type of the pixels."""
        return int(dtype_rev[self._dataset.dtypes[self._band - 1]])

    @property
    def XSize(self) -> int:
        """Width (pixels)."""
        return int(self._dataset.width)

    @property
    def YSize(self) -> int:
        """Height (pixels)."""
        return int(self._dataset.height)

    def SetDescription(self, text: str) -> None:
        """Name the band."""
        self._dataset.set_band_description(self._band, text)

    def GetDescription(self) -> str:
        """Return the band's name."""
        return self._dataset.descriptions[self._band - 1] or ""

    def GetDataset(self) -> OpenOutput:
        """Return the dataset that it is a band of."""
        return OpenOutput(self._dataset)

    def GetBand(self) -> int:
        """Return its number, from 1."""
        return self._band

    def GetNoDataValue(self) -> float | None:
        """Return the nodata value, or None."""
        return nodata_values(self._dataset)[0]


class OpenOutput(_Tagged):
    """An output just before it is closed: a rasterio ``DatasetWriter`` with GDAL's names too."""

    def __init__(self, dataset: DatasetWriter) -> None:
        super().__init__(dataset, 0)

    def __getattr__(self, name: str) -> Any:
        if name[:1].isupper():  # rasterio's names are not
            raise self._missing(name)
        return getattr(self._dataset, name)

    @property
    def rasterio_dataset(self) -> DatasetWriter:
        """The dataset as rasterio has it."""
        return self._dataset

    @property
    def RasterCount(self) -> int:
        """Number of bands."""
        return int(self._dataset.count)

    @property
    def RasterXSize(self) -> int:
        """Width (pixels)."""
        return int(self._dataset.width)

    @property
    def RasterYSize(self) -> int:
        """Height (pixels)."""
        return int(self._dataset.height)

    def GetRasterBand(self, number: int) -> Band:
        """Return a band, counted from 1."""
        if not 1 <= number <= self.RasterCount:
            raise IndexError(f"band {number} of {self.RasterCount}")
        return Band(self._dataset, number)

    def GetGeoTransform(self) -> tuple[float, ...]:
        """Return GDAL's six numbers."""
        return tuple(self._dataset.transform.to_gdal())

    def GetProjection(self) -> str:
        """Return the CRS as well-known text."""
        return self._dataset.crs.to_wkt() if self._dataset.crs else ""


def call_before_close(dataset: DatasetWriter, target: Target, before_close: BeforeClose) -> None:
    """Call the function given by ``setCallBeforeClose``, or raise WorkerExceptionError."""
    function, arguments = before_close
    try:
        function(OpenOutput(dataset), *arguments)
    except Exception as error:
        raise rioserrors.WorkerExceptionError(
            f"setCallBeforeClose: '{getattr(function, '__name__', function)}' failed for "
            f"{target.named}: {type(error).__name__}: {text_of(error)}"
        ) from error
