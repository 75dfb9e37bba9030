"""What GDAL leaves out of a new Zarr store of several bands: nodata value and CRS."""

from __future__ import annotations

import json
import math
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
    array = Path(path, Path(path).stem)
    version_3 = array / "zarr.json"
    if version_3.exists():
        known = json.loads(version_3.read_text())
        known["fill_value"] = _fill_value(dtype, nodata, known["fill_value"])
        known["attributes"] |= _crs_attribute(crs)
        version_3.write_text(json.dumps(known, indent=2))
        return
    known = json.loads((array / ".zarray").read_text())
    known["fill_value"] = _fill_value(dtype, nodata, known["fill_value"])
    attributes = json.loads((array / ".zattrs").read_text()) | _crs_attribute(crs)
    (array / ".zarray").write_text(json.dumps(known, indent=2))
    (array / ".zattrs").write_text(json.dumps(attributes, indent=2))
    # the same once more, for who reads all of it at once
    together = Path(path, ".zmetadata")
    if together.exists():
        all_known = json.loads(together.read_text())
        all_known["metadata"][f"{array.name}/.zarray"] = known
        all_known["metadata"][f"{array.name}/.zattrs"] = attributes
        together.write_text(json.dumps(all_known, indent=2))


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


def _crs_attribute(crs: str | None) -> dict[str, Any]:
    if not crs:
        return {}
    return {"_CRS": {"wkt": CRS.from_user_input(crs).to_wkt(version="WKT2_2019")}}
