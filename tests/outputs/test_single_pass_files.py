"""Statistics, histograms and overviews in files, as rasterio reads them back."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioDeprecationWarning
from rasterio.transform import from_origin
from rasterio.windows import Window

from rios_flows.files.bandtags import statistics_tags, write_band_tags
from rios_flows.files.defaulthistograms import add_default_histograms
from rios_flows.files.pyramids import (
    OverviewSizeError,
    build_overviews,
    pour_overviews,
    reserve_overviews,
)
from rios_flows.geometry.grid import BlockGrid
from rios_flows.reducers.cells import overview_levels
from rios_flows.reducers.singlepass import SinglePass
from tests.support.rasters import CRS, ORIGIN, RES

Array = NDArray[Any]

TRANSFORM = from_origin(*ORIGIN, RES, RES)
GTIFF: dict[str, Any] = {
    "driver": "GTiff",
    "tiled": True,
    "compress": "deflate",
    "interleave": "band",
}
FORMATS: dict[str, dict[str, Any]] = {
    "tif": GTIFF | {"blockxsize": 64, "blockysize": 64},
    "plain.tif": {"driver": "GTiff"},
    "pixel.tif": GTIFF
    | {"interleave": "pixel", "predictor": 2, "blockxsize": 32, "blockysize": 48},
    "img": {"driver": "HFA", "compressed": "YES"},
    "bil": {"driver": "ENVI"},
}


def write(path: Path, raster: Array, levels: tuple[int, ...] = (), **options: Any) -> SinglePass:
    """Write a raster as the writing lane does it; the overviews are still to be poured in."""
    bands, rows, cols = raster.shape
    nodata = options.get("nodata")
    profile = FORMATS[path.name.split(".", 1)[1]] | {"nodata": nodata, "crs": CRS}
    single = SinglePass((bands, rows, cols), raster.dtype, levels=levels, **options)
    with rasterio.open(
        path,
        "w",
        width=cols,
        height=rows,
        count=bands,
        dtype=raster.dtype.name,
        transform=TRANSFORM,
        **profile,
    ) as dataset:
        assert not levels or reserve_overviews(dataset, levels)
        for block in reversed(list(BlockGrid(cols, rows, (64, 96)))):
            window = Window(block.left, block.top, block.ncols, block.nrows)
            part = raster[(slice(None), *window.toslices())]
            dataset.write(part, window=window)
            single.add(block, part)
        write_band_tags(dataset, single.finish(), nodata=[nodata] * bands)
    return single


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("method", ["NEAREST", "AVERAGE"])
def test_overviews(tmp_path: Path, ending: str, dtype: str, method: str) -> None:
    raster = np.random.default_rng(20).integers(1, 250, (3, 770, 1026)).astype(dtype)
    path, levels = tmp_path / f"a.{ending}", (2, 4, 8)
    single = write(path, raster, levels, method=method, nodata=0)
    assert single.overviews is not None
    pour_overviews(str(path), single.overviews)
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(), raster)
        assert [dataset.overviews(band) for band in (1, 2, 3)] == [list(levels)] * 3
    for index, level in enumerate(levels):
        with rasterio.open(path, OVERVIEW_LEVEL=index) as dataset:
            pixels = dataset.read()
        if method == "NEAREST":
            rows, cols = (
                np.minimum(np.arange(0, size, level) + level // 2, size - 1)
                for size in raster.shape[1:]
            )
            np.testing.assert_array_equal(pixels, raster[:, rows[:, None], cols])
        else:
            # right and lower edges, too
            last = raster[2, pixels.shape[1] * level - level :, pixels.shape[2] * level - level :]
            assert pixels[2, -1, -1] == pytest.approx(last.mean(), abs=0.5)
            assert pixels.min() > 0
    single.close()


@pytest.mark.parametrize("ending", ["tif", "img"])
@pytest.mark.parametrize(("dtype", "nodata"), [("uint8", 0), ("int16", -9999), ("float32", -3.5)])
def test_tags(tmp_path: Path, ending: str, dtype: str, nodata: float) -> None:
    raster = np.random.default_rng(21).integers(1, 250, (2, 100, 100)).astype(dtype)
    raster[0, :50] = nodata
    path = tmp_path / f"a.{ending}"
    write(path, raster, nodata=nodata)
    with rasterio.open(path) as dataset:
        for band in (1, 2):
            valid = raster[band - 1][raster[band - 1] != nodata]
            tags = dataset.tags(band)
            assert float(tags["STATISTICS_MINIMUM"]) == valid.min()
            assert float(tags["STATISTICS_MAXIMUM"]) == valid.max()
            mean, stddev = valid.mean(dtype=np.float64), valid.std(dtype=np.float64)
            assert float(tags["STATISTICS_MEAN"]) == pytest.approx(mean, rel=1e-12)
            assert float(tags["STATISTICS_STDDEV"]) == pytest.approx(stddev, rel=1e-12)
            assert tags["STATISTICS_EXCLUDEDVALUES"] == repr(nodata)
            assert tags["STATISTICS_SKIPFACTORX"] == tags["STATISTICS_SKIPFACTORY"] == "1"
            counts = [int(text) for text in tags["STATISTICS_HISTOBINVALUES"].strip("|").split("|")]
            assert sum(counts) == valid.size
            assert int(tags["STATISTICS_HISTONUMBINS"]) == len(counts)
            assert tags["STATISTICS_HISTOBINFUNCTION"] in ("direct", "linear")
            assert {"STATISTICS_HISTOMIN", "STATISTICS_HISTOMAX"} <= tags.keys()
            assert float(tags["STATISTICS_MEDIAN"]) == pytest.approx(np.median(valid), abs=2)
            assert float(tags["STATISTICS_MODE"]) <= valid.max()
            # GDAL takes them for its own
            with pytest.warns(RasterioDeprecationWarning):
                known = dataset.statistics(band)
            assert (known.min, known.max) == (valid.min(), valid.max())
            assert known.std == pytest.approx(stddev)


def test_a_band_without_a_valid_pixel_has_no_tags(tmp_path: Path) -> None:
    raster = np.full((2, 70, 70), -1, np.int16)
    raster[1] = 5
    write(tmp_path / "a.tif", raster, nodata=-1)
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert not [name for name in dataset.tags(1) if name.startswith("STATISTICS")]
        assert dataset.tags(2)["STATISTICS_MAXIMUM"] == "5"


def test_whole_numbers_and_approximate_ones() -> None:
    single = SinglePass((1, 2, 2), np.dtype(np.float64))
    single.add(BlockGrid(2, 2, (2, 2))[0], np.array([[[1.0, 2.0], [3.0, 0.1]]]))
    band = single.finish()[0]
    assert band is not None
    tags = statistics_tags(band, None, approximate=True)
    assert (tags["STATISTICS_MAXIMUM"], tags["STATISTICS_MINIMUM"]) == ("3", "0.1")
    assert tags["STATISTICS_APPROXIMATE"] == "YES"
    assert "STATISTICS_SKIPFACTORX" not in tags
    assert "STATISTICS_EXCLUDEDVALUES" not in tags


@pytest.mark.parametrize("ending", ["tif", "bil"])
def test_histograms_in_the_side_car_file(tmp_path: Path, ending: str) -> None:
    raster = np.random.default_rng(22).integers(0, 9, (2, 100, 100)).astype(np.uint8)
    path = tmp_path / f"a.{ending}"
    bands = write(path, raster).finish()
    for _ in range(2):
        add_default_histograms(str(path), bands)
    root = ElementTree.parse(f"{path}.aux.xml").getroot()
    for number in (1, 2):
        items = root.findall(f"PAMRasterBand[@band='{number}']/Histograms/HistItem")
        assert [item.findtext("HistMin") for item in items] == ["-0.5"]
        assert items[0].findtext("HistMax") == "8.5"
        assert items[0].findtext("BucketCount") == "9"
        expected = np.bincount(raster[number - 1].reshape(-1))
        assert items[0].findtext("HistCounts") == "|".join(map(str, expected))
    with rasterio.open(path) as dataset:
        assert dataset.tags(1)["STATISTICS_MINIMUM"] == "0"


@pytest.mark.parametrize("method", ["GAUSS", "CUBICSPLINE", "LANCZOS", "BILINEAR", "CUBIC"])
def test_overviews_by_gdal(tmp_path: Path, method: str) -> None:
    raster = np.random.default_rng(23).integers(1, 250, (1, 200, 200)).astype(np.uint8)
    path = tmp_path / "a.tif"
    write(path, raster)
    build_overviews(str(path), (), method)
    build_overviews(str(path), (2, 4), method)
    with rasterio.open(path) as dataset:
        assert dataset.overviews(1) == [2, 4]
    with rasterio.open(path, OVERVIEW_LEVEL=1) as dataset:
        assert abs(float(dataset.read().mean()) - raster.mean()) < 5


def test_formats_without_room_for_overviews(tmp_path: Path) -> None:
    profile = {"width": 64, "height": 64, "count": 1, "dtype": "uint8", "transform": TRANSFORM}
    with rasterio.open(tmp_path / "a.zarr", "w", driver="Zarr", **profile) as dataset:
        assert not reserve_overviews(dataset, (2,))


@pytest.mark.parametrize(
    ("rows", "cols", "levels", "expected"),
    [
        (385, 421, (2, 61, 64), (2, 61)),
        (212, 268, (70, 92, 119, 149), (70, 92, 149)),  # 3 x 3, and 2 x 3
        (275, 91, (39, 60, 84, 91), (39, 60, 84)),
        (7, 7, (2, 3, 6), (2, 6)),  # 4 x 4 and 3 x 3: GDAL takes both for a half
    ],
)
def test_levels_that_gdal_takes_for_one(
    tmp_path: Path, rows: int, cols: int, levels: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    assert overview_levels((rows, cols), levels, 0) == expected
    profile = {"height": rows, "width": cols, "count": 1, "dtype": "uint8", "transform": TRANSFORM}
    for asked in (levels, expected):
        with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", **profile) as dataset:
            assert reserve_overviews(dataset, asked)
            assert len(dataset.overviews(1)) == len(expected)


def test_room_of_another_size(tmp_path: Path) -> None:
    raster = np.ones((1, 100, 100), np.uint8)
    single = write(tmp_path / "a.tif", raster, (2,))
    write(tmp_path / "b.tif", raster[:, :60], (2,))
    assert single.overviews is not None
    with pytest.raises(OverviewSizeError, match=r"not \(50, 50\)"):
        pour_overviews(str(tmp_path / "b.tif"), single.overviews)
