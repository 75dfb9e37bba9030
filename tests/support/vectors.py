"""Vector files made by the tests."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import shapely


def write_vector(
    path: Path,
    shapes: Sequence[Any],
    crs: str | None = "EPSG:32755",
    layer: str | None = None,
    append: bool = False,
    **columns: Any,
) -> str:
    """Write geometries with an attribute for each further argument; the name tells the driver."""
    kind = "Unknown"
    if path.suffix == ".shp":
        kind = "Polygon" if shapely.get_type_id(shapes[0]) == 3 else "LineString"
    with warnings.catch_warnings():
        # a layer without CRS is meant
        warnings.filterwarnings("ignore", "'crs' was not provided")
        pyogrio.raw.write(
            path,
            shapely.to_wkb(np.array(list(shapes), dtype=object)),
            [np.asarray(values) for values in columns.values()],
            list(columns),
            geometry_type=kind,
            crs=crs,
            layer=layer or path.stem,
            append=append,
        )
    return str(path)
