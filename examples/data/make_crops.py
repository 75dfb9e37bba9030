"""Cut the crops in this folder out of the whole bands: ``python make_crops.py FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

import rasterio
from rasterio.windows import Window
from rasterio.windows import transform as window_transform

#: Column and row of the crop's corner in each scene: shifted by 40 columns and 32 rows.
CORNERS = {"224077": (1538, 516), "224078": (800, 202)}
SIDE = 448


def crop(source: Path, target: Path, corner: tuple[int, int]) -> None:
    """Write ``SIDE`` x ``SIDE`` pixels of ``source``, losslessly and small."""
    window = Window(*corner, SIDE, SIDE)
    with rasterio.open(source) as scene:
        profile = {
            "driver": "GTiff",
            "width": SIDE,
            "height": SIDE,
            "count": 1,
            "dtype": scene.dtypes[0],
            "crs": scene.crs,
            "transform": window_transform(window, scene.transform),
            "nodata": 0,
            "tiled": True,
            "blockxsize": 256,
            "blockysize": 256,
            "compress": "deflate",
            "predictor": 2,
            "zlevel": 9,
        }
        with rasterio.open(target, "w", **profile) as crop_file:
            crop_file.write(scene.read(window=window))


def main(folder: Path) -> None:
    """Make all four crops beside this script."""
    for scene, corner in CORNERS.items():
        for band in ("green", "red"):
            name = f"landsat8_{scene}_{band}.tif"
            crop(folder / name, Path(__file__).with_name(name), corner)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
