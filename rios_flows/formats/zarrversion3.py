"""What a Zarr store says of itself in version 3, beside version 2, of which GDAL 3.10 reads it.

GDAL 3.10 refuses the codec "bytes" that version 3 asks for, and writes stores without, which other
programs take for empty. So a store of version 3 is written as one of version 2, with the same
chunks under the same names, and described once more.
"""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from rios_flows import rioserrors

#: What both versions know.
_CODECS = ("blosc", "gzip", "zstd")
#: How blosc shuffles, by what GDAL writes of it in version 2.
_SHUFFLES = {
    0: "noshuffle",
    "NONE": "noshuffle",
    1: "shuffle",
    2: "bitshuffle",
    "BIT": "bitshuffle",
}


def describe_once_more(path: str, nodata: float | None) -> None:
    """Describe a store of version 2, and each of its arrays, in version 3, too."""
    for file in Path(path).glob("*/.zarray"):
        # the others are coordinates
        own = file.parent.name == Path(path).stem
        described = _described(file.parent, nodata if own else None)
        _write(file.parent / "zarr.json", described)
    _write(Path(path, "zarr.json"), {"zarr_format": 3, "node_type": "group", "attributes": {}})


def check_options(options: dict[str, str], label: str) -> None:
    """Refuse what version 3 has no codec for."""
    compress = options.get("COMPRESS", "NONE").lower()
    if compress not in (*_CODECS, "none"):
        raise rioserrors.ParameterError(
            f"setCreationOptions: output '{label}': Zarr of version 3 has no "
            f"COMPRESS={compress.upper()}; choose BLOSC, GZIP, ZSTD or NONE, or leave FORMAT out "
            "for version 2"
        )
    if options.get("FILTER", "NONE").upper() != "NONE":
        raise rioserrors.ParameterError(
            f"setCreationOptions: output '{label}': Zarr of version 3 has no FILTER; leave it out, "
            "or FORMAT for version 2"
        )


def _described(folder: Path, nodata: float | None) -> dict[str, Any]:
    known = json.loads((folder / ".zarray").read_text())
    told = folder / ".zattrs"
    attributes = json.loads(told.read_text()) if told.exists() else {}
    dtype, names = np.dtype(known["dtype"]), attributes.pop("_ARRAY_DIMENSIONS", None)
    if nodata is not None:
        # for xarray, which takes a fill value alone for pixels like others
        attributes["_FillValue"] = _for_xarray(dtype, nodata)
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": known["shape"],
        "data_type": dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": known["chunks"]}},
        "chunk_key_encoding": {
            "name": "v2",
            "configuration": {"separator": known.get("dimension_separator", ".")},
        },
        "fill_value": _fill_value(dtype, known["fill_value"]),
        "codecs": _codecs(known, dtype),
        "attributes": attributes,
        "dimension_names": names,
    }


def _codecs(known: dict[str, Any], dtype: np.dtype[Any]) -> list[dict[str, Any]]:
    codecs: list[dict[str, Any]] = []
    if known["order"] == "F":
        order = list(range(len(known["shape"])))[::-1]
        codecs.append({"name": "transpose", "configuration": {"order": order}})
    codecs.append({"name": "bytes", "configuration": {"endian": "little"}})
    compressor = dict(known["compressor"] or {})
    name = compressor.pop("id", None)
    if name == "blosc":
        compressor |= {"shuffle": _SHUFFLES[compressor["shuffle"]], "typesize": dtype.itemsize}
    if name is not None:
        codecs.append({"name": name, "configuration": compressor})
    return codecs


def _fill_value(dtype: np.dtype[Any], known: Any) -> Any:
    if known is None:
        # GDAL leaves out chunks of zeros only
        known = 0 if dtype.kind in "iu" else 0.0
    return [known, 0.0] if dtype.kind == "c" else known


def _for_xarray(dtype: np.dtype[Any], nodata: float) -> Any:
    if dtype.kind in "iu":
        return int(nodata)
    numbers = [nodata, 0.0] if dtype.kind == "c" else [nodata]
    coded = [base64.standard_b64encode(struct.pack("<d", number)).decode() for number in numbers]
    return coded if dtype.kind == "c" else coded[0]


def _write(path: Path, described: dict[str, Any]) -> None:
    path.write_text(json.dumps(described, indent=2))
