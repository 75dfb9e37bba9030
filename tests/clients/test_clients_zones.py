"""Scripts as RIOS's users write them that work on zones: polygons, segments, classes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from tests.clients.conftest import Client, draw
from tests.support.rasters import ORIGIN, RES, write_raster


@pytest.mark.parametrize("workers", [0, 2])
def test_zonal_counts(client: Client, tmp_path: Path, workers: int) -> None:
    zones = draw(4).integers(0, 5, (1, 90, 120)).astype("int16")
    classes = draw(5).integers(0, 9, (1, 100, 100)).astype("uint8")
    values = draw(6).integers(1, 50, (1, 240, 240)).astype("float32")
    values[0, 100:120, 30:50] = -1
    write_raster(tmp_path / "zones.tif", zones, nodata=0)
    write_raster(tmp_path / "classes.tif", classes, offset=(10, -5))
    write_raster(tmp_path / "values.tif", values, res=RES / 2, nodata=-1)
    client("zonal", "zones.tif", "classes.tif", "values.tif", "zonal.csv", workers)

    zones, classes = zones[0, :90, 10:110], classes[0, 5:95, :100]
    quarters = values[0, :180, 20:220].reshape(90, 2, 100, 2)
    good = (quarters != -1).all(axis=(1, 3))
    means = quarters.mean(axis=(1, 3))
    wanted = [
        [zone, number, ((zones == zone) & (classes == number)).sum()]
        for zone in range(1, 5)
        for number in range(9)
    ]
    with open(tmp_path / "zonal.csv") as file:
        found = list(csv.reader(file))[1:]
    assert [list(map(int, row[:3])) for row in found] == [row for row in wanted if row[2]]
    for row in found:
        assert float(row[3]) == pytest.approx(means[(zones == int(row[0])) & good].sum())


@pytest.mark.parametrize("cut", [False, True])
def test_crop_by_a_reference(client: Client, tmp_path: Path, cut: bool) -> None:
    first = draw(11).integers(1, 200, (2, 80, 90)).astype("uint8")
    second = draw(12).integers(1, 9000, (1, 40, 45)).astype("float32")
    write_raster(tmp_path / "first.tif", first)
    # twice the pixel size
    write_raster(tmp_path / "second.tif", second, res=2 * RES)
    write_raster(tmp_path / "reference.tif", np.ones((1, 50, 60), "uint8"), offset=(50, 10))
    arguments: list[object] = ["first.tif", "second.tif", "--reference", "reference.tif"]
    inside = np.ones((50, 60), bool)
    if cut:
        x, y = ORIGIN[0] + 60 * RES, ORIGIN[1] - 20 * RES
        corners = [(x, y), (x + 20 * RES, y), (x + 20 * RES, y - 15 * RES), (x, y - 15 * RES)]
        write_polygons(tmp_path / "cut.geojson", [(corners, {})])
        arguments += ["--cutline", "cut.geojson"]
    client("crop", *arguments, "--outdir", tmp_path, "--nodata", "0")

    for name, pixels in (("first", first), ("second", np.kron(second, np.ones((1, 2, 2))))):
        wanted = np.zeros((len(pixels), 50, 60))
        # the images end after 90 columns
        wanted[:, :, :40] = pixels[:, 10:60, 50:90]
        with rasterio.open(tmp_path / f"{name}_crop.img") as dataset:
            assert (dataset.driver, dataset.nodata) == ("HFA", 0)
            found = dataset.read()
        if cut:
            # whatever touches is inside: on a line of the grid that may be one pixel more
            np.testing.assert_array_equal(found[:, 11:24, 11:29], wanted[:, 11:24, 11:29])
            found[:, 9:26, 9:31] = 0
            assert not found.any()
        else:
            np.testing.assert_array_equal(found, wanted * inside)


def write_polygons(
    path: Path, polygons: list[tuple[list[tuple[float, float]], dict[str, Any]]]
) -> None:
    features = [
        {
            "type": "Feature",
            "properties": properties,
            "geometry": {"type": "Polygon", "coordinates": [[*corners, corners[0]]]},
        }
        for corners, properties in polygons
    ]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32755"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))


def test_statistics_of_segments(
    client: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # segments of 7 x 9 pixels, and none in the upper right
    rows, cols = np.indices((120, 130))
    segments = (1 + rows // 7 * 20 + cols // 9).astype("uint32")
    segments[:50, 50:] = 0
    image = draw(14).integers(0, 2000, (2, 120, 130)).astype("uint16")
    write_raster(tmp_path / "segments.tif", segments[None], nodata=0)
    write_raster(tmp_path / "image.tif", image)
    printed = client("segments", "segments.tif", "image.tif", "means.img").split()
    total = str((segments > 0).sum())
    assert printed == ["CW_NONE", "1", total, "CW_THREADS", "2", total]

    stddevs = np.load(tmp_path / "stddevs.npy")
    wanted = np.zeros(image.shape)
    for segment in np.unique(segments[segments > 0]):
        inside = segments == segment
        for number, band in enumerate(image):
            wanted[number][inside] = band[inside].mean()
            assert stddevs[number, segment] == pytest.approx(band[inside].std())
    with rasterio.open(tmp_path / "means.img") as dataset:
        assert dataset.dtypes == ("float32", "float32")
        np.testing.assert_allclose(dataset.read(), wanted, rtol=1e-6)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert sum("is float64, and is written as float32" in message for message in said) == 1


def test_classes_in_polygons(client: Client, tmp_path: Path) -> None:
    classes = draw(15).integers(0, 4, (1, 80, 100)).astype("uint8")
    write_raster(tmp_path / "classes.tif", classes)
    places = {700: (10, 20), 1201: (45, 50), 5: (2, 70)}
    features = []
    for number, (row, col) in places.items():
        x, y = ORIGIN[0] + col * RES, ORIGIN[1] - row * RES
        corners = [(x, y), (x + 20 * RES, y), (x + 20 * RES, y - 15 * RES), (x, y - 15 * RES)]
        features.append((corners, {"number": number, "kind": "old" if number == 5 else "new"}))
    write_polygons(tmp_path / "paddocks.geojson", features)
    printed = client("paddocks", "classes.tif", "paddocks.geojson", "kind = 'new'", "number")

    wanted = [
        f"{number} {kind} {(classes[0, row : row + 15, col : col + 20] == kind).sum()}"
        for number, (row, col) in sorted(places.items())
        for kind in range(4)
        if number != 5
    ]
    assert printed.splitlines() == [*wanted, "No paddock: True"]
