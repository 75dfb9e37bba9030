"""Facts about vector files, under RIOS's names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from rasterio.crs import CRS

from rios_flows import rioserrors
from rios_flows.gdal.pyogrio import call_pyogrio

_PLAIN = (
    *("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"),
    "GeometryCollection",
)

#: pyogrio's names of the types of geometries, by OGR's numbers.
geometryTypeStringDict: Mapping[int, str] = {
    0: "Unknown",
    100: "None",
    **dict(enumerate(_PLAIN, 1)),
    **{number - (1 << 31): f"{name} Z" for number, name in enumerate(_PLAIN, 1)},
    **{2000 + number: f"Measured {name}" for number, name in enumerate(_PLAIN, 1)},
    2001: "PointM",
    **{3000 + number: f"Measured 3D {name}" for number, name in enumerate(_PLAIN, 1)},
}
_GEOMETRY_CODES = {name: number for number, name in geometryTypeStringDict.items()}

#: Names of the types of attributes, in the order of OGR's numbers.
FIELD_TYPES = (
    *("Integer", "IntegerList", "Real", "RealList", "String", "StringList"),
    *("WideString", "WideStringList", "Binary", "Date", "Time", "DateTime"),
    *("Integer64", "Integer64List"),
)


class VectorLayerInfo:
    """Facts about one layer of a vector file.

    Attributes
    ----------
    name : str
        Name of the layer.
    featureCount : int
        Number of features.
    xMin, xMax, yMin, yMax : float or None
        Bounds of all features (CRS units); None for an empty layer or a plain table.
    geomType, geomTypeStr : int, str
        OGR's number of the type of the geometries, and its name, as "Polygon" or "Unknown"; "None"
        for a plain table.
    spatialRef : rasterio.crs.CRS or None
        The CRS, if there is one.
    projection : str
        Well-known text of the CRS; "" without one.
    fieldCount : int
        Number of attributes.
    fieldNames : list of str
        Names of the attributes.
    fieldTypes, fieldTypeNames : list of int, list of str
        OGR's numbers of their types, and the names, as "Integer64" or "String".
    """

    def __init__(self, info: Mapping[str, Any]) -> None:
        self.name = str(info["layer_name"])
        self.featureCount = int(info["features"])
        self.geomTypeStr = str(info["geometry_type"])
        self.geomType = _GEOMETRY_CODES.get(self.geomTypeStr, 0)
        self.spatialRef = CRS.from_user_input(info["crs"]) if info["crs"] else None
        self.projection = str(self.spatialRef.to_wkt()) if self.spatialRef else ""
        self.fieldNames = [str(name) for name in info["fields"]]
        self.fieldTypeNames = [str(name).removeprefix("OFT") for name in info["ogr_types"]]
        self.fieldTypes = [FIELD_TYPES.index(name) for name in self.fieldTypeNames]
        self.fieldCount = len(self.fieldNames)
        bounds = info["total_bounds"]
        known = bounds is not None and np.isfinite(bounds).all()
        edges: list[float | None] = [float(edge) for edge in bounds] if known else [None] * 4
        self.xMin, self.yMin, self.xMax, self.yMax = edges

    def __str__(self) -> str:
        return "\n".join(f"{name}: {value}" for name, value in vars(self).items())


class VectorFileInfo:
    """The layers of a vector file; ``info[0]`` and ``info["roads"]`` are layers.

    Parameters
    ----------
    filename : str
        The file.

    Attributes
    ----------
    layerCount : int
        Number of layers.
    layerInfo : list of VectorLayerInfo
        The layers.

    Raises
    ------
    FileOpenError
        If it cannot be opened.
    """

    def __init__(self, filename: str) -> None:
        self._filename = filename
        what, info = f"'{filename}'", {"force_feature_count": True, "force_total_bounds": True}
        self.layerInfo = [
            VectorLayerInfo(call_pyogrio(what, "read_info", filename, layer=name, **info))
            for name, _ in call_pyogrio(what, "list_layers", filename)
        ]
        self.layerCount = len(self.layerInfo)

    def __getitem__(self, layer: int | str) -> VectorLayerInfo:
        if not isinstance(layer, str):
            return self.layerInfo[layer]
        for info in self.layerInfo:
            if info.name == layer:
                return info
        names = ", ".join(info.name for info in self.layerInfo)
        raise rioserrors.VectorLayerError(
            f"Named vector layer '{layer}' not found in '{self._filename}'; there is {names}"
        )

    def __len__(self) -> int:
        return self.layerCount

    def __iter__(self) -> Iterator[VectorLayerInfo]:
        return iter(self.layerInfo)

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.layerInfo))
