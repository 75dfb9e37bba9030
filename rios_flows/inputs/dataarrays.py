"""DataArrays of xarray as inputs: where they lie, as rioxarray and odc-geo write it down."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np
from rasterio.transform import Affine

from rios_flows import rioserrors
from rios_flows.inputs.lazychunks import by_chunks
from rios_flows.inputs.raster import Raster
from rios_flows.reducers.nodata import Number, nodata_of, same_value

#: Names of the dimensions that count columns and rows.
_ACROSS = ("x", "lon", "longitude", "easting", "eastings", "projection_x_coordinate")
_DOWN = ("y", "lat", "latitude", "northing", "northings", "projection_y_coordinate")

#: Attributes of the CF conventions whose values all are missing ones.
_MISSING = ("_FillValue", "missing_value")

#: How far coordinates may be off even steps (pixels): float32 is not exact.
_UNEVEN = 0.01

#: How far off the coordinates a stored transform may be that is taken for exact (pixels).
_SAME = 1e-3


def raster_of(array: Any) -> Raster:
    """Return a DataArray as a raster that is read when it is needed."""
    down, across = _dims(array)
    others = [dim for dim in array.dims if dim not in (down, across)]
    if len(others) > 1:
        raise _problem(
            array,
            f"has the dimensions {_told(array.dims)}; choose of all but one "
            f"besides {down!r} and {across!r} with isel, or stack them",
        )
    if 0 in array.shape:
        raise _problem(array, "has no pixels; choose another part of it")
    dtype = _type_of(array)
    ordered = array.transpose(*others, down, across)
    mapping = _mapping(array)
    count = array.sizes[others[0]] if others else 1
    nodata, more = _missing(array, dtype, count)
    return Raster(
        _Sliced(ordered.variable, dtype, nodata, more),
        _transform(ordered, mapping, across, down),
        _crs(array, mapping),
        nodata,
        _names(array, others[0]) if others else _single_name(array),
        title=_title(array),
        **_scaling(array, count),
    )


class _Sliced:
    """The variable of a DataArray, sliced to numpy arrays; it keeps none of them."""

    def __init__(
        self, variable: Any, dtype: np.dtype[Any], nodata: Any, more: list[Number]
    ) -> None:
        # else data would be read here
        self._lazy = None if variable.chunks is None else by_chunks(variable.data)
        self._variable, self._nodata, self._more = variable, nodata, more
        self.shape, self.dtype, self.ndim = variable.shape, dtype, variable.ndim

    def __getitem__(self, key: Any) -> Any:
        found = self._variable[key].to_numpy() if self._lazy is None else self._lazy[key]
        if self.dtype != self._variable.dtype and found.dtype == self._variable.dtype:
            found = found.view(self.dtype)
        for value in self._more:
            # a raster has one nodata value
            same = np.isnan(found) if value != value else found == value
            found = np.where(same, np.asarray(self._nodata, found.dtype), found)
        return found


def _title(array: Any) -> str:
    name = "" if array.name is None else f" {str(array.name)!r}"
    return f"DataArray{name} {' x '.join(map(str, array.shape))} {array.dtype}"


def _problem(array: Any, what: str) -> rioserrors.ParameterError:
    return rioserrors.ParameterError(f"{_title(array)} {what}")


def _told(names: Any) -> str:
    return ", ".join(map(repr, names))


def _dims(array: Any) -> tuple[Hashable, Hashable]:
    """Return the names of the dimensions that count rows and columns."""
    found = []
    for known in (_DOWN, _ACROSS):
        here = [
            dim for dim in array.dims if str(dim).lower() in known or _axis_of(array, dim) in known
        ]
        found.append(here[0] if len(here) == 1 else None)
    # those that rioxarray was told with set_spatial_dims
    own = getattr(getattr(array, "_cache", {}).get("rio"), "_y_dim", None)
    if own is not None:
        return own, array.rio.x_dim
    down, across = found
    if down is None or across is None:
        raise _problem(
            array,
            f"has the dimensions {_told(array.dims)}, and which count columns and rows is "
            "not known; rename them to 'x' and 'y'",
        )
    return down, across


def _axis_of(array: Any, dim: Hashable) -> str:
    """Return which axis a coordinate says it is: "x", "y" or another."""
    return str(array.coords[dim].attrs.get("axis", "")).lower() if dim in array.coords else ""


def _mapping(array: Any) -> dict[str, Any]:
    """Return what the coordinate says that holds the CRS; nothing without one."""
    named = array.encoding.get("grid_mapping", array.attrs.get("grid_mapping"))
    for name in (named, "spatial_ref", "crs"):
        if name is not None and name in array.coords:
            return dict(array.coords[name].attrs)
    return {}


def _crs(array: Any, mapping: dict[str, Any]) -> Any:
    for name in ("crs_wkt", "spatial_ref"):
        if mapping.get(name):
            return mapping[name]
    # set by set_crs, or told by the parameters of CF
    if "rio" in getattr(array, "_cache", {}) or "grid_mapping_name" in mapping:
        try:
            import rioxarray  # noqa: F401 - it registers the accessor
        except ImportError:
            raise _problem(
                array,
                "tells its CRS by parameters of the CF conventions, which rioxarray knows; "
                "pip install rioxarray, or give 'spatial_ref' a crs_wkt",
            ) from None
        if array.rio.crs is not None:
            return array.rio.crs.to_wkt()
    given = array.attrs.get("crs")
    return given.removeprefix("+init=") if isinstance(given, str) else given


def _transform(array: Any, mapping: dict[str, Any], across: Hashable, down: Hashable) -> Affine:
    stored = _stored(mapping)
    if stored is not None and (stored.b or stored.d):
        raise _problem(
            array,
            f"is turned (GeoTransform {tuple(stored)[:6]}); bring it onto a grid "
            "that is not, as with rio.reproject or odc.reproject",
        )
    if across not in array.coords and down not in array.coords:
        if stored is None:
            raise _problem(
                array,
                f"has no coordinates {across!r} and {down!r}, and no "
                "GeoTransform beside its CRS: where it lies is not known",
            )
        return stored
    width, left = _axis(array, across, None if stored is None else stored.a)
    height, top = _axis(array, down, None if stored is None else stored.e)
    found = Affine(width, 0, left, 0, height, top)
    if stored is not None and _is_same(found, stored, array.shape[-1], array.shape[-2]):
        # of decimal coordinates the last digits are not what they were
        return stored
    return found


def _stored(mapping: dict[str, Any]) -> Affine | None:
    text = mapping.get("GeoTransform")
    try:
        numbers = [float(number) for number in str(text).split()]
        return Affine.from_gdal(*numbers) if text is not None and len(numbers) == 6 else None
    except ValueError:
        return None


def _axis(array: Any, dim: Hashable, stored: float | None) -> tuple[float, float]:
    """Return step and first edge of the pixels along a dimension."""
    if dim not in array.coords:
        raise _problem(array, f"has no coordinate {dim!r}: where it lies is not known")
    centres = np.asarray(array.coords[dim].to_numpy())
    if centres.dtype.kind not in "iuf" or centres.ndim != 1:
        raise _problem(array, f"has a coordinate {dim!r} of {centres.dtype}; numbers are needed")
    centres = centres.astype(np.float64)
    if len(centres) == 1:
        if stored is None:
            raise _problem(
                array,
                f"has one pixel along {dim!r}, and no GeoTransform that tells its size; call "
                "rio.write_transform() on the whole before a part of it is chosen, or give a "
                "rios_flows.Raster",
            )
        return stored, float(centres[0]) - stored / 2
    step = float(centres[-1] - centres[0]) / (len(centres) - 1)
    even = centres[0] + step * np.arange(len(centres))
    # NaN is not near anything
    near = np.abs(centres - even) <= _UNEVEN * abs(step)
    if not math.isfinite(step) or step == 0 or not near.all():
        raise _problem(
            array,
            f"has a coordinate {dim!r} without even steps; bring it onto a regular grid, as "
            "with interp",
        )
    return step, float(centres[0]) - step / 2


def _is_same(one: Affine, other: Affine, ncols: int, nrows: int) -> bool:
    """Return whether two transforms put both ends at the same place, to a part of a pixel."""
    return all(
        abs(a - b) <= _SAME * size
        for corner in ((0, 0), (ncols, nrows))
        for a, b, size in zip(one * corner, other * corner, (abs(one.a), abs(one.e)), strict=True)
    )


def _type_of(array: Any) -> np.dtype[Any]:
    """Return the type that pixels have: files without unsigned types say so in an attribute."""
    dtype: np.dtype[Any] = array.dtype
    kinds = {("true", "i"): "u", ("false", "u"): "i"}
    kind = kinds.get((str(array.attrs.get("_Unsigned")).lower(), dtype.kind))
    # bytes may be in another order
    return dtype if kind is None else np.dtype(f"{dtype.byteorder}{kind}{dtype.itemsize}")


def _in_type(value: Number, own: np.dtype[Any], dtype: np.dtype[Any]) -> Number:
    """Return a missing value in the type of the pixels, if it is told in that of the file."""
    if own == dtype or nodata_of(own, value) is None:
        return value
    return np.asarray(value, own).view(dtype).item()  # type: ignore[no-any-return]


def _missing(array: Any, dtype: np.dtype[Any], count: int) -> tuple[Any, list[Number]]:
    """Return the nodata value that attributes tell, or one for each band, and further values."""
    own = array.dtype
    if own.kind == "b":
        own = dtype = np.dtype(np.uint8)
    told = [_in_type(value, own, dtype) for name in _MISSING for value in _told_values(array, name)]
    given = getattr(getattr(array, "_cache", {}).get("rio"), "_nodata", None)
    if given is not None and given is not False:
        # what rioxarray was told with set_nodata wins over attributes
        told = [given, *told]
    for name in ("nodata", "nodatavals") if not told else ():
        told = _told_values(array, name)
        if len(told) == count > 1:
            return [nodata_of(dtype, value) for value in told], []
        if told:
            break
    # as in a file, one that pixels of this type cannot have does not count
    possible = [value for each in told if (value := nodata_of(dtype, each)) is not None]
    found = [
        value
        for place, value in enumerate(possible)
        if not any(same_value(value, other) for other in possible[:place])
    ]
    if found:
        return found[0], found[1:]
    # NaN is missing to xarray
    return math.nan if dtype.kind in "fc" else None, []


def _told_values(array: Any, name: str) -> list[Number]:
    """Return the numbers that an attribute has; none if it is not there."""
    value = array.attrs.get(name)
    try:
        values = [] if value is None else np.ravel(value).tolist()
        return [each if isinstance(each, int | float) else float(each) for each in values]
    except (TypeError, ValueError):
        raise _problem(array, f"has {name}={value!r}, which is no number") from None


def _scaling(array: Any, count: int) -> dict[str, Any]:
    """Return scale and offset that attributes tell, as of an array that was not decoded."""
    found: dict[str, Any] = {}
    for field, names in (
        ("scale", ("scale_factor", "scales")),
        ("offset", ("add_offset", "offsets")),
    ):
        values = next((told for name in names if (told := _told_values(array, name))), [])
        if values and len(values) not in (1, count):
            raise _problem(array, f"has {len(values)} values of {' or '.join(names)}")
        if values:
            found[field] = values[0] if len(values) == 1 else values
    return found


def _names(array: Any, dim: Hashable) -> list[str | None]:
    """Return the names of the bands: labels that are no numbers, else rioxarray's long names."""
    count = array.sizes[dim]
    if dim in array.coords and array.coords[dim].dtype.kind not in "iufb":
        labels = array.coords[dim].to_numpy()
        # dates without hours, and times without what is 0 in all
        dates = labels.dtype.kind == "M"
        return list(map(str, np.datetime_as_string(labels, unit="auto") if dates else labels))
    told = array.attrs.get("long_name")
    if isinstance(told, tuple | list) and len(told) == count:
        return [str(name) for name in told]
    return [None] * count if count > 1 else _single_name(array)


def _single_name(array: Any) -> list[str | None]:
    told = array.attrs.get("long_name")
    return [told if isinstance(told, str) and told else None]
