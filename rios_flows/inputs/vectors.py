"""Vector inputs: what is known of a layer once it was looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.crs import CRS

from rios_flows import rioserrors
from rios_flows.basics.errortext import why_not_found
from rios_flows.basics.types import Key
from rios_flows.controls.options import VectorOptions
from rios_flows.gdal.pyogrio import call_pyogrio
from rios_flows.inputs.sources import Source, local_path_of, what_of
from rios_flows.inputs.vectorcolumns import needed_columns, read_columns
from rios_flows.reducers.nodata import nodata_of

#: Types into which features can be burnt.
DTYPES = (
    *("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float32", "float64"),
)

#: GDAL burns numbers as float64 with a half added, which is exact for whole numbers below this.
EXACT_BURN = 2**52

TOO_LARGE = "whole numbers are burnt exactly below 2**52 (4503599627370496)"


@dataclass(frozen=True, slots=True)
class VectorSource(Source):
    """One vector input."""

    key: Key
    path: str
    layer: str
    crs: str
    options: VectorOptions
    # before any filter; -1 if that takes reading
    features: int
    # features within a rectangle are found without reading all
    indexed: bool
    columns: tuple[str, ...] = ()
    # first and last x of the geometries (CRS units)
    reach: tuple[float, float] = (-math.inf, math.inf)
    place: str = ""

    @property
    def nodata(self) -> tuple[float]:
        """Nodata value of the one band of pixels: that of a pixel outside every feature."""
        return (self.options.null,)


def open_vector(key: Key, path: str, options: VectorOptions) -> VectorSource:
    """Look at one vector input, and check its options against it."""
    what = what_of(key, path)
    _check_values(options, what)
    layer = _find_layer(path, options.layer, what)
    info = call_pyogrio(what, "read_info", path, layer=layer)
    if info["geometry_type"] is None:
        raise rioserrors.VectorGeometryTypeError(f"Layer '{layer}' of {what} has no geometry")
    _check_attribute(options.burn_attribute, info, f"layer '{layer}' of {what}")
    columns = needed_columns(info["fields"], options.burn_attribute, options.where)
    if options.where is not None:
        _check_filter(path, layer, options.where, columns, what)
    return VectorSource(
        key=key,
        path=path,
        layer=layer,
        crs=CRS.from_user_input(info["crs"]).to_wkt() if info["crs"] else "",
        options=options,
        features=info["features"],
        indexed=info["capabilities"]["fast_spatial_filter"],
        columns=columns,
        reach=tuple(info["total_bounds"][::2]) if info["total_bounds"] else (-math.inf, math.inf),
        place=local_path_of(path),
    )


def layer_names(path: str, what: str) -> list[str]:
    """Return the names of all vector layers of a file."""
    missing = why_not_found(path)
    if missing is not None:
        raise rioserrors.FileOpenError(f"Unable to open {what}: {missing}")
    return [str(name) for name, _ in call_pyogrio(what, "list_layers", path)]


def _find_layer(path: str, layer: int | str, what: str) -> str:
    names = layer_names(path, what)
    if isinstance(layer, str) and layer in names:
        return layer
    if not isinstance(layer, str) and 0 <= layer < len(names):
        return names[layer]
    there = f"it has {', '.join(names)}" if names else "it has none"
    if isinstance(layer, str):
        raise rioserrors.VectorLayerError(
            f"Named vector layer '{layer}' not found in {what}: {there}"
        )
    raise rioserrors.VectorLayerError(
        f"Vector layer number {layer} not found in {what}: {there}, numbered from 0"
    )


def _check_values(options: VectorOptions, what: str) -> None:
    if options.dtype not in DTYPES:
        raise rioserrors.ParameterError(
            f"setVectorDatatype: features of {what} cannot be burnt as {options.dtype}; "
            f"use one of {', '.join(DTYPES)}"
        )
    given = {"setVectorNull": options.null}
    if options.burn_attribute is None:
        given["setBurnValue"] = options.burn_value
    for setter, value in given.items():
        if nodata_of(options.dtype, value) is None:
            raise rioserrors.ParameterError(
                f"{setter}: {value!r} for {what} is no {options.dtype}; choose another type with "
                "setVectorDatatype"
            )
    value = given.get("setBurnValue", 0)
    if np.dtype(options.dtype).kind in "iu" and abs(value) >= EXACT_BURN:
        raise rioserrors.ParameterError(
            f"setBurnValue: {value!r} for {what} is too large: {TOO_LARGE}"
        )


def _check_attribute(attribute: str | None, info: dict[str, Any], what: str) -> None:
    if attribute is None:
        return
    fields = dict(zip(info["fields"], info["dtypes"], strict=True))
    if attribute not in fields:
        there = ", ".join(fields) or "none"
        raise rioserrors.VectorAttributeError(
            f"setBurnAttribute: '{attribute}' is no attribute of {what}; it has {there}"
        )
    try:
        number = np.dtype(fields[attribute]).kind in "iufb"
    except TypeError:
        number = False
    if not number:
        raise rioserrors.VectorAttributeError(
            f"setBurnAttribute: '{attribute}' of {what} is no number but {fields[attribute]}"
        )


def _check_filter(path: str, layer: str, where: str, columns: tuple[str, ...], what: str) -> None:
    try:
        read_columns(what, path, layer, columns, where=where, max_features=1)
    except rioserrors.VectorAttributeError:
        raise  # a ValueError, too
    except (rioserrors.FileOpenError, ValueError) as error:
        raise rioserrors.ParameterError(
            f"setFilterSQL: {where!r} is no valid WHERE clause (without the word WHERE) for layer "
            f"'{layer}' of {what}: {error.__cause__ or error}"
        ) from error
