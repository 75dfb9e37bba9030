"""Items and assets of a STAC catalogue (pystac) as inputs: the files that they lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from rios_flows import rioserrors
from rios_flows.controls.spelling import question

#: What assets of rasters are called; others are thumbnails and metadata.
_RASTERS = ("tiff", "geotiff", "jp2", "zarr", "netcdf", "hdf", "vrt")
_ENDINGS = (".tif", ".tiff", ".jp2", ".zarr", ".nc", ".h5", ".vrt", ".img")

_T = TypeVar("_T")

#: Properties of items whose catalogue tells an offset that is in the pixels already.
_APPLIED = ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")


def place_of(entry: Any) -> str:
    """Return the file of an asset, or of an item that has a single raster."""
    asset = _asset_of(entry)
    return str(asset.get_absolute_href() or asset.href).removeprefix("file://")


def _asset_of(entry: Any) -> Any:
    if hasattr(entry, "assets"):
        rasters = {name: asset for name, asset in entry.assets.items() if _is_raster(asset)}
        if not rasters:
            raise rioserrors.ParameterError(
                f"item {entry.id!r} has no raster among its assets, {_told(entry.assets)}; give "
                "one all the same as item.assets['name']"
            )
        if len(rasters) != 1:
            raise rioserrors.ParameterError(
                f"item {entry.id!r} has the rasters {_told(rasters)}; give one, as "
                "item.assets['name'], or in rios_flows.apply choose bands={'input': [...]}"
            )
        (entry,) = rasters.values()
    if not hasattr(entry, "href"):
        raise rioserrors.ParameterError(
            f"a {type(entry).__name__} has no pixels of its own; give its items, or an asset"
        )
    return entry


def is_item(entry: object) -> bool:
    """Return whether this is an item of pystac, with assets."""
    return type(entry).__module__.startswith("pystac") and hasattr(entry, "assets")


def chosen_of(item: Any, names: Sequence[str]) -> tuple[Any, list[int | str] | int | None]:
    """Return the asset or assets of an item that have these bands, and which of theirs to read.

    A name is that of an asset with a single band, or of a band as an asset tells it: its name or
    its common name. Bands of one asset are read from one file, those of several from a list.
    """
    found = [_find(item, name) for name in names]
    keys = list(dict.fromkeys(key for key, _ in found))
    numbers = [number for _, number in found]
    assets = [item.assets[key] for key, _ in found]
    if len(keys) == 1:
        return assets[0], [number or 1 for number in numbers]
    if any(number not in (None, 1) for number in numbers):
        raise rioserrors.ParameterError(
            f"item {item.id!r}: {', '.join(names)} are bands of several files of several bands; "
            "give the assets as inputs of their own"
        )
    return assets, 1


def told_of(entry: Any) -> dict[str, Any]:
    """Return what an item or asset tells of pixels, as fields of ``InputOptions``."""
    asset = _asset_of(entry)
    bands = _told_of_bands(asset)
    properties = getattr(asset.owner, "properties", {})
    done = any(properties.get(name) is True for name in _APPLIED)
    try:
        scaling = tuple(
            (_number(each.get("scale"), 1.0), 0.0 if done else _number(each.get("offset"), 0.0))
            for each in bands
        )
        nodata = tuple(_number(each.get("nodata"), None) for each in bands)
    except (TypeError, ValueError):
        raise rioserrors.ParameterError(
            f"asset {asset.href!r} tells a scale, offset or nodata value that is no number: "
            f"{bands}; give its file in its place"
        ) from None
    found: dict[str, Any] = {}
    if any(each != (1, 0) for each in scaling):
        found["told_scaling"] = scaling
    if any(value is not None for value in nodata):
        found["told_nodata"] = nodata
    return found


def _told_of_bands(asset: Any) -> list[dict[str, Any]]:
    """Return what is told of each band; of a single one if it is told for all together."""
    fields = asset.extra_fields
    # STAC 1.1 has them in "bands", the raster extension before in a list of its own
    new, old = (list(fields.get(name) or ()) for name in ("bands", "raster:bands"))
    count, for_all = max(len(new), len(old), 1), _of_pixels(fields)
    new, old = (each + [{}] * (count - len(each)) for each in (new, old))
    return [{**for_all, **_of_pixels(one), **other} for one, other in zip(new, old, strict=True)]


def _of_pixels(fields: Mapping[str, Any]) -> dict[str, Any]:
    told = {"scale": "raster:scale", "offset": "raster:offset", "nodata": "nodata"}
    return {name: fields[key] for name, key in told.items() if key in fields}


def _number(value: Any, default: _T) -> float | _T:
    """Return a number; STAC has "nan", "inf" and "-inf" as texts."""
    if value is None:
        return default
    return value if isinstance(value, int | float) else float(value)


def _find(item: Any, name: str) -> tuple[str, int | None]:
    """Return the asset that has a band, and its number; None if the asset tells no bands."""
    told: dict[str, tuple[str, int | None]] = {}
    for key, asset in item.assets.items():
        for number, band in enumerate(_bands(asset), 1):
            for called in (band.get("name"), band.get("eo:common_name"), band.get("common_name")):
                if called:
                    told.setdefault(called, (key, number))
    # an asset with the very name comes first, if it is that of one band
    if name in item.assets and len(_bands(item.assets[name])) <= 1:
        return name, None
    if name in told:
        return told[name]
    known = [*told, *(key for key in item.assets if key not in told)]
    advice = question(name, known) or f"; it has {_told(known)}"
    raise rioserrors.ParameterError(f"item {item.id!r} has no band {name!r}{advice}")


def _bands(asset: Any) -> list[dict[str, Any]]:
    """Return what an asset tells of its bands, as STAC 1.1 or the eo extension before has it."""
    fields = asset.extra_fields
    return list(fields.get("bands") or fields.get("eo:bands") or ())


def _is_raster(asset: Any) -> bool:
    kind = (asset.media_type or "").lower()
    if set(asset.roles or ()) & {"thumbnail", "overview", "metadata"}:
        return False
    known = any(name in kind for name in _RASTERS)
    return known or (not kind and asset.href.lower().endswith(_ENDINGS))


def _told(names: Any) -> str:
    return ", ".join(map(repr, names)) or "none"
