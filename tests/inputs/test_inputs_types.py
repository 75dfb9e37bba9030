"""Bands of several types, and nodata values, of inputs that are warped or not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from rios_flows import rioserrors
from rios_flows.basics.defaults import BOUNDS_FROM_REFERENCE
from tests.support.inputs import MERCATOR, Grid, controls_of, nearest, run, texture

FINE = Grid(300000.0, 2800000.0, 30.0, 160, 160)
# pixels twice as large, away from the edges of FINE
COARSE = Grid(300000.0 + 600, 2800000.0 - 600, 60.0, 50, 55)
FAR = Grid(-8789636.0, 2941413.0, 310.0, 150, 160, MERCATOR)
HOME = Grid(105985.0, 2822915.0, 300.0, 120, 120)


@pytest.mark.parametrize("warped", [False, True])
@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_bands_of_several_types_have_that_of_the_first_selected(
    tmp_path: Path, warped: bool, style: str
) -> None:
    grid = FAR if warped else HOME
    narrow, wide = texture(grid, dtype="uint8"), texture(grid, dtype="float32", seed=2)
    parts = [grid.raster(tmp_path / "8.tif", narrow), grid.raster(tmp_path / "f.tif", wide)]
    mixed = tmp_path / "mixed.vrt"
    mixed.write_text(vrt_of(grid, parts, ["Byte", "Float32"]))
    controls = controls_of(style, 50)
    controls.setReferenceImage("base")
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    base = HOME.raster(tmp_path / "base.tif", texture(HOME))
    for bands in ([1, 2], [2, 1]):
        controls.selectInputImageLayers(bands, imagename="image")
        found, _ = run(tmp_path, controls, base=base, image=mixed)
        kind = ("uint8", "float32")[bands[0] - 1]
        assert found.dtype == kind
        both = np.concatenate([narrow.astype("float32"), wide])[[band - 1 for band in bands]]
        expected, sure = nearest(grid, both, HOME)
        if kind == "uint8":
            # as GDAL does: what is too large becomes the largest
            expected = np.clip(expected, 0, 255)
        np.testing.assert_array_equal(found[:, sure], expected[:, sure])


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
@pytest.mark.parametrize("warped", [False, True])
@pytest.mark.parametrize("given", [False, True])
def test_nodata_of_each_band_is_judged_in_its_own_type(
    tmp_path: Path, style: str, warped: bool, given: bool
) -> None:
    # by twos of columns data and nodata, so that an average of four mixes them
    wide = np.full((1, FINE.rows, FINE.cols), 100, np.float32)
    narrow = np.full((1, FINE.rows, FINE.cols), 20, np.uint8)
    wide[:, :, ::2], narrow[:, ::2] = -9999, 255
    parts = [FINE.raster(tmp_path / "8.tif", narrow), FINE.raster(tmp_path / "f.tif", wide)]
    mixed = tmp_path / "mixed.vrt"
    nodata = [None, None] if given else [255, -9999]
    mixed.write_text(vrt_of(FINE, parts, ["Byte", "Float32"], nodata))
    beside = COARSE._replace(xmin=COARSE.xmin - 1800)
    target = beside if warped else FINE._replace(xmin=FINE.xmin - 60)
    controls = controls_of(style, 32)
    controls.setReferenceImage("base")
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    controls.setResampleMethod("average", imagename="image")
    controls.selectInputImageLayers([2, 1], imagename="image")
    if given:
        controls.setInputNoDataValue([-9999, 255], imagename="image")

    def look(info: Any, inputs: Any, outputs: Any) -> None:
        values = [info.getNoDataValueFor(inputs.image, band) for band in (1, 2)]
        assert values == [-9999, 255]
        outputs.result = inputs.image

    base = target.raster(tmp_path / "base.tif", texture(target))
    found, _ = run(tmp_path, controls, look, base=base, image=mixed)
    assert found.dtype == np.float32
    outside = round((FINE.xmin - target.xmin) / target.res)
    # GDAL's average takes the first column of a file for the pixel before it, too
    assert (found[0, :, : outside - 1] == -9999).all()
    assert (found[1, :, : outside - 1] == 255).all()
    if warped:
        assert (found[0, :, outside:] == 100).all()
        assert (found[1, :, outside:] == 20).all()
    else:
        inner = np.concatenate([wide, narrow.astype(np.float32)])[:, :, :-outside]
        np.testing.assert_array_equal(found[:, :, outside:], inner)


@pytest.mark.parametrize("nodata", [-9999, float("nan"), 0.5])
def test_a_nodata_value_that_the_type_of_the_array_cannot_hold(
    tmp_path: Path, nodata: float
) -> None:
    parts = [
        FINE.raster(tmp_path / "8.tif", texture(FINE, dtype="uint8")),
        FINE.raster(tmp_path / "f.tif", texture(FINE, dtype="float32")),
    ]
    mixed = tmp_path / "mixed.vrt"
    mixed.write_text(vrt_of(FINE, parts, ["Byte", "Float32"], [None, nodata]))
    words = r"Band 2 of .*mixed\.vrt' \(input 'image'\) is float32 .* array of uint8.*ImageLayers"
    with pytest.raises(rioserrors.ParameterError, match=words):
        run(tmp_path, controls_of(), image=mixed)
    controls = controls_of()
    controls.selectInputImageLayers([1], imagename="image")
    assert run(tmp_path, controls, image=mixed)[0].dtype == np.uint8


@pytest.mark.parametrize("warped", [False, True])
def test_pixels_of_complex_integers(tmp_path: Path, warped: bool) -> None:
    path = tmp_path / "image.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=FINE.cols,
        height=FINE.rows,
        count=1,
        dtype="complex_int16",
        crs=FINE.crs,
        transform=from_origin(FINE.xmin, FINE.ymax, FINE.res, FINE.res),
    ) as file:
        file.write(np.full((1, FINE.rows, FINE.cols), 3 + 4j, np.complex64))
    controls = controls_of()
    controls.setReferenceImage("base")
    target = COARSE if warped else FINE

    def length(info: Any, inputs: Any, outputs: Any) -> None:
        assert inputs.image.dtype == np.complex64
        outputs.result = abs(inputs.image)

    base = target.raster(tmp_path / "base.tif", texture(target))
    found, _ = run(tmp_path, controls, length, base=base, image=path)
    assert (found == 5).all()


def vrt_of(
    grid: Grid, paths: list[Path], kinds: list[str], nodata: Sequence[float | None] = ()
) -> str:
    """Write a virtual raster of one band of each file."""
    given = [
        "" if value is None else f"<NoDataValue>{value}</NoDataValue>"
        for value in nodata or [None] * len(paths)
    ]
    numbers = ", ".join(map(str, from_origin(grid.xmin, grid.ymax, grid.res, grid.res).to_gdal()))
    with rasterio.open(paths[0]) as file:
        crs = file.crs.to_wkt().replace('"', "&quot;")
    bands = "".join(
        f'<VRTRasterBand dataType="{kind}" band="{number}">{value}<SimpleSource>'
        f'<SourceFilename relativeToVRT="1">{path.name}</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand>"
        for number, (path, kind, value) in enumerate(zip(paths, kinds, given, strict=True), start=1)
    )
    return (
        f'<VRTDataset rasterXSize="{grid.cols}" rasterYSize="{grid.rows}"><SRS>{crs}</SRS>'
        f"<GeoTransform>{numbers}</GeoTransform>{bands}</VRTDataset>"
    )


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_nodata_of_an_input_is_left_out_of_resampling_and_fills_what_is_outside(
    tmp_path: Path, style: str
) -> None:
    pixels = np.full((1, FINE.rows, FINE.cols), 100, np.int16)
    pixels[:, :, ::2] = -5
    wide = COARSE._replace(xmin=COARSE.xmin - 1800, cols=COARSE.cols)
    controls = controls_of(style, 32)
    controls.setReferenceImage("base")
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    controls.setResampleMethod("average")
    controls.setInputNoDataValue(-5, imagename="image")
    found, _ = run(
        tmp_path,
        controls,
        base=wide.raster(tmp_path / "base.tif", texture(wide)),
        image=FINE.raster(tmp_path / "image.tif", pixels),
    )
    outside = round((FINE.xmin - wide.xmin) / wide.res)
    assert (found[:, :, :outside] == -5).all()
    assert (found[:, :, outside:] == 100).all()
