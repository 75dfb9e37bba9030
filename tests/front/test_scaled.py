"""Scale and offset that inputs tell: not applied unless asked for, and never in silence."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rioxarray
import shapely
from rasterio.transform import from_origin

import rios_flows as rf
from rios_flows import rioserrors
from tests.support.vectors import write_vector

PIXELS = np.arange(24).reshape(2, 3, 4)
VALUES = PIXELS * np.array([0.5, 2]).reshape(2, 1, 1) + np.array([0, 100]).reshape(2, 1, 1)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "scene.tif"
    with rasterio.open(path, "w", driver="GTiff", height=3, width=4, count=2, dtype="uint16",
                       crs="EPSG:32755", transform=from_origin(0, 30, 10, 10),
                       nodata=3) as dataset:  # fmt: skip
        dataset.write(PIXELS.astype("uint16"))
        dataset.scales, dataset.offsets = (0.5, 2.0), (0.0, 100.0)
    return path


def of_rioxarray(path: Path) -> Any:
    with warnings.catch_warnings():
        # it tells that bands differ
        warnings.simplefilter("ignore")
        return rioxarray.open_rasterio(path)


def of_numpy(path: Path) -> Any:
    with rasterio.open(path) as dataset:
        return rf.Raster(dataset.read(), dataset.transform, dataset.crs, 3, scale=dataset.scales,
                         offset=dataset.offsets)  # fmt: skip


def changeable(path: Path) -> Any:
    return rasterio.open(path, "r+")


@pytest.mark.parametrize("kind", [str, rasterio.open, changeable, of_rioxarray, of_numpy])
def test_one_rule_for_all(scene: Path, kind: Any) -> None:
    seen: list[Any] = []

    def function(image: Any) -> None:
        seen.append(image)

    with pytest.warns(UserWarning, match=r"input 'image'\) .*by 0.5, and 0 added; .*scaled=True"):
        rf.apply(function, kind(scene), workers=1)
    rf.apply(function, kind(scene), workers=1, scaled=False)
    for block in seen:
        np.testing.assert_array_equal(block.filled(3), PIXELS)
    rf.apply(function, kind(scene), workers=1, scaled=True)
    rf.apply(function, kind(scene), workers=1, scaled=True, bands=[2, 1], dtype=None)
    expected = np.where(PIXELS == 3, np.nan, VALUES)
    assert seen[2].dtype == seen[3].dtype == "float32"
    np.testing.assert_array_equal(seen[2].filled(np.nan), expected)
    np.testing.assert_array_equal(seen[3].filled(np.nan), expected[::-1])


def test_nodata_is_nan_where_nothing_is_masked(scene: Path) -> None:
    seen: list[Any] = []

    def function(image: Any) -> None:
        seen.append(image)

    rf.apply(function, scene, workers=1, scaled=True, masked=False)
    np.testing.assert_array_equal(seen[0], np.where(PIXELS == 3, np.nan, VALUES))
    rf.apply(function, scene, workers=1, scaled=False, masked=False)
    np.testing.assert_array_equal(seen[1], PIXELS)


def test_without_scale_there_is_nothing_to_tell(tmp_path: Path) -> None:
    image = rf.Raster(PIXELS.astype("int64"), from_origin(0, 3, 1, 1), "EPSG:32755")
    seen: list[Any] = []
    rf.apply(lambda image: seen.append(image), image, workers=1, scaled=True)
    assert seen[0].dtype == "int64"
    with pytest.raises(rioserrors.ParameterError, match="scaled='yes' is not right"):
        rf.apply(lambda image: None, image, scaled="yes")  # type: ignore[arg-type]
    with pytest.raises(rioserrors.ParameterError, match="has 2 bands, and scale 3 values"):
        rf.Raster(PIXELS, from_origin(0, 3, 1, 1), scale=[1, 2, 3])
    with pytest.raises(rioserrors.ParameterError, match="offset=nan must be numbers"):
        rf.Raster(PIXELS, from_origin(0, 3, 1, 1), offset=np.nan)


def test_zones_of_scaled_values(scene: Path, tmp_path: Path) -> None:
    layer = write_vector(tmp_path / "zones.gpkg", [shapely.box(0, 0, 40, 30)])
    found = rf.zonal(scene, layer, band=2, scaled=True, stats="max", workers=1)
    assert found["max"].tolist() == [VALUES[1].max()]
    with pytest.warns(UserWarning, match="scaled=True"):
        found = rf.zonal(scene, layer, band=2, stats="max", workers=1)
    assert found["max"].tolist() == [23]
