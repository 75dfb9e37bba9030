"""Draw the pictures of the recipes from what their code writes."""

from __future__ import annotations

import os
import runpy
import shutil
import tempfile
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pyogrio.raw
import rasterio
import shapely
from PIL import Image

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "img"
DATA = ROOT / "examples" / "data"


def main() -> None:
    """Run the page's code in a directory of its own, and draw."""
    made = runpy.run_path(str(ROOT / "docs" / "recipe_files.py"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made["make"](folder)
        for band in ("green", "red"):
            shutil.copy(DATA / f"landsat8_224077_{band}.tif", folder / f"{band}.tif")
        page = (ROOT / "docs" / "recipes.md").read_text()
        code = [part.partition("```")[0] for part in page.split("```python\n")[1:]]
        os.chdir(folder)
        namespace: dict[str, Any] = {}
        exec("\n".join(code), namespace)
        draw("index", [read("index.tif")], cmap="YlGn")
        draw_fields(namespace["table"])
        draw("focal", [read("green.tif"), read("texture.tif")])
        draw("mosaic", [read("mosaic.tif")])
        draw("median", [read("june.tif"), read("median.tif")])
        os.chdir(ROOT)


def read(name: str) -> Any:
    """Return a band with NaN where it has no data."""
    with rasterio.open(name) as dataset:
        return dataset.read(1, masked=True).astype(float).filled(np.nan)


def shown(axes: Any, pixels: Any, **how: Any) -> None:
    """Draw a band from its 2nd to its 98th percentile."""
    low, high = np.nanpercentile(pixels, [2, 98])
    axes.imshow(pixels, vmin=low, vmax=high, interpolation="nearest", **how)
    axes.set_axis_off()


def draw(name: str, pictures: list[Any], **how: Any) -> None:
    """Draw bands side by side."""
    figure, axes = plt.subplots(1, len(pictures), figsize=(3.2 * len(pictures), 3.2), squeeze=False)
    for place, pixels in zip(axes[0], pictures, strict=True):
        shown(place, pixels, **{"cmap": "viridis", **how})
    save(figure, name)


def draw_fields(table: Any) -> None:
    """Draw fields in the colour of their mean."""
    _, fids, shapes, _ = pyogrio.raw.read("fields.gpkg", return_fids=True)
    figure, axes = plt.subplots(figsize=(3.2, 3.2))
    means = table["mean"]
    norm = plt.Normalize(means.min(), means.max())
    for fid, shape in zip(fids, shapely.from_wkb(shapes), strict=True):
        for part in shapely.get_parts(shape):
            axes.fill(*part.exterior.xy, color=plt.cm.YlGn(norm(means[fid])))
    axes.set_aspect("equal")
    axes.set_axis_off()
    save(figure, "zonal")


def save(figure: Any, name: str) -> None:
    """Write a picture in few colours, which takes little room."""
    figure.tight_layout(pad=0.2)
    path = TARGET / f"recipe-{name}.png"
    figure.savefig(path, dpi=70)
    plt.close(figure)
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(64)
    small.save(path, optimize=True)


if __name__ == "__main__":
    main()
