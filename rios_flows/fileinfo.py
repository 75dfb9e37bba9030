"""Facts about raster and vector files, under RIOS's names."""

from typing import TYPE_CHECKING

from rios_flows.basics.gone import instead_of
from rios_flows.files.info import (
    ImageFileStats,
    ImageInfo,
    ImageLayerStats,
    VectorFileInfo,
    VectorLayerInfo,
    geometryTypeStringDict,
    rat,
)

__all__ = [
    "ImageFileStats",
    "ImageInfo",
    "ImageLayerStats",
    "VectorFileInfo",
    "VectorLayerInfo",
    "geometryTypeStringDict",
    "rat",
]

if not TYPE_CHECKING:
    __getattr__ = instead_of(__name__)
