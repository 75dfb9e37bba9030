"""Nodata value and CRS, which GDAL leaves out of a new Zarr store of several bands."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rasterio.crs import CRS

from rios_flows.reducers.nodata import WIDE

#: Files that tell that a directory is a Zarr store.
MARKS = (".zgroup", ".zarray", "zarr.json")


def is_store(path: str) -> bool:
    """Tell whether a directory is a Zarr store, or has nothing in it."""
    names = {entry.name for entry in Path(path).iterdir()}
    return not names or bool(names.intersection(MARKS))


def complete_store(path: str, dtype: str, nodata: float | None, crs: str | None) -> None:
    """Add nodata value and CRS to a closed store that no pixel has been written to."""
    array, together = Path(path, Path(path).stem), Path(path, ".zmetadata")
    attributes = {}
    if crs:
        attributes["_CRS"] = {"wkt": CRS.from_user_input(crs).to_wkt(version="WKT2_2019")}
    if (array / "zarr.json").exists():
        with _changed(array / "zarr.json") as known:
            known["fill_value"] = _fill_value(dtype, nodata, known["fill_value"])
            known["attributes"].update(attributes)
        return
    with _changed(array / ".zarray") as known, _changed(array / ".zattrs") as all_attributes:
        known["fill_value"] = _fill_value(dtype, nodata, known["fill_value"])
        all_attributes.update(attributes)
    if together.exists():
        # the same once more, for readers of the whole store
        with _changed(together) as all_known:
            all_known["metadata"][f"{array.name}/.zarray"] = known
            all_known["metadata"][f"{array.name}/.zattrs"] = all_attributes


@contextmanager
def _changed(path: Path) -> Iterator[dict[str, Any]]:
    """Give a JSON file's content for changes, and write it back."""
    known = json.loads(path.read_text())
    yield known
    path.write_text(json.dumps(known, indent=2))


def _fill_value(dtype: str, nodata: float | None, old: Any) -> Any:
    if nodata is None:
        return old
    if dtype in WIDE:
        return int(nodata)
    if math.isnan(nodata):
        return "NaN"
    if math.isinf(nodata):
        return "Infinity" if nodata > 0 else "-Infinity"
    # large ones as 1e+38, since GDAL takes digits alone for an integer of 64 bits
    whole = float(nodata).is_integer() and abs(nodata) <= 2**53
    return int(nodata) if whole else float(nodata)
