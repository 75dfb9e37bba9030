"""Vector inputs that cannot be burnt as asked: refused with what would do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rios_flows import rioserrors
from rios_flows.controls.options import VectorOptions
from rios_flows.geometry.grid import PixelGrid
from rios_flows.inputs.vectors import open_vector
from tests.support.burnt import (
    KEY,
    Reader,
    random_polygons,
)
from tests.support.vectors import write_vector


def test_a_layer_without_crs_on_a_grid_with_one(tmp_path: Path, read: Reader) -> None:
    path = write_vector(tmp_path / "zones.gpkg", random_polygons(3), None)
    with pytest.raises(rioserrors.VectorProjectionError, match=r"no CRS.*ogr2ogr -a_srs"):
        read(path)
    bare = PixelGrid(300000, 6000000, 30, 30, 200, 150)
    assert read(path, bare).any()
    path = write_vector(tmp_path / "with.gpkg", random_polygons(3))
    with pytest.raises(rioserrors.VectorProjectionError, match="working grid no CRS"):
        read(path, bare)


Table = Callable[[Path], str]


def table(path: Path) -> str:
    file = path / "table.csv"
    file.write_text("a,b\n1,2\n")
    return str(file)


def junk(path: Path) -> str:
    file = path / "junk.gpkg"
    file.write_text("neither this nor that")
    return str(file)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"layer": "roads"}, ValueError, r"Named vector layer 'roads' not found.*it has zones"),
        ({"layer": 1}, rioserrors.VectorLayerError, "number 1 not found.*it has zones"),
        ({"layer": -1}, rioserrors.VectorLayerError, "number -1 not found"),
        (
            {"burn_attribute": "hight"},
            rioserrors.VectorAttributeError,
            "'hight' is no attribute.*it has height, kind, big",
        ),
        ({"burn_attribute": "kind"}, rioserrors.VectorAttributeError, "'kind'.*is no number"),
        ({"where": "kind = = 2"}, rioserrors.ParameterError, "setFilterSQL: 'kind = = 2'"),
        ({"where": "colour = 2"}, rioserrors.ParameterError, "setFilterSQL: 'colour = 2'"),
        ({"burn_value": 300}, rioserrors.ParameterError, "setBurnValue: 300.*no uint8"),
        ({"burn_value": 1.5}, rioserrors.ParameterError, "setBurnValue: 1.5.*no uint8"),
        ({"null": -1}, rioserrors.ParameterError, "setVectorNull: -1.*no uint8"),
        ({"dtype": "complex64"}, rioserrors.ParameterError, "complex64.*use one of int8"),
    ],
)
def test_bad_options(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    path = write_vector(
        tmp_path / "zones.gpkg", random_polygons(2), height=[1, 2], kind=["a", "b"], big=[1, 999]
    )
    with pytest.raises(error, match=message) as caught:
        open_vector(KEY, path, VectorOptions(**options))
    assert "input 'zones'" in str(caught.value)


def test_an_attribute_that_the_type_cannot_hold(tmp_path: Path, read: Reader) -> None:
    path = write_vector(tmp_path / "zones.gpkg", random_polygons(2), big=[1, 999], part=[1.0, 2.25])
    with pytest.raises(rioserrors.VectorAttributeError, match=r"'big'.*999.*setVectorDatatype"):
        read(path, burn_attribute="big")
    with pytest.raises(rioserrors.VectorAttributeError, match=r"'part'.*2\.25"):
        read(path, burn_attribute="part")
    assert 999 in read(path, burn_attribute="big", dtype="int16")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda path: str(path / "missing.gpkg"), rioserrors.FileOpenError, "no such file"),
        (junk, rioserrors.FileOpenError, "junk.gpkg.*as a vector"),
        (table, rioserrors.VectorGeometryTypeError, "has no geometry"),
    ],
)
def test_bad_files(tmp_path: Path, make: Table, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        open_vector(KEY, make(tmp_path), VectorOptions())
