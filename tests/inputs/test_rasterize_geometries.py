"""Vector inputs with odd geometries, names and numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from rasterio.crs import CRS

from rios_flows import rioserrors
from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.geometry.grid import PixelGrid
from rios_flows.inputs.rasterize import VectorReader
from rios_flows.inputs.vectorplan import plan_vector
from tests.support.burnt import (
    GRID,
    WAYS,
    Reader,
    choose,
    in_windows,
    place,
    polygon,
    random_polygons,
    source_of,
)
from tests.support.vectors import write_vector


@pytest.mark.parametrize("way", ["kept", "by window"])
def test_windows_that_have_no_place_in_the_crs_of_the_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    # a map of the world whose corners are beyond it
    world = CRS.from_string("+proj=moll +datum=WGS84").to_wkt()
    grid = PixelGrid(-18_100_000, 9_100_000, 100_000, 100_000, 362, 182, world)
    shapes = [shapely.box(-180, -90, 180, 0), shapely.box(-180, 0, 180, 90)]
    ending = choose(way, monkeypatch)
    path = write_vector(tmp_path / f"zones.{ending}", shapes, "EPSG:4326", number=[1, 2])
    plan = plan_vector(source_of(path, burn_attribute="number"), grid, (20, 20), 0)
    reader = VectorReader(TempfileManager(str(tmp_path)))
    found = in_windows(reader, plan, (20, 20), 0)
    columns, rows = np.meshgrid(np.arange(362) + 0.5, np.arange(182) + 0.5)
    x, y = grid.xmin + columns * grid.xres, grid.ymax - rows * grid.yres
    radius = 2**0.5 * 6378137
    away = (x / (2 * radius)) ** 2 + (y / radius) ** 2
    assert (found[away > 1.02] == 0).all()
    inside = away < 0.98
    assert (found[inside & (y > 100_000)] == 2).all()
    assert (found[inside & (y < -100_000)] == 1).all()


def test_a_point_without_a_place_is_not_burnt_at_zero(tmp_path: Path, read: Reader) -> None:
    path = tmp_path / "points.csv"
    path.write_text('id,WKT\n1,POINT EMPTY\n2,"POINT (3.5 2.5)"\n3,POINT Z EMPTY\n')
    grid = PixelGrid(-10, 10, 1, 1, 20, 20)
    found = read(str(path), grid)
    assert np.argwhere(found).tolist() == [[7, 13]]
    # but one that lies there is
    path = tmp_path / "others.csv"
    path.write_text('id,WKT\n1,POINT EMPTY\n2,"POINT (0 0)"\n')
    assert read(str(path), grid).sum() == 1


def test_a_point_without_a_place_in_a_geopackage(tmp_path: Path, read: Reader) -> None:
    shapes = [polygon((0, 0), (50, 0), (50, 50), (0, 50)), shapely.Point(), None]
    path = write_vector(tmp_path / "some.gpkg", shapes)
    assert read(path).sum() == 50 * 50


@pytest.mark.parametrize("all_touched", [False, True])
def test_empty_parts_are_left_out_and_the_others_burnt(
    tmp_path: Path, read: Reader, all_touched: bool
) -> None:
    (x, y), (end, _) = place((20.5, 10.5), (29.5, 10.5))
    line, point = f"({x} {y},{end} {y})", f"({x} {y})"
    texts = {
        f"MULTIPOINT (EMPTY,{point})": 1,
        f"MULTILINESTRING (EMPTY,{line})": 10,
        f"GEOMETRYCOLLECTION (POLYGON EMPTY,LINESTRING {line})": 10,
        f"GEOMETRYCOLLECTION (GEOMETRYCOLLECTION (POINT EMPTY,POINT {point}),POINT EMPTY)": 1,
        "GEOMETRYCOLLECTION (MULTIPOINT (EMPTY),POINT EMPTY)": 0,
    }
    for number, (text, pixels) in enumerate(texts.items()):
        path = write_vector(tmp_path / f"parts{number}.gpkg", [shapely.from_wkt(text)])
        assert read(path, all_touched=all_touched).sum() == pixels


@pytest.mark.parametrize("all_touched", [False, True])
def test_curves_solids_and_collections(tmp_path: Path, read: Reader, all_touched: bool) -> None:
    grid = PixelGrid(0, 10, 0.1, 0.1, 100, 100)
    inside = {
        "CURVEPOLYGON (CIRCULARSTRING (1 5,5 9,9 5,5 1,1 5))": np.pi * 16,
        "MULTISURFACE (((1 1,9 1,9 9,1 9,1 1)))": 64,
        "POLYGON Z ((1 1 5,9 1 5,9 9 5,1 9 5,1 1 5))": 64,
        "GEOMETRYCOLLECTION (POLYGON ((1 1,9 1,9 9,1 9,1 1)),POINT EMPTY)": 64,
    }
    for number, (text, area) in enumerate(inside.items()):
        path = tmp_path / f"shapes{number}.csv"
        path.write_text(f'id,WKT\n1,"{text}"\n')
        found = read(str(path), grid, all_touched=all_touched).sum() * 0.01
        # all touched, half a pixel more on every side
        assert found == pytest.approx(area + (0.05 * 33 if all_touched else 0), rel=0.03)
    path = tmp_path / "solid.csv"
    path.write_text('id,WKT\n1,"TIN Z (((1 1 0,9 1 0,9 9 0,1 1 0)))"\n')
    with pytest.raises(rioserrors.VectorGeometryTypeError, match=r"solid\.csv.*cannot be burnt"):
        read(str(path), grid, all_touched=all_touched)


def test_names_that_are_not_ascii(tmp_path: Path, read: Reader) -> None:
    shapes = [polygon((0, 0), (50, 0), (50, 50), (0, 50))]
    for name in ("Wälder 森.gpkg", "Wälder.shp"):
        path = write_vector(tmp_path / name, shapes, höhe=[5], art=["Föhre"])
        found = read(path, burn_attribute="höhe", where="art = 'Föhre'", layer=Path(path).stem)
        assert (found[:50, :50] == 5).all()


def test_whole_numbers_that_cannot_be_burnt_exactly(tmp_path: Path, read: Reader) -> None:
    shapes = [polygon((0, 0), (50, 0), (50, 50), (0, 50))]
    path = write_vector(tmp_path / "zones.gpkg", shapes, large=[2**53 + 1], good=[2**52 - 1])
    found = read(path, burn_attribute="good", dtype="int64", null=-(2**63))
    assert set(np.unique(found)) == {2**52 - 1, -(2**63)}
    with pytest.raises(rioserrors.VectorAttributeError, match=r"'large'.*too large.*2\*\*52"):
        read(path, burn_attribute="large", dtype="int64")
    with pytest.raises(rioserrors.ParameterError, match=r"setBurnValue: 9007199254740993 .*large"):
        read(path, burn_value=2**53 + 1, dtype="int64")


def test_a_number_that_float32_cannot_hold(tmp_path: Path, read: Reader) -> None:
    shapes = [polygon((0, 0), (50, 0), (50, 50), (0, 50))]
    path = write_vector(tmp_path / "zones.gpkg", shapes, large=[1e300])
    with pytest.raises(rioserrors.VectorAttributeError, match=r"'large'.*1e\+300.*no float32"):
        read(path, burn_attribute="large", dtype="float32")
    assert read(path, burn_attribute="large", dtype="float64").max() == 1e300


@pytest.mark.parametrize("way", WAYS)
def test_the_working_directory_may_change_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    name = Path(write_vector(tmp_path / f"a.{choose(way, monkeypatch)}", random_polygons(9))).name
    plan = plan_vector(source_of(name), GRID, (64, 64), 0)
    assert plan.source.path == name
    monkeypatch.chdir(tmp_path / "elsewhere")
    reader = VectorReader(TempfileManager(str(tmp_path)))
    assert in_windows(reader, plan, (64, 64), 0).any()
