"""Names of types of pixels."""

from __future__ import annotations

import numpy as np

#: GDAL's names, by rasterio's.
GDAL_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "uint64": "UInt64",
    "int64": "Int64",
    "float32": "Float32",
    "float64": "Float64",
    "complex_int16": "CInt16",
    "complex64": "CFloat32",
    "complex128": "CFloat64",
}

#: GDAL's numbers of the types that are floats, and integers of more than a byte.
gdalFloatTypes = frozenset({6, 7})
gdalLargeIntTypes = frozenset({2, 3, 4, 5, 12, 13})

numpySignedIntTypes = (np.int8, np.int16, np.int32, np.int64)
numpyUnsignedIntTypes = (np.uint8, np.uint16, np.uint32, np.uint64)
