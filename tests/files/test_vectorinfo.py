"""Facts about vector layers, under RIOS's names and OGR's numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from rios_flows import rioserrors
from rios_flows.files.vectorinfo import VectorFileInfo, geometryTypeStringDict
from tests.support.vectors import write_vector


@pytest.fixture
def info(tmp_path: Path) -> VectorFileInfo:
    shapes = [shapely.box(2, 3, 5, 7), shapely.box(4, 1, 6, 2)]
    path = write_vector(tmp_path / "a.gpkg", shapes, n=[1, 2], share=[0.5, 1], name=["a", "b"])
    write_vector(tmp_path / "a.gpkg", [shapely.Point(9, 8)], "EPSG:4326", "wells", append=True)
    return VectorFileInfo(path)


def test_layers(info: VectorFileInfo) -> None:
    assert info.layerCount == len(info) == 2
    assert [layer.name for layer in info] == ["a", "wells"]
    assert info["wells"] is info[1]
    with pytest.raises(
        rioserrors.VectorLayerError, match=r"'roads' not found in .*there is a, well"
    ):
        _ = info["roads"]


def test_facts_of_a_layer(info: VectorFileInfo) -> None:
    layer = info[0]
    assert layer.featureCount == 2
    assert (layer.xMin, layer.xMax, layer.yMin, layer.yMax) == (2, 6, 1, 7)
    assert layer.spatialRef is not None
    assert layer.spatialRef.to_epsg() == 32755
    assert layer.projection == layer.spatialRef.to_wkt()
    assert layer.fieldNames == ["n", "share", "name"]
    # OFTInteger64, OFTReal, OFTString
    assert layer.fieldTypes == [12, 2, 4]
    assert layer.fieldTypeNames == ["Integer64", "Real", "String"]
    assert layer.fieldCount == 3
    assert "featureCount: 2" in str(info).splitlines()


def test_numbers_of_ogr() -> None:
    # wkbPoint, wkbMultiPolygon, wkbPolygon25D, wkbPointM, wkbNone
    names = {1: "Point", 6: "MultiPolygon", 3 - 2**31: "Polygon Z", 2001: "PointM", 100: "None"}
    assert {number: geometryTypeStringDict[number] for number in names} == names


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(rioserrors.FileOpenError, match=r"b.gpkg"):
        VectorFileInfo(str(tmp_path / "b.gpkg"))
