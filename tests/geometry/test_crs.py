"""One CRS spelled in several ways is one CRS, and neighbours are not."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from rasterio.crs import CRS

from rios_flows.geometry.crs import (
    crs_difference,
    crs_name,
    period,
    same_crs,
    transform_points,
    turn_of,
)
from rios_flows.geometry.grid import Bounds

CODES = [4326, 4258, 4283, 7844, 4269, 32618, 26918, 28355, 7855, 3857, 3031, 3413, 3577, 2193]


def spellings(code: int) -> list[str]:
    crs = CRS.from_epsg(code)
    versions = ("WKT1_GDAL", "WKT1_ESRI", "WKT2_2015", "WKT2_2019")
    return [crs.to_wkt(version=version) for version in versions]


@pytest.mark.parametrize("code", [*CODES, 3035, 5513, 5514, 27700])
def test_every_spelling_is_the_same(code: int) -> None:
    for a, b in itertools.product(spellings(code), repeat=2):
        assert same_crs(a, b)


def test_different_crs_are_different() -> None:
    texts = [CRS.from_epsg(code).to_wkt() for code in [*CODES, 5513, 5514]]
    for a, b in itertools.combinations(texts, 2):
        assert not same_crs(a, b)


@pytest.mark.parametrize("name", ["GDA94", "GDA94-ICSM"])
def test_old_names_of_gda94(name: str) -> None:
    wkt = CRS.from_epsg(28355).to_wkt()
    old = wkt.replace("Geocentric_Datum_of_Australia_1994", name)
    assert old != wkt
    assert same_crs(old, wkt)
    assert not same_crs(old, CRS.from_epsg(7855).to_wkt())


def test_a_datum_shift_of_zero_is_none() -> None:
    wkt = CRS.from_epsg(4283).to_wkt()
    shifted = wkt.replace(',AUTHORITY["EPSG","6283"]', ",TOWGS84[0,0,0,0,0,0,0]", 1)
    assert shifted != wkt
    assert same_crs(shifted, wkt)


def test_no_crs_is_like_no_crs_only() -> None:
    assert same_crs("", "")
    assert not same_crs("", CRS.from_epsg(4326).to_wkt())


def test_a_message_calls_a_crs_by_its_code_or_name() -> None:
    assert crs_name(CRS.from_epsg(32755).to_wkt()) == "EPSG:32755"
    assert crs_name("") == "no CRS"
    assert crs_name('LOCAL_CS["quarry",UNIT["metre",1]]') == "quarry"


@pytest.mark.parametrize(
    ("code", "turn"),
    [(4326, 360), (4807, 400), (3857, 40075016.6855785), (32618, None), (3031, None)],
)
def test_how_far_round_the_world(code: int, turn: float | None) -> None:
    found = period(CRS.from_epsg(code).to_wkt())
    assert found == (turn if turn is None else pytest.approx(turn, rel=1e-12))


@pytest.mark.parametrize(
    ("code", "bounds", "turn"),
    [
        (4326, (170, -10, 190, 10), 360),
        (4326, (0, -90, 360, 90), 360),
        # pixels of 10 degrees with their centres on the poles and the antimeridian
        (4326, (-185, -95, 185, 95), 360),
        (4326, (-180, -90, 540, 90), 360),
        (4807, (-200, -100, 200, 100), 400),
        (3857, (-2e7, -2e8, 4e7, 2e8), 40075016.6855785),
        # metres under the name of degrees
        (4326, (245000, 1000000, 246200, 1001000), None),
        (4326, (300, 5000, 400, 5100), None),
        (4326, (530, 0, 600, 50), None),
        (4326, (-600, 0, 0, 50), None),
        (3857, (9e7, 0, 1e8, 50), None),
        (32618, (170, -10, 190, 10), None),
    ],
)
def test_where_coordinates_can_be_longitudes(
    code: int, bounds: tuple[float, ...], turn: float | None
) -> None:
    found = turn_of(CRS.from_epsg(code).to_wkt(), Bounds(*bounds))
    assert found == (turn if turn is None else pytest.approx(turn, rel=1e-12))
    assert turn_of("", Bounds(*bounds)) is None


LOCAL = {
    "as GeoTIFF has it": 'LOCAL_CS["Site",UNIT["metre",1,AUTHORITY["EPSG","9001"]],'
    'AXIS["Easting",EAST],AXIS["Northing",NORTH]]',
    "as a GeoPackage has it": 'LOCAL_CS["Site",LOCAL_DATUM["Peg 1",32767],UNIT["metre",1],'
    'AXIS["X",EAST],AXIS["Y",NORTH]]',
    "as a shapefile has it": 'LOCAL_CS["SITE",UNIT["Meter",1.0]]',
    "of version 2": 'ENGCRS["Site",EDATUM["Peg 1"],CS[Cartesian,2],AXIS["x",unspecified],'
    'AXIS["y",unspecified],LENGTHUNIT["metre",1]]',
    "without a name": 'LOCAL_CS["unnamed",UNIT["metre",1]]',
}

OTHERS = {
    "name": LOCAL["as GeoTIFF has it"].replace("Site", "Quarry"),
    "unit": LOCAL["as GeoTIFF has it"].replace('"metre",1,AUTHORITY["EPSG","9001"]', '"ft",0.3048'),
    "datum": LOCAL["as a GeoPackage has it"].replace("Peg 1", "Peg 2"),
    "axes": LOCAL["as a GeoPackage has it"].replace("EAST", "SOUTH").replace("NORTH", "WEST"),
}


def test_spellings_of_a_local_crs_are_the_same() -> None:
    for a, b in itertools.product(LOCAL.values(), repeat=2):
        assert same_crs(a, b)
        assert same_crs(CRS.from_wkt(a).to_wkt(), b)


@pytest.mark.parametrize("what", OTHERS)
def test_local_crs_that_differ(what: str) -> None:
    own, other = LOCAL["as a GeoPackage has it"], OTHERS[what]
    assert not same_crs(own, other)
    assert f"differ in {what} (" in crs_difference(own, other)
    assert not same_crs(own, CRS.from_epsg(32755).to_wkt())


def test_a_message_shows_more_than_two_equal_names() -> None:
    texts = [CRS.from_epsg(code).to_wkt() for code in (32755, 32756)]
    assert crs_difference(*texts) == ""
    unknown = [CRS.from_string(f"+proj=laea +lat_0={lat}").to_wkt() for lat in (10, 20)]
    assert crs_name(unknown[0]) == crs_name(unknown[1])
    assert all(text in crs_difference(*unknown) for text in unknown)


def test_points_that_nothing_leads_to_are_infinite_at_once() -> None:
    local = CRS.from_wkt('LOCAL_CS["mine",UNIT["metre",1]]').to_wkt()
    world = CRS.from_epsg(4326).to_wkt()
    points = np.zeros(100_000)
    start = time.perf_counter()
    for source, target in ((local, world), (world, local)):
        x, y = transform_points(source, target, points, points)
        assert np.isinf(x).all()
        assert np.isinf(y).all()
    # one by one it would be minutes
    assert time.perf_counter() - start < 5


def test_one_bad_point_does_not_spoil_the_others() -> None:
    longitudes, latitudes = np.array([15.0, 15.0, 15.0]), np.array([50.0, 100.0, 51.0])
    world, utm = CRS.from_epsg(4326).to_wkt(), CRS.from_epsg(32633).to_wkt()
    x, _ = transform_points(world, utm, longitudes, latitudes)
    assert np.isfinite(x).tolist() == [True, False, True]
