"""Vector inputs: what looking at a layer once tells, and reading its features."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS

from rios_flows import rioserrors
from rios_flows.grid import Bounds
from rios_flows.inputs.sources import Source, place_of
from rios_flows.options import VectorOptions
from rios_flows.reducers.nodata import nodata_of
from rios_flows.types import Key, label_of
from rios_flows.vectorenv import call_pyogrio

#: Types into which features can be burnt.
DTYPES = (
    *("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float32", "float64"),
)

#: How many features are read at once from a file without a spatial index.
BATCH = 500_000

#: GDAL burns numbers as float64 with a half added, which is exact for whole numbers below this.
EXACT_BURN = 2**52

TOO_LARGE = "whole numbers are burnt exactly below 2**52 (4503599627370496)"


@dataclass(frozen=True, slots=True)
class VectorSource(Source):
    """One vector input.

    Attributes
    ----------
    key : tuple
        Symbolic name, and place in its list or None.
    path : str
        As given by the user.
    layer : str
        Name of the layer.
    crs : str
        Well-known text of its CRS; empty where there is none.
    options : VectorOptions
        How it becomes pixels.
    features : int
        How many the layer holds, before any filter; -1 if that is not known without reading.
    indexed : bool
        Features within a rectangle are found without reading all.
    place : str
        The path in full where it is a local file; empty where it is not.
    """

    key: Key
    path: str
    layer: str
    crs: str
    options: VectorOptions
    features: int
    indexed: bool
    place: str = ""

    @property
    def nodata(self) -> tuple[float]:
        """Nodata value of the one band of pixels: that of a pixel outside every feature."""
        return (self.options.null,)


class Features(NamedTuple):
    """Features in the order in which they are burnt.

    Attributes
    ----------
    geometry : ndarray of object
        Shapely geometries, shape ``(n,)``: without z, none of them empty.
    values : ndarray of float64
        What is burnt for each, shape ``(n,)``.
    order : ndarray of int64
        What is burnt later has a larger number, shape ``(n,)``.
    """

    geometry: NDArray[np.object_]
    values: NDArray[np.float64]
    order: NDArray[np.int64]


def open_vector(key: Key, path: str, options: VectorOptions) -> VectorSource:
    """Look at one vector input, and check its options against it.

    Raises
    ------
    FileOpenError
        If it cannot be opened.
    VectorLayerError
        If it has no such layer.
    VectorGeometryTypeError
        If the layer is a plain table.
    VectorAttributeError
        If the attribute to burn is missing, or is not a number.
    ParameterError
        If the filter is not valid SQL, or a value does not fit the type of pixels.
    """
    what = f"'{path}' (input '{label_of(key)}')"
    _check_values(options, what)
    layer = _find_layer(path, options.layer, what)
    info = call_pyogrio(what, "read_info", path, layer=layer)
    if info["geometry_type"] is None:
        raise rioserrors.VectorGeometryTypeError(f"Layer '{layer}' of {what} has no geometry")
    _check_attribute(options.burn_attribute, info, f"layer '{layer}' of {what}")
    if options.where is not None:
        _check_filter(path, layer, options.where, what)
    return VectorSource(
        key=key,
        path=path,
        layer=layer,
        crs=CRS.from_user_input(info["crs"]).to_wkt() if info["crs"] else "",
        options=options,
        features=info["features"],
        indexed=info["capabilities"]["fast_spatial_filter"],
        place=place_of(path),
    )


def read_features(source: VectorSource, bounds: Bounds | None = None) -> Features:
    """Read the features of a layer, or those near a rectangle.

    Parameters
    ----------
    source : VectorSource
        The input.
    bounds : Bounds or None
        Rectangle in the CRS of the layer.

    Raises
    ------
    FileOpenError
        If the file can no longer be read.
    VectorAttributeError
        If an attribute does not fit the type of pixels.
    """
    return _read(source, bbox=None if bounds is None else tuple(bounds))[0]


def batches(source: VectorSource) -> Iterator[Features]:
    """Read all features of a layer, ``BATCH`` at a time."""
    start = 0
    while True:
        features, count = _read(source, skip_features=start, max_features=BATCH)
        yield features
        if count < BATCH:
            return
        start += BATCH


def _read(source: VectorSource, **how: Any) -> tuple[Features, int]:
    import shapely

    attribute = source.options.burn_attribute
    what = source.what
    where = source.options.where
    meta, fids, wkb, columns = call_pyogrio(
        what,
        "raw.read",
        source.opens,
        layer=source.layer,
        # a filter finds nothing in columns that are not read, in formats that leave it to GDAL
        columns=None if where else [] if attribute is None else [attribute],
        where=where,
        force_2d=True,
        return_fids=True,
        **how,
    )
    try:
        geometry = shapely.from_wkb(wkb)
    except shapely.errors.GEOSException as error:
        raise rioserrors.VectorGeometryTypeError(
            f"Layer '{source.layer}' of {what} has a geometry that cannot be burnt: {error}"
        ) from error
    values = np.full(len(geometry), source.options.burn_value, np.float64)
    if attribute is not None:
        values = columns[list(meta["fields"]).index(attribute)].astype(np.float64)
    # no geometry, or a null attribute: there is nothing to burn
    kept = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry) | np.isnan(values))
    # of an empty point it would not tell x
    at_zero = np.flatnonzero(kept)
    for coordinate in (shapely.get_x, shapely.get_y):
        at_zero = at_zero[coordinate(geometry[at_zero]) == 0]
    if len(at_zero):
        kept[at_zero] = ~np.isin(fids[at_zero], _empty_points(source))
    if attribute is not None:
        _check_range(values[kept], source.options.dtype, f"attribute '{attribute}' of {what}")
    # an index has an order of its own, which the numbers of the features put right
    order = fids if source.indexed else np.arange(len(fids))
    return Features(geometry[kept], values[kept], order[kept]), len(fids)


def _empty_points(source: VectorSource) -> NDArray[np.int64]:
    """Return which features are points without a place, which GDAL hands over as 0, 0."""
    name = source.layer.replace('"', '\\"')
    _, fids, _, _ = call_pyogrio(
        source.what,
        "raw.read",
        source.opens,
        sql=f"SELECT * FROM \"{name}\" WHERE OGR_GEOM_WKT LIKE 'POINT%EMPTY'",
        sql_dialect="OGRSQL",
        columns=[],
        return_fids=True,
    )
    return np.asarray(fids, dtype=np.int64)


def _find_layer(path: str, layer: int | str, what: str) -> str:
    if "://" not in path and not path.startswith("/vsi") and not os.path.exists(path):
        raise rioserrors.FileOpenError(f"Unable to open {what}: there is no such file")
    names = [str(name) for name, _ in call_pyogrio(what, "list_layers", path)]
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


def _check_filter(path: str, layer: str, where: str, what: str) -> None:
    try:
        call_pyogrio(what, "raw.read", path, layer=layer, where=where, max_features=1)
    except (rioserrors.FileOpenError, ValueError) as error:
        raise rioserrors.ParameterError(
            f"setFilterSQL: {where!r} is no valid WHERE clause (without the word WHERE) for layer "
            f"'{layer}' of {what}: {error.__cause__ or error}"
        ) from error


def _check_range(values: NDArray[np.float64], dtype: str, what: str) -> None:
    if not len(values):
        return
    kind = np.dtype(dtype)
    whole = kind.kind in "iu"
    limits = np.iinfo(kind) if whole else np.finfo(kind)
    wrong = (values < limits.min) | (values > limits.max)
    wrong = wrong | (values != np.floor(values)) if whole else wrong & np.isfinite(values)
    if wrong.any():
        raise rioserrors.VectorAttributeError(
            f"{what} has the value {values[wrong][0]:g}, which is no {dtype}; choose another type "
            "with setVectorDatatype"
        )
    large = np.abs(values) >= EXACT_BURN
    if whole and large.any():
        raise rioserrors.VectorAttributeError(
            f"{what} has the value {values[large][0]:.0f}, which is too large: {TOO_LARGE}"
        )
