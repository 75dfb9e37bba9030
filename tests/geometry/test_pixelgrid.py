"""PixelGridDefn under RIOS's names."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.transform import Affine, from_origin

from rios_flows import rioserrors
from rios_flows.basics.defaults import BOUNDS_FROM_REFERENCE, INTERSECTION, UNION
from rios_flows.geometry.grid import PixelGrid
from rios_flows.geometry.pixelgriddefn import (
    PixelGridDefn,
    findCommonRegion,
    pixelGridFromFile,
    removeSurrounding,
)

UTM = CRS.from_epsg(32755).to_wkt()


def defn(left: float = 0, top: float = 100, ncols: int = 10, nrows: int = 20) -> PixelGridDefn:
    return PixelGridDefn(
        geotransform=(left, 2, 0, top, 0, -2), nrows=nrows, ncols=ncols, projection=UTM
    )


def test_both_ways_to_make_one_agree() -> None:
    edges = PixelGridDefn(projection=UTM, xMin=0, xMax=20, yMin=60, yMax=100, xRes=2, yRes=2)
    assert str(edges) == str(defn()) == "xMin:0.0,xMax:20.0,yMin:60.0,yMax:100.0,xRes:2.0,yRes:2.0"
    assert edges.getDimensions() == (20, 10)
    assert edges.makeGeoTransform() == (0, 2, 0, 100, 0, -2)
    assert edges.grid == PixelGrid(0, 100, 2, 2, 10, 20, UTM)
    assert str(PixelGridDefn.from_grid(edges.grid)) == str(edges)
    assert pickle.loads(pickle.dumps(edges)).grid == edges.grid


def test_a_projection_may_be_a_code() -> None:
    coded = PixelGridDefn((0, 2, 0, 100, 0, -2), 20, 10, "EPSG:32755")
    assert coded.equalProjection(defn())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "xMin, xMax, yMin, yMax, xRes, yRes not given"),
        ({"geotransform": (0, 1, 0, 0, 0, -1)}, "nrows and ncols"),
        ({"geotransform": (0, 1, 0, 0, 0, -1), "nrows": 0, "ncols": 3}, "no pixel"),
        ({"geotransform": (0, 1, 0, 0, 0), "nrows": 1, "ncols": 1}, "six finite numbers"),
        (
            {"geotransform": (0, float("nan"), 0, 0, 0, -1), "nrows": 1, "ncols": 1},
            "six finite numbers",
        ),
        ({"geotransform": (0, 1, 0.1, 0, 0, -1), "nrows": 1, "ncols": 1}, "rotated"),
        ({"geotransform": (0, 1, 0, 0, 0, 1), "nrows": 1, "ncols": 1}, "turned over"),
        ({"geotransform": (0, -1, 0, 0, 0, -1), "nrows": 1, "ncols": 1}, "turned over"),
        (
            {"xMin": 0, "xMax": float("nan"), "yMin": 0, "yMax": 1, "xRes": 1, "yRes": 1},
            "finite",
        ),
        (
            {"geotransform": (0, 1, 0, 0, 0, -1), "nrows": 1, "ncols": 1, "projection": "moon?"},
            "unknown CRS",
        ),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(rioserrors.ParameterError, match=message):
        PixelGridDefn(**arguments)  # type: ignore[arg-type]


def test_comparing() -> None:
    base = defn()
    shifted = defn(left=1)
    assert base.equalPixSize(shifted)
    assert not base.alignedWith(shifted)
    assert not base.isComparable(shifted)
    assert base.intersection(shifted) is None
    assert base.union(shifted) is None
    assert base.isComparable(defn(left=8, top=90))
    assert not base.equalProjection(PixelGridDefn((0, 2, 0, 100, 0, -2), 20, 10, "EPSG:32756"))


def test_intersection_and_union() -> None:
    a, b = defn(), defn(left=8, top=90)
    shared, both = a.intersection(b), a.union(b)
    assert shared is not None
    assert both is not None
    assert (shared.xMin, shared.xMax, shared.yMin, shared.yMax) == (8, 20, 60, 90)
    assert (both.xMin, both.xMax, both.yMin, both.yMax) == (0, 28, 50, 100)


def test_common_region() -> None:
    reference = defn(left=1000, top=1000)
    grids = [defn(), defn(left=8, top=90)]
    assert findCommonRegion(grids, reference, BOUNDS_FROM_REFERENCE) is reference
    shared = findCommonRegion(grids, reference)
    assert (shared.xMin, shared.xMax, shared.yMin, shared.yMax) == (8, 20, 60, 90)
    assert shared.grid == findCommonRegion(grids, reference, INTERSECTION).grid
    both = findCommonRegion(grids, reference, UNION)
    assert (both.xMin, both.xMax, both.yMin, both.yMax) == (0, 28, 50, 100)
    with pytest.raises(rioserrors.ParameterError, match="Unknown footprint type 7"):
        findCommonRegion(grids, reference, 7)
    with pytest.raises(rioserrors.ParameterError, match="at least one"):
        findCommonRegion([], reference)


def test_surrounding() -> None:
    base = defn(500000, 6000000)
    wide = PixelGridDefn(
        projection="EPSG:4326", xMin=140, xMax=150, yMin=-40, yMax=-30, xRes=1, yRes=1
    )
    assert wide.surrounds(base)
    assert not base.surrounds(wide)
    assert removeSurrounding([wide, base]) == [base]


def test_reproject() -> None:
    wide = PixelGridDefn(
        projection="EPSG:4326", xMin=146, xMax=147, yMin=-36, yMax=-35, xRes=0.1, yRes=0.1
    )
    reference = PixelGridDefn((500000, 30, 0, 6000000, 0, -30), 10, 10, UTM)
    snapped = wide.reproject(reference)
    exact = wide.reproject(reference, snap=False)
    assert snapped.alignedWith(reference)
    assert not exact.alignedWith(reference)
    assert abs(snapped.xMin - exact.xMin) <= 15
    assert abs(snapped.yMax - exact.yMax) <= 15
    assert exact.xMax == pytest.approx(500000, abs=0.1)


def test_equivalent_projection_is_about_places() -> None:
    base = PixelGridDefn((300000, 30, 0, 6000000, 0, -30), 10, 10, "EPSG:28355")
    # GDA94 and GDA2020 are less than 2 m apart, and UTM zone 55 on WGS 84 is taken for GDA94's
    assert base.equivalentProjection("EPSG:32755", 0.1)
    assert not base.equivalentProjection("EPSG:32756", 0.1)


def test_statics() -> None:
    assert [PixelGridDefn.roundAway(x) for x in (0.5, -0.5, 1.49, -2.5)] == [1, -1, 1, -3]
    assert PixelGridDefn.getNumPix(10, 0, 3) == 3
    assert PixelGridDefn.snapToGrid(7.6, 0.5, 2) == 8.5
    points = PixelGridDefn.densifyInterval(0, 50)
    np.testing.assert_array_equal(points, np.arange(101) / 2)


def raster(path: Path, transform: Affine, crs: str | None = "EPSG:32755") -> str:
    with rasterio.open(
        path, "w", width=4, height=3, count=1, dtype="uint8", transform=transform, crs=crs
    ) as file:
        file.write(np.ones((1, 3, 4), np.uint8))
    return str(path)


def test_from_a_file(tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif", from_origin(100, 200, 2, 5))
    found = pixelGridFromFile(path)
    assert found.grid == PixelGrid(100, 200, 2, 5, 4, 3, UTM)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (Affine(17, 5, 100, 10, -8, 200), "rotated.*gdalwarp"),
        (Affine(1, 0, 100, 0, 1, 200), "not north-up.*gdalwarp"),
        (Affine.identity(), "no georeferencing.*gdal_translate"),
    ],
)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_file_without_a_proper_place_is_refused(
    tmp_path: Path, transform: Affine, message: str
) -> None:
    path = raster(tmp_path / "a.tif", transform, None)
    with pytest.raises(rioserrors.FileOpenError, match=message):
        pixelGridFromFile(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(rioserrors.FileOpenError, match=r"missing\.tif"):
        pixelGridFromFile(str(tmp_path / "missing.tif"))
