"""Scripts as RIOS's users write them: what they make is what numpy makes of the same pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

from tests.clients.conftest import Client, draw
from tests.support.rasters import ORIGIN, RES, Array, read_raster, write_raster


def around(pixels: Array, size: int) -> Array:
    """Return the windows around each pixel, zeros beyond the edges; shape (rows, cols, n, n)."""
    padded = np.pad(pixels, size)
    return np.lib.stride_tricks.sliding_window_view(padded, (2 * size + 1, 2 * size + 1))


def moved(mask: Array, down: int, right: int) -> Array:
    """Return a mask that lies further down and to the right, False where nothing came."""
    rows, cols = mask.shape
    result = np.zeros_like(mask)
    for row in range(rows):
        for col in range(cols):
            if 0 <= row - down < rows and 0 <= col - right < cols:
                result[row, col] = mask[row - down, col - right]
    return result


@pytest.mark.parametrize(("threads", "saturated"), [(0, False), (2, True)])
def test_cloud_mask(client: Client, tmp_path: Path, threads: int, saturated: bool) -> None:
    rng = draw(1)
    toa = rng.integers(100, 2500, (4, 100, 140)).astype("int16")
    for _ in range(12):
        row, col = rng.integers(0, 90), rng.integers(0, 130)
        toa[:, row : row + 8, col : col + 9] = rng.integers(4000, 7000, 4)[:, None, None]
    toa[3, :30, :40] = 200
    toa[:3, :30, :40] += 3000
    toa[:, 60:, :10] = -9999
    thermal = rng.integers(2600, 3000, (1, 50, 70)).astype("uint16")
    saturation = (rng.random((1, 100, 140)) > 0.98).astype("uint8")
    write_raster(tmp_path / "toa.tif", toa, nodata=-9999)
    write_raster(tmp_path / "thermal.tif", thermal, res=2 * RES)
    arguments = ["-a", "toa.tif", "-t", "thermal.tif", "-o", "mask.img", "-n", threads, "-v"]
    if saturated:
        write_raster(tmp_path / "saturation.tif", saturation)
        arguments += ["--saturation", "saturation.tif"]
    before = set(tmp_path.iterdir())
    printed = client("cloudmask", *arguments)
    assert "Wall clock elapsed time" in printed

    null = (toa == -9999).any(axis=0)
    green, red, nir, swir = toa.astype("float32") / 10000
    with np.errstate(all="ignore"):
        ndvi = np.nan_to_num((nir - red) / (nir + red))
        ndsi = np.nan_to_num((green - swir) / (green + swir))
    snow = (ndsi > 0.5) & (nir > 0.11) & ~null
    water = (ndvi < 0.05) & (nir < 0.08) & ~null
    cloud = ((green + red + nir) / 3 > 0.25) & (ndvi < 0.6) & ~snow & ~null
    if saturated:
        cloud |= (saturation[0] == 1) & ~null
    kelvins = np.kron(thermal[0], np.ones((2, 2), "uint16"))
    clear = np.sort(kelvins[~(cloud | snow | water | null)])
    threshold = clear[int(np.ceil(0.1 * len(clear))) - 1]
    cold = cloud & (kelvins < threshold)
    cold &= around(cold, 1).sum(axis=(2, 3)) > 1
    assert 50 < cold.sum() < 2000
    shadow = around(moved(cold, 3, -2), 2).any(axis=(2, 3))
    buffered = around(cold, 2).any(axis=(2, 3))
    wanted = np.select([null, buffered, shadow, snow, water], [0, 2, 3, 4, 5], 1)

    np.testing.assert_array_equal(read_raster(tmp_path / "mask.img")[0], wanted)
    with rasterio.open(tmp_path / "mask.img") as dataset:
        assert (dataset.driver, dataset.nodata, dataset.descriptions) == ("HFA", 0, ("Cloud mask",))
        assert dataset.tags(1)["LAYER_TYPE"] == "thematic"
        assert dataset.colormap(1)[4] == (85, 255, 255, 255)
        assert float(dataset.tags(1)["STATISTICS_MEAN"]) == pytest.approx(wanted[wanted > 0].mean())
    # no temporary file is left, nor a directory of one
    left = {path.name for path in set(tmp_path.iterdir()) - before}
    assert left - {"mask.img.aux.xml"} == {"mask.img", "cloudmask.py"}


def test_time_lags(client: Client, tmp_path: Path) -> None:
    years = [2019, 2020, 2022, 2025]
    series = draw(2).integers(-500, 500, (4, 70, 90)).astype("int16")
    series[draw(3).random(series.shape) > 0.7] = -32768
    names = [f"ndvi_{year}.tif" for year in years]
    for name, image in zip(names, series, strict=True):
        write_raster(tmp_path / name, image[None], nodata=-32768)
    printed = client("timelags", ".", *reversed(names))
    assert f"Years: {years}" in printed

    valid = series != -32768
    for lag in (1, 2):
        with rasterio.open(tmp_path / f"lag{lag}.tif") as dataset:
            assert (dataset.dtypes[0], dataset.nodata) == ("int16", -32768)
            found = dataset.read()
        for number in range(4 - lag):
            both = valid[number] & valid[number + lag]
            change = series[number + lag].astype(int) - series[number]
            np.testing.assert_array_equal(found[number], np.where(both, change, -32768))
    with rasterio.open(tmp_path / "trend.tif") as dataset:
        slope, intercept, count = dataset.read()
        assert dataset.descriptions == ("slope", "intercept", "count")
        assert np.isnan(dataset.nodata)
    np.testing.assert_array_equal(count, valid.sum(axis=0))
    for row, col in np.argwhere(valid.sum(axis=0) >= 2)[::97]:
        there = valid[:, row, col]
        line = np.polyfit(np.array(years)[there] - 2000, series[there, row, col], 1)
        assert slope[row, col] == pytest.approx(line[0], rel=1e-4, abs=1e-3)
        assert intercept[row, col] == pytest.approx(line[1] - 2000 * line[0], rel=1e-4, abs=1)
    np.testing.assert_array_equal(np.isnan(slope), valid.sum(axis=0) < 2)


def test_classification_by_a_model(client: Client, tmp_path: Path) -> None:
    image = draw(7).integers(1, 1000, (3, 300, 280)).astype("uint16")
    image[:, 40:60, 200:] = 0
    write_raster(tmp_path / "image.tif", image, nodata=0)
    cells = [(5, 7, 1), (100, 258, 2), (280, 3, 3), (299, 279, 1), (257, 256, 2), (150, 20, 3)]
    points = [
        (ORIGIN[0] + (col + 0.3) * RES, ORIGIN[1] - (row + 0.8) * RES, label)
        for row, col, label in cells
    ]
    # one that is nowhere
    points.append((ORIGIN[0] - 1, ORIGIN[1] + 1, 3))
    (tmp_path / "points.json").write_text(json.dumps(points))
    printed = client("classify", "image.tif", "points.json", "classes.tif")
    assert printed.endswith("1 classes, 256 colours\n")

    means = [
        np.mean([image[:, row, col] for row, col, label in cells if label == number], axis=0)
        for number in (1, 2, 3)
    ]
    distances = np.array([((image.T - mean) ** 2).sum(axis=2).T for mean in means])
    wanted = np.where((image == 0).any(axis=0), 0, distances.argmin(axis=0) + 1)
    np.testing.assert_array_equal(read_raster(tmp_path / "classes.tif")[0], wanted)
    with rasterio.open(tmp_path / "classes.tif") as dataset:
        colours = dataset.colormap(1)
        assert dataset.descriptions == ("class",)
        counts = dataset.tags(1)["STATISTICS_HISTOBINVALUES"].strip("|").split("|")
    assert list(map(int, counts)) == [0, *np.bincount(wanted.ravel())[1:]]
    # half of the classes go from red to green, the others from green to blue
    red, green, blue = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    assert [colours[number][:3] for number in range(4)] == [red, green, green, blue]


def test_colours_and_statistics_of_finished_files(client: Client, tmp_path: Path) -> None:
    names, rasters = ["classes.img", "classes.tif"], []
    for name, driver in zip(names, ("HFA", "GTiff"), strict=True):
        pixels = draw(8).integers(0, 12, (1, 300, 290)).astype("uint8")
        write_raster(tmp_path / name, pixels, driver=driver)
        rasters.append(pixels)
    lines = client("finished", *names).splitlines()
    for line, name, pixels in zip(lines, names, rasters, strict=True):
        values = pixels[pixels > 0]
        words = line.split()
        assert words[:2] == [name, "1"]
        wanted = [values.mean(), values.std(), 1, 11, np.median(values)]
        assert list(map(float, words[2:7])) == pytest.approx(wanted)
        assert int(float(words[7])) == np.bincount(values).argmax()
        with rasterio.open(tmp_path / name) as dataset:
            np.testing.assert_array_equal(dataset.read(), pixels)
            assert dataset.nodata == 0
            assert dataset.colormap(1)[0] == (0, 0, 0, 0)
            # the brightest colour of viridis, #fde725
            assert dataset.colormap(1)[11][:3] == pytest.approx((0xFD, 0xE7, 0x25), abs=1)


def test_windows_of_one_pixel(client: Client, tmp_path: Path) -> None:
    series = draw(9).integers(0, 1000, (5, 14, 17)).astype("int16")
    write_raster(tmp_path / "series.tif", series)
    client("pixelwise", "series.tif", "fit.tif", "place.tif")

    slope, intercept = read_raster(tmp_path / "fit.tif")
    lines = np.polyfit(np.arange(5), series.reshape(5, -1).astype(float), 1)
    np.testing.assert_allclose(slope.ravel(), lines[0], rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(intercept.ravel(), lines[1], rtol=1e-5, atol=1e-3)
    x, y = read_raster(tmp_path / "place.tif")
    np.testing.assert_array_equal(x, np.tile(ORIGIN[0] + (np.arange(17) + 0.5) * RES, (14, 1)))
    np.testing.assert_array_equal(y.T, np.tile(ORIGIN[1] - (np.arange(14) + 0.5) * RES, (17, 1)))


def test_index_of_a_drones_image(
    client: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ortho = draw(10).integers(0, 256, (4, 600, 700)).astype("uint8")
    ortho[3] = np.where(ortho[3] > 60, 255, 0)
    ortho[:, :20, :30] = 0
    write_raster(tmp_path / "ortho.tif", ortho, res=0.05)
    printed = client("droneindex", "--threshold", "0.2", "ortho.tif")

    red, green, blue = ortho[:3].astype(int)
    total = red + green + blue
    exg = (2 * green - red - blue) / np.where(total == 0, 1, total)
    seen = ortho[3] == 255
    with rasterio.open(tmp_path / "ortho_exg.tif") as dataset:
        np.testing.assert_allclose(dataset.read(1), np.where(seen, exg, -9999), atol=1e-6)
        assert dataset.nodata == -9999
        assert dataset.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "LZW"
        mean = float(dataset.tags(1)["STATISTICS_MEAN"])
    assert mean == pytest.approx(exg[seen].mean(), abs=1e-6)
    # 0.2 itself comes out of float32 on the one or the other side
    sure = abs(exg - 0.2) > 1e-6
    with rasterio.open(tmp_path / "ortho_plants.tif") as dataset:
        assert (dataset.dtypes[0], dataset.nodata) == ("uint8", None)
        plants = dataset.read(1)
    np.testing.assert_array_equal(plants[sure], ((exg > 0.2) & seen)[sure])
    assert f"Plants cover {100 * plants.sum() / seen.sum():.2f} %" in printed
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert sum("has no option COMPRESSED" in message for message in said) == 2
    assert sum("cannot have the nodata value -9999" in message for message in said) == 1


def test_mosaic_of_tiles(client: Client, tmp_path: Path) -> None:
    wanted = np.zeros((2, 75, 110), "uint16")
    sources = np.zeros((75, 110), "uint8")
    for number, (row, col) in enumerate([(0, 0), (20, 60), (35, 10)], 1):
        tile = draw(20 + number).integers(1, 5000, (2, 40, 50)).astype("uint16")
        tile[:, draw(30 + number).random((40, 50)) > 0.8] = 0
        write_raster(tmp_path / f"tile{number}.tif", tile, offset=(col, row), nodata=0)
        there = (slice(row, row + 40), slice(col, col + 50))
        new = (sources[there] == 0) & (tile[0] > 0)
        wanted[(slice(None), *there)][:, new] = tile[:, new]
        sources[there][new] = number
    printed = client("mosaic", "tile*.tif", "mosaic.tif", "source.img")
    assert "Corner at 1, 2" in printed

    with rasterio.open(tmp_path / "mosaic.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(), wanted)
        assert dataset.descriptions == ("mosaic 1", "mosaic 2")
        assert dataset.tags()["HISTORY"] == "mosaic"
        assert dataset.overviews(1) == [2, 4]
    np.testing.assert_array_equal(read_raster(tmp_path / "source.img")[0], sources)


def test_moving_window(client: Client, tmp_path: Path) -> None:
    image = draw(13).integers(0, 100, (1, 300, 280)).astype("int16")
    write_raster(tmp_path / "image.tif", image)
    client("focal", "image.tif", "texture.img", 5)
    wanted = around(image[0].astype(float), 2).std(axis=(2, 3))
    np.testing.assert_allclose(read_raster(tmp_path / "texture.img")[0], wanted, rtol=1e-5)


def test_anomalies_of_a_time_series(client: Client, tmp_path: Path) -> None:
    series = draw(16).integers(1, 900, (5, 1, 60, 70)).astype("int16")
    series[draw(17).random(series.shape) < 0.2] = -999
    series[:, :, 50, 60] = -999
    # the only place without a date
    series[0][(series == -999).all(axis=0)] = 7
    series[:, :, 50, 60] = -999
    names = [f"date{number}.tif" for number in range(5)]
    for name, pixels in zip(names, series, strict=True):
        write_raster(tmp_path / name, pixels, nodata=-999)
    printed = client("anomalies", *names)
    x, y = ORIGIN[0] + 60.5 * RES, ORIGIN[1] - 50.5 * RES
    places = [tuple(map(float, line.split())) for line in printed.splitlines()]
    # in each style
    assert places == [pytest.approx((x, y))] * 3

    data = np.where(series == -999, np.nan, series.astype(float))
    wanted = data.copy()
    rows, columns = np.nonzero(~np.isnan(data).all(axis=(0, 1)))
    wanted[..., rows, columns] -= np.nanmedian(data[..., rows, columns], axis=0)
    for number in range(5):
        with rasterio.open(tmp_path / f"date{number}_anomaly.tif") as dataset:
            found = dataset.read(masked=True).filled(np.nan)
            np.testing.assert_array_equal(found, wanted[number].astype("float32"))
            assert dataset.tags()["DATES"] == "5"
    with rasterio.open(tmp_path / "counts.img") as dataset:
        np.testing.assert_array_equal(dataset.read(), (series != -999).sum(axis=0))
        assert (dataset.descriptions, dataset.nodata) == (("Number of dates",), None)
