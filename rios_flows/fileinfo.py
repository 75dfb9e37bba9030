"""Facts about raster and vector files, under RIOS's names."""

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
