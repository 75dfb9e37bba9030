"""All formats that have a class of their own, by their drivers."""

from __future__ import annotations

from rios_flows.formats import others
from rios_flows.formats.cog import Cog
from rios_flows.formats.format import Format
from rios_flows.formats.gtiff import GTiff
from rios_flows.formats.hfa import Hfa
from rios_flows.formats.jpeg2000 import Jpeg2000
from rios_flows.formats.zarr import Zarr

#: The class of each driver that has one.
FORMATS: dict[str, type[Format]] = {
    "GTiff": GTiff,
    "HFA": Hfa,
    "COG": Cog,
    "Zarr": Zarr,
    "JP2OpenJPEG": Jpeg2000,
    "BAG": others.Bag,
    "EHdr": others.EHdr,
    "ENVI": others.Envi,
    "GPKG": others.Unfaithful,
    "KEA": others.Kea,
    "MBTiles": others.Unfaithful,
    "MRF": others.Mrf,
    "PCIDSK": others.Pcidsk,
    "RMF": others.Rmf,
    "RRASTER": others.Tableless,
    "RST": others.Tableless,
    "VICAR": others.Vicar,
}

#: Creation options where the user gives none, by driver; messages name these drivers first.
DEFAULTS = {driver: known.defaults for driver, known in FORMATS.items() if known.defaults}

#: The driver of a file whose ending says nothing, as in RIOS.
FALLBACK = "HFA"

#: The drivers that are written most often.
USUAL = ("GTiff", "COG", "HFA", "Zarr", "JP2OpenJPEG")

#: Drivers that keep attribute tables in a file of their own, not in one beside it.
WITH_TABLES_INSIDE = frozenset({"VRT"})

#: What messages advise for colour tables.
WITH_COLORS = "GTiff or HFA"

#: What messages advise for attribute tables.
WITH_TABLES = "HFA or GTiff"

#: Drivers of files that may hold rasters and vector layers.
WITH_LAYERS = frozenset(
    {"GPKG", "MBTiles", "OpenFileGDB", "PCIDSK", "PDF", "PDS4", "SQLite", "VICAR", "netCDF"}
)


def class_of(driver: str) -> type[Format]:
    """Return what is known of a driver, by GDAL's short name."""
    return FORMATS.get(driver, Format)


def format_of(driver: str) -> Format:
    """Return the format of a file whose creation options are not known."""
    return class_of(driver)(driver)
