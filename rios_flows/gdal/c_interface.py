"""GDAL's C interface, for what rasterio has no function for."""

from __future__ import annotations

import ctypes

import rasterio._env

#: found through whichever library rasterio itself is linked with
GDAL = ctypes.CDLL(rasterio._env.__file__)
