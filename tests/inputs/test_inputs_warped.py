"""Rasters from other grids in a run: every method, margins and overviews."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import rioserrors
from rios_flows.basics.defaults import BOUNDS_FROM_REFERENCE, RESAMPLE_METHODS
from tests.support.inputs import MERCATOR, Grid, controls_of, nearest, run, texture
from tests.support.rasters import Array
from tests.support.styles import STYLES

FINE = Grid(300000.0, 2800000.0, 30.0, 160, 160)
# pixels twice as large, away from the edges of FINE
COARSE = Grid(300000.0 + 600, 2800000.0 - 600, 60.0, 50, 55)


def quads(pixels: Array) -> Array:
    """Return the four fine pixels of every coarse one, shape (bands, rows, cols, 4)."""
    cut = pixels[:, 20 : 20 + 2 * COARSE.rows, 20 : 20 + 2 * COARSE.cols]
    parts = cut.reshape(len(pixels), COARSE.rows, 2, COARSE.cols, 2).swapaxes(2, 3)
    four: Array = parts.reshape(len(pixels), COARSE.rows, COARSE.cols, 4)
    return four


def ramps() -> Array:
    """Column and row of the middle of each fine pixel, and a plane of both."""
    rows, cols = np.mgrid[: FINE.rows, : FINE.cols] + 0.5
    return np.stack([cols, rows, cols * 3 + rows * 200])


EXPECTED: dict[str, Any] = {
    # the middle of a coarse pixel is a tie, which GDAL gives to the right and below
    "near": lambda four: four[..., 3],
    "average": lambda four: four.mean(axis=-1),
    "rms": lambda four: np.sqrt((four**2).mean(axis=-1)),
    "sum": lambda four: four.sum(axis=-1),
    "max": lambda four: four.max(axis=-1),
    "min": lambda four: four.min(axis=-1),
}
#: A kernel that is symmetric gives a plane back, so the middle of the four.
EXPECTED.update(
    dict.fromkeys(("bilinear", "cubic", "cubicspline", "lanczos"), lambda four: four.mean(axis=-1))
)


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
@pytest.mark.parametrize("method", RESAMPLE_METHODS)
def test_every_method_on_pixels_that_tell_where_they_lie(
    tmp_path: Path, method: str, style: str
) -> None:
    controls = controls_of(style, 32)
    controls.setReferenceImage("base")
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    controls.setResampleMethod(method, imagename="image")
    pixels = ramps()
    found, _ = run(
        tmp_path,
        controls,
        base=COARSE.raster(tmp_path / "base.tif", texture(COARSE)),
        image=FINE.raster(tmp_path / "image.tif", pixels),
    )
    four = quads(pixels)
    if method in EXPECTED:
        np.testing.assert_allclose(found, EXPECTED[method](four), rtol=0, atol=2e-3)
    else:
        # one of the four, between the second and the third in size or anywhere
        assert (found[..., np.newaxis] == four).any(axis=-1).all()
        rank = (found[..., np.newaxis] > four).sum(axis=-1)
        low, high = {"med": (1, 2), "q1": (0, 1), "q3": (2, 3), "mode": (0, 3)}[method]
        assert low <= rank[2].min() <= rank[2].max() <= high


def test_the_method_is_that_of_the_image(tmp_path: Path) -> None:
    pixels = ramps()[2:]
    files = {
        "base": COARSE.raster(tmp_path / "base.tif", texture(COARSE)),
        "low": FINE.raster(tmp_path / "a.tif", pixels),
        "high": tmp_path / "a.tif",
    }
    controls = controls_of()
    controls.setReferenceImage("base")
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    controls.setResampleMethod("min")
    controls.setResampleMethod("max", imagename="high")

    def extremes(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = np.concatenate([inputs.low, inputs.high])

    found, _ = run(tmp_path, controls, extremes, **files)
    four = quads(pixels)[0]
    np.testing.assert_array_equal(found, [four.min(axis=-1), four.max(axis=-1)])


FAR = Grid(-8789636.0, 2941413.0, 310.0, 150, 160, MERCATOR)
HOME = Grid(105985.0, 2822915.0, 300.0, 120, 120)


@pytest.mark.parametrize("warped", [False, True])
@pytest.mark.parametrize("style", STYLES)
def test_what_an_array_comes_from(tmp_path: Path, style: str, warped: bool) -> None:
    grid = FAR if warped else HOME
    base = HOME.raster(tmp_path / "base.tif", texture(HOME))
    names = ["one.tif", "two.tif"]
    images = [grid.raster(tmp_path / name, texture(grid, 3), nodata=5) for name in names]
    controls = controls_of(style, 50)
    controls.setReferenceImage("base")
    controls.selectInputImageLayers([3, 1], imagename="images")
    controls.setInputNoDataValue([7, 9], imagename="images")

    def look(info: Any, inputs: Any, outputs: Any) -> None:
        assert info.getFilenameFor(inputs.base) == str(base)
        assert info.getNoDataValueFor(inputs.base) is None
        for number, array in enumerate(inputs.images):
            assert info.getFilenameFor(array) == str(images[number])
            # a view counts as its array
            assert info.getFilenameFor(array[0]) == str(images[number])
            values = [info.getNoDataValueFor(array, band) for band in (1, 2)]
            assert values == [7, 9]
            assert {value.dtype for value in values} == {array.dtype}
            with pytest.raises(rioserrors.GDALLayerNumberError):
                info.getNoDataValueFor(array, 3)
        outputs.result = inputs.images[0]

    found, _ = run(tmp_path, controls, look, base=base, images=images)
    assert len(found) == 2


@pytest.mark.parametrize("warped", [False, True])
def test_only_selected_bands_are_read(
    tmp_path: Path, warped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = FAR if warped else HOME
    pixels = texture(grid, 4)
    path = grid.raster(
        tmp_path / "image.tif", pixels, tiled=True, interleave="band", blockxsize=16, blockysize=16
    )
    # band 2 cannot be read: its tiles lie beyond the end of the file
    broken_band(path, 2)
    controls = controls_of(window=40)
    controls.setReferenceImage("base")
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    controls.selectInputImageLayers([4, 1], imagename="image")
    base = HOME.raster(tmp_path / "base.tif", texture(HOME))
    found, _ = run(tmp_path, controls, base=base, image=path)
    expected, sure = nearest(grid, pixels[[3, 0]], HOME)
    np.testing.assert_array_equal(found[:, sure], expected[:, sure])
    controls.selectInputImageLayers([1, 2], imagename="image")
    with pytest.raises(OSError, match=r"image\.tif"):
        run(tmp_path, controls, base=base, image=path)


def broken_band(path: Path, band: int) -> None:
    """Overwrite the tiles of one band with nonsense; they are compressed afterwards."""
    with rasterio.open(path) as file:
        profile, pixels = file.profile, file.read()
    with rasterio.open(path, "w", **{**profile, "compress": "deflate"}) as file:
        file.write(pixels)
    with rasterio.open(path) as file:
        places = [
            (
                int(file.get_tag_item(f"BLOCK_OFFSET_{x}_{y}", "TIFF", bidx=band)),
                int(file.get_tag_item(f"BLOCK_SIZE_{x}_{y}", "TIFF", bidx=band)),
            )
            for y in range(-(-file.height // 16))
            for x in range(-(-file.width // 16))
        ]
    content = bytearray(path.read_bytes())
    for start, size in places:
        content[start : start + size] = b"\xaa" * size
    path.write_bytes(content)


@pytest.mark.parametrize("window", [30, 64])
def test_the_outer_margin_of_a_warped_input_has_real_pixels(tmp_path: Path, window: int) -> None:
    pixels = ramps()[2:]
    controls = controls_of(window=window, overlap=3)
    controls.setReferenceImage("base")
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    controls.setResampleMethod("average")

    def corner(info: Any, inputs: Any, outputs: Any) -> None:
        # every pixel becomes its third neighbour up and to the left
        moved = np.zeros_like(inputs.image)
        moved[:, 3:, 3:] = inputs.image[:, :-3, :-3]
        outputs.result = moved

    found, _ = run(
        tmp_path,
        controls,
        corner,
        base=COARSE.raster(tmp_path / "base.tif", texture(COARSE)),
        image=FINE.raster(tmp_path / "image.tif", pixels),
    )
    expected = quads(pixels).mean(axis=-1) - 2 * 3 * (3 + 200)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_an_outer_margin_of_more_than_a_thousand_pixels_has_real_ones(tmp_path: Path) -> None:
    overlap = 1500
    wide = Grid(300000.0, 2800000.0, 30.0, 2 * overlap + 50, 2 * overlap + 60)
    # a third of a pixel off, which nearest neighbour does not see
    corner = overlap + 10
    inner = Grid(wide.xmin + 10 + 30 * corner, wide.ymax - 10 - 30 * corner, 30.0, 20, 30)
    pixels = texture(wide, dtype="uint8")
    controls = controls_of(window=16, overlap=overlap)
    controls.setReferenceImage("base")
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    base = inner.raster(tmp_path / "base.tif", texture(inner))
    image = wide.raster(tmp_path / "image.tif", pixels)

    def moved(info: Any, inputs: Any, outputs: Any) -> None:
        result = np.zeros_like(inputs.image)
        far = inputs.image[:, : -2 * overlap, : -2 * overlap]
        result[:, overlap:-overlap, overlap:-overlap] = far
        outputs.result = result

    found, _ = run(tmp_path, controls, moved, base=base, image=image)
    np.testing.assert_array_equal(found, pixels[:, 10:30, 10:40])


def test_overviews_are_read_only_where_allowed(tmp_path: Path) -> None:
    path = FINE.raster(tmp_path / "image.tif", texture(FINE))
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2], rasterio.enums.Resampling.nearest)
    # what is in the overview only
    with rasterio.open(path, "r+", OVERVIEW_LEVEL=0) as file:
        file.write(np.full((1, file.height, file.width), 33, np.uint16))
    controls = controls_of()
    controls.setReferenceImage("base")
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    base = COARSE.raster(tmp_path / "base.tif", texture(COARSE))
    found, _ = run(tmp_path, controls, base=base, image=path)
    np.testing.assert_array_equal(found[0], quads(texture(FINE))[0, :, :, 3])
    controls.setAllowOverviewsGdalwarp(True)
    found, _ = run(tmp_path, controls, base=base, image=path)
    assert (found == 33).all()
