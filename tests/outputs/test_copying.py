"""Files that are copied at the end: from the copy's pixels, and then from their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

from rios_flows.outputs.copying import give_own_pixels, make_copy, take_copied_pixels
from tests.support.rasters import read_raster, write_raster
from tests.support.targets import target


def test_pixels_of_a_lossy_copy_are_taken_and_given_back(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 255, (1, 96, 64)).astype("uint8")
    path = str(
        write_raster(tmp_path / "work.tif", pixels, tiled=True, blockxsize=32, blockysize=32)
    )
    made = target(
        tmp_path / "a.tif", driver="COG", creation_options=("COMPRESS=JPEG", "QUALITY=40")
    )
    copy = tmp_path / "copy.tif"
    make_copy(made, path, str(copy))
    lossy = read_raster(copy)
    assert (lossy != pixels).mean() > 0.5
    with rasterio.open(copy) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    dataset = take_copied_pixels(made, rasterio.open(path, "r+"), path)
    np.testing.assert_array_equal(dataset.read(), lossy)
    assert dataset.mode == "r+"
    dataset.update_tags(1, STATISTICS_MEAN="1")
    dataset.close()
    give_own_pixels(path)
    np.testing.assert_array_equal(read_raster(Path(path)), pixels)
    with rasterio.open(path) as dataset:
        assert dataset.tags(1)["STATISTICS_MEAN"] == "1"
    # nothing else stays
    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy.tif", "work.tif"]
