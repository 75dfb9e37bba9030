"""Items and assets of a STAC catalogue (pystac) as inputs: the files that they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rios_flows import rioserrors
from rios_flows.controls.spelling import question

#: What assets of rasters are called; others are thumbnails and metadata.
_RASTERS = ("tiff", "geotiff", "jp2", "zarr", "netcdf", "hdf", "vrt")
_ENDINGS = (".tif", ".tiff", ".jp2", ".zarr", ".nc", ".h5", ".vrt", ".img")


def place_of(entry: Any) -> Any:
    """Return the file of an asset, or of an item that has a single raster."""
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
    return _href(entry)


def is_item(entry: object) -> bool:
    """Return whether this is an item of pystac, with assets."""
    return type(entry).__module__.startswith("pystac") and hasattr(entry, "assets")


def chosen_of(item: Any, names: Sequence[str]) -> tuple[Any, list[int | str] | int | None]:
    """Return the file or files of an item that have these bands, and which bands of them to read.

    A name is that of an asset with a single band, or of a band as an asset tells it: its name or
    its common name. Bands of one asset are read from one file, those of several from a list.
    """
    found = [_find(item, name) for name in names]
    keys = list(dict.fromkeys(key for key, _ in found))
    numbers = [number for _, number in found]
    hrefs = [_href(item.assets[key]) for key, _ in found]
    if len(keys) == 1:
        return hrefs[0], [number or 1 for number in numbers]
    if any(number not in (None, 1) for number in numbers):
        raise rioserrors.ParameterError(
            f"item {item.id!r}: {', '.join(names)} are bands of several files of several bands; "
            "give the assets as inputs of their own"
        )
    return hrefs, 1


def scaling_told(entry: Any) -> str | None:
    """Return which scale and offset an item or asset tells of a raster's values, if any."""
    assets = getattr(entry, "assets", None)
    for key, asset in assets.items() if assets is not None else [("", entry)]:
        fields = getattr(asset, "extra_fields", {})
        for band in (fields, *(fields.get("bands") or ()), *(fields.get("raster:bands") or ())):
            scale = band.get("raster:scale", band.get("scale", 1))
            offset = band.get("raster:offset", band.get("offset", 0))
            if (scale, offset) != (1, 0):
                return f"a scale of {scale} and an offset of {offset}" + (key and f" of '{key}'")
    return None


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


def _href(asset: Any) -> str:
    return str(asset.get_absolute_href() or asset.href).removeprefix("file://")


def _told(names: Any) -> str:
    return ", ".join(map(repr, names)) or "none"
