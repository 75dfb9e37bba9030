"""What files hold, as ImageInfo and its kin tell it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.crs import CRS
from rasterio.transform import Affine, from_origin
from rasterio.warp import transform

from rios_flows import rioserrors
from rios_flows.files.info import (
    ImageFileStats,
    ImageInfo,
    VectorFileInfo,
    VectorLayerInfo,
    geometryTypeStringDict,
)
from tests.support.vectors import write_vector


def image(path: Path, driver: str = "GTiff", **tags: str) -> str:
    with rasterio.open(
        path,
        "w",
        driver=driver,
        width=30,
        height=20,
        count=2,
        dtype="int16",
        nodata=-9,
        crs="EPSG:32755",
        transform=from_origin(300000, 6000000, 30, 25),
    ) as file:
        file.write(np.ones((2, 20, 30), np.int16))
        file.set_band_description(1, "red")
        file.set_band_description(2, "nir")
        file.update_tags(1, **tags)
    return str(path)


@pytest.mark.parametrize(("driver", "ending"), [("GTiff", "tif"), ("HFA", "img")])
def test_image(tmp_path: Path, driver: str, ending: str) -> None:
    info = ImageInfo(image(tmp_path / f"a.{ending}", driver, LAYER_TYPE="thematic"))
    assert (info.nrows, info.ncols, info.rasterCount) == (20, 30, 2)
    assert (info.xMin, info.xMax, info.yMin, info.yMax) == (300000, 300900, 5999500, 6000000)
    assert (info.xRes, info.yRes) == (30, 25)
    assert list(info.transform) == [300000, 30, 0, 6000000, 0, -25]
    assert CRS.from_wkt(info.projection) == CRS.from_epsg(32755)
    assert info.lnames == ["red", "nir"]
    assert info.layerType == "thematic"
    assert (info.dataType, info.dataTypeName) == (3, "Int16")
    assert info.nodataval == [-9, -9]
    assert "ncols: 30" in str(info)


def test_layers(tmp_path: Path) -> None:
    info = ImageInfo(image(tmp_path / "a.tif"))
    # a GTiff says nothing of it, unless told to
    assert info.layerType is None
    assert info.layerNumberFromName("nir") == 2
    assert info.layerNumberFromName("blue") == 0
    assert info.layerNameFromNumber(1) == "red"
    for number in (0, 3, -1):
        with pytest.raises(rioserrors.GDALLayerNumberError, match="there are 1 to 2"):
            info.layerNameFromNumber(number)


def test_without_what_every_band_would_be_asked_for(tmp_path: Path) -> None:
    info = ImageInfo(image(tmp_path / "a.tif"), omitPerBand=True)
    assert info.lnames is None
    assert info.nodataval is None
    assert info.rasterCount == 2
    asked: list[Callable[[], object]] = [
        lambda: info.layerNameFromNumber(1),
        lambda: info.layerNumberFromName("nir"),
    ]
    for ask in asked:
        with pytest.raises(rioserrors.ParameterError, match=r"a\.tif'.*omitPerBand=True"):
            ask()


def test_corners(tmp_path: Path) -> None:
    info = ImageInfo(image(tmp_path / "a.tif"))
    own = (300000, 6000000, 300900, 6000000, 300900, 5999500, 300000, 5999500)
    assert info.getCorners() == own
    x, y = transform("EPSG:32755", "EPSG:4326", own[::2], own[1::2])
    wkt = CRS.from_epsg(4326).to_wkt()
    for found in (
        info.getCorners(outEPSG=4326),
        info.getCorners(outWKT=wkt),
        info.getCorners(outPROJ4="+proj=longlat +datum=WGS84"),
    ):
        assert found == pytest.approx(
            [number for corner in zip(x, y, strict=True) for number in corner]
        )
    with pytest.raises(rioserrors.ParameterError, match=r"a\.tif.*one of"):
        info.getCorners(outEPSG=4326, outWKT=wkt)
    for wrong in ({"outWKT": "x"}, {"outEPSG": 1}, {"outPROJ4": "+proj=nothing"}):
        with pytest.raises(rioserrors.ParameterError, match=r"a\.tif': .* is no CRS"):
            info.getCorners(**wrong)


def test_corners_that_have_no_place_there(tmp_path: Path) -> None:
    path = tmp_path / "pole.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=1,
        height=1,
        count=1,
        dtype="uint8",
        crs="EPSG:4326",
        transform=from_origin(0, 95, 1, 1),
    ) as file:
        file.write(np.ones((1, 1, 1), np.uint8))
    with pytest.raises(rioserrors.ParameterError, match=r"corner of .*pole\.tif' has no place"):
        ImageInfo(str(path)).getCorners(outEPSG=32633)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_an_image_that_no_job_would_take(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    turned = Affine(20, 5, 100, 5, -20, 200)
    with rasterio.open(
        path, "w", width=3, height=2, count=1, dtype="uint8", transform=turned
    ) as file:
        file.write(np.ones((1, 2, 3), np.uint8))
    info = ImageInfo(str(path))
    assert list(info.transform) == [100, 20, 5, 200, 5, -20]
    assert info.projection == ""
    assert info.lnames == [""]
    assert info.nodataval == [None]
    with pytest.raises(rioserrors.ParameterError, match=r"a\.tif' has no CRS"):
        info.getCorners(outEPSG=4326)


def test_statistics(tmp_path: Path) -> None:
    path = image(
        tmp_path / "a.tif",
        STATISTICS_MINIMUM="1",
        STATISTICS_MAXIMUM="5.5",
        STATISTICS_MEAN="2.25",
        STATISTICS_STDDEV="0.5",
        STATISTICS_MEDIAN="2",
        STATISTICS_MODE="3",
        STATISTICS_SKIPFACTORX="1",
        STATISTICS_SKIPFACTORY="2",
        STATISTICS_HISTOMIN="0",
        STATISTICS_HISTOMAX="4",
        STATISTICS_HISTONUMBINS="5",
        STATISTICS_HISTOBINVALUES="10|0|3|7|1|",
    )
    stats = ImageFileStats(path)
    assert len(stats) == 2
    first = stats[0]
    assert (first.min, first.max, first.mean, first.stddev) == (1, 5.5, 2.25, 0.5)
    assert (first.median, first.mode) == (2, 3)
    assert (first.skipfactorx, first.skipfactory) == (1, 2)
    assert (first.histoMin, first.histoMax, first.histoNumBins) == (0, 4, 5)
    assert first.histoCounts is not None
    assert first.histoCounts.tolist() == [10, 0, 3, 7, 1]
    assert str(first) == "Mean: 2.25, Stddev: 0.5, Min: 1.0, Max: 5.5, Median: 2.0, Mode: 3.0"
    second = stats[1]
    assert all(value is None for value in vars(second).values())
    assert list(stats) == [first, second]


def test_vectors(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    write_vector(path, [shapely.box(1, 2, 3, 4), shapely.box(0, 0, 1, 1)], layer="fields", n=[1, 2])
    write_vector(path, [], "EPSG:4326", layer="none", append=True, s=np.array([], dtype=object))
    info = VectorFileInfo(str(path))
    assert info.layerCount == len(info) == 2
    fields = info["fields"]
    assert fields is info[0]
    assert (fields.name, fields.featureCount, fields.fieldCount) == ("fields", 2, 1)
    assert (fields.xMin, fields.xMax, fields.yMin, fields.yMax) == (0, 3, 0, 4)
    # by OGR's numbers: wkbUnknown, OFTInteger64
    assert (fields.geomType, fields.geomTypeStr) == (0, "Unknown")
    assert (fields.fieldNames, fields.fieldTypes) == (["n"], [12])
    assert fields.fieldTypeNames == ["Integer64"]
    assert fields.spatialRef == CRS.from_epsg(32755)
    assert CRS.from_wkt(fields.projection) == CRS.from_epsg(32755)
    empty = info["none"]
    assert (empty.featureCount, empty.xMin, empty.geomType) == (0, None, 0)
    assert empty.geomTypeStr == "Unknown"
    assert [layer.name for layer in info] == ["fields", "none"]
    assert "featureCount: 2" in str(info)
    with pytest.raises(
        rioserrors.VectorLayerError, match=r"'roads' not found in .*a\.gpkg'; there is fields, none"
    ):
        info["roads"]


@pytest.mark.parametrize(
    ("kind", "code"),
    # as OGR's Python interface numbers them
    [
        ("Unknown", 0),
        ("Point", 1),
        ("Polygon", 3),
        ("GeometryCollection", 7),
        (None, 100),
        ("PointM", 2001),
        ("Measured Polygon", 2003),
        ("Measured 3D Point", 3001),
        ("Point Z", -2147483647),
        ("MultiPolygon Z", -2147483642),
    ],
)
def test_types_of_geometries(kind: str | None, code: int) -> None:
    layer = {"layer_name": "a", "features": 0, "geometry_type": kind, "crs": None}
    nothing: dict[str, Any] = {"fields": [], "ogr_types": [], "total_bounds": None}
    info = VectorLayerInfo(layer | nothing)
    assert (info.geomType, info.geomTypeStr) == (code, str(kind))
    assert geometryTypeStringDict[code] == str(kind)
    assert info.spatialRef is None


def test_names_of_types_are_those_of_pyogrio() -> None:
    from pyogrio._geometry import GEOMETRY_TYPES

    told = {str(name) for code, name in GEOMETRY_TYPES.items() if code != 101}
    assert told == set(geometryTypeStringDict.values())


@pytest.mark.parametrize(
    ("values", "code", "name"),
    [
        (np.array([1], "int32"), 0, "Integer"),
        (np.array([1.5]), 2, "Real"),
        (np.array(["a"], dtype=object), 4, "String"),
        (np.array(["2026-01-02"], "datetime64[D]"), 9, "Date"),
        (np.array(["2026-01-02T03:04:05"], "datetime64[ms]"), 11, "DateTime"),
    ],
)
def test_types_of_attributes(tmp_path: Path, values: Any, code: int, name: str) -> None:
    write_vector(tmp_path / "a.gpkg", [shapely.box(1, 2, 3, 4)], value=values)
    layer = VectorFileInfo(str(tmp_path / "a.gpkg"))[0]
    assert (layer.fieldTypes, layer.fieldTypeNames) == ([code], [name])


def test_files_that_are_none(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.tif")
    with pytest.raises(rioserrors.ImageOpenError, match=r"missing\.tif"):
        ImageInfo(missing)
    with pytest.raises(rioserrors.ImageOpenError, match=r"missing\.tif"):
        ImageFileStats(missing)
    with pytest.raises(rioserrors.FileOpenError, match=r"missing\.tif"):
        VectorFileInfo(missing)
