"""Inputs that are no file names: which objects will do, and how they are read."""

from __future__ import annotations

import sys
from typing import Any

from rios_flows import rioserrors
from rios_flows.basics.types import Key, label_of
from rios_flows.controls.associations import FilenameAssociations
from rios_flows.gdal.heldpixels import HeldPixels

#: Inputs that are no files, by symbolic name and place in its list.
Held = dict[Key, HeldPixels]


def told_apart(infiles: Any) -> tuple[FilenameAssociations, Held]:
    """Return inputs with a title in place of each object, and what is read in place of a file."""
    # what is none is refused later
    entries: dict[str, Any] = getattr(infiles, "__dict__", {})
    if not isinstance(infiles, FilenameAssociations) or all(
        isinstance(entry, str) for entry in entries.values()
    ):
        return infiles, {}
    files, held = FilenameAssociations(), Held()
    for name, entry in entries.items():
        if isinstance(entry, list | tuple):
            found = [_one((name, number), item, held) for number, item in enumerate(entry)]
            vars(files)[name] = found
        else:
            vars(files)[name] = _one((name, None), entry, held)
    return files, held


def _one(key: Key, entry: Any, held: Held) -> Any:
    try:
        found = entry_of(entry)
    except rioserrors.ParameterError as error:
        raise rioserrors.ParameterError(f"input '{label_of(key)}': {error}") from error.__cause__
    if not isinstance(found, HeldPixels):
        return found
    held[key] = found
    return found.facts.title


def entry_of(entry: Any) -> Any:
    """Return the name or the pixels of an object that will do as an input; others as they are."""
    if isinstance(entry, str) or entry is None:
        return entry
    kind = type(entry)
    # of a library that is not imported there are no objects
    home = {base.__module__.partition(".")[0] for base in kind.__mro__}
    for package, found in _KNOWN.items():
        if package in home:
            return found(entry)
    return entry


def is_held(entry: object) -> bool:
    """Return whether an object is one input by itself, though no file name."""
    home = {base.__module__.partition(".")[0] for base in type(entry).__mro__}
    return bool(home.intersection(_KNOWN)) and not _is(entry, "xarray", "Dataset")


def _is(entry: object, package: str, name: str) -> bool:
    kind = getattr(sys.modules.get(package), name, None)
    return kind is not None and isinstance(entry, kind)


def _of_own(entry: Any) -> Any:
    # few runs need it
    from rios_flows.inputs.raster import Raster

    return entry.held() if isinstance(entry, Raster) else entry


def _of_rasterio(entry: Any) -> Any:
    from rasterio.io import DatasetReader, DatasetWriter, MemoryFile
    from rasterio.vrt import WarpedVRT

    from rios_flows.inputs.datasets import entry_of as entry_of_dataset

    if isinstance(entry, MemoryFile):
        raise rioserrors.ParameterError("a MemoryFile is a file; give what its open() returns")
    known = DatasetReader | DatasetWriter | WarpedVRT
    return entry_of_dataset(entry) if isinstance(entry, known) else entry


def _of_xarray(entry: Any) -> Any:
    if _is(entry, "xarray", "Dataset"):
        raise rioserrors.ParameterError(
            f"a Dataset has several arrays, {', '.join(map(repr, entry.data_vars))}; choose one, "
            "as dataset['name'], or make bands of them with dataset.to_dataarray('band')"
        )
    if not _is(entry, "xarray", "DataArray"):
        return entry
    from rios_flows.inputs.dataarrays import raster_of

    return raster_of(entry).held()


def _bare(entry: Any) -> Any:
    if not hasattr(entry, "shape") or not hasattr(entry, "dtype"):
        return entry
    raise rioserrors.ParameterError(
        f"an array of shape {entry.shape} does not tell where it lies; give "
        "rios_flows.Raster(array, transform, crs)"
    )


def _of_pystac(entry: Any) -> Any:
    from rios_flows.inputs.stac import place_of

    return place_of(entry)


_KNOWN = {
    "rios_flows": _of_own,
    "xarray": _of_xarray,
    "rasterio": _of_rasterio,
    "numpy": _bare,
    "dask": _bare,
    "pystac": _of_pystac,
}
