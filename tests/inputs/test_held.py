"""Inputs that are no files: arrays, DataArrays, open datasets, items of a catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine
from rasterio.warp import transform_bounds

import rios_flows as rf
from rios_flows import applier, engine, rioserrors
from rios_flows.inputs.held import told_apart
from tests.support.held import (
    GRID,
    KINDS,
    OTHER,
    as_it_is,
    masked_array,
    odc_array,
    plain_coordinates,
    raster,
    rioxarray_array,
    rioxarray_dask,
    rioxarray_masked,
    transform_of,
)
from tests.support.inputs import MERCATOR, UTM, Grid, texture
from tests.support.rasters import Array, read_raster

DTYPES = [
    *("uint8", "int8", "int16", "uint64", "int64", "float32", "float64"),
    *("bool", "float16", ">i4", "complex64"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_as_of_a_file(kind: Any, scene: Path, tmp_path: Path, pixels: Array) -> None:
    out = tmp_path / "out.tif"
    rf.apply(as_it_is, {"image": kind(scene, pixels)}, out, window=(27, 19), workers=2)
    expected = np.where(pixels == 0, np.nan, pixels)
    np.testing.assert_array_equal(read_raster(out), expected)
    with rasterio.open(out) as dataset:
        # decimal coordinates are not exact to the last digit
        assert dataset.transform.almost_equals(transform_of(GRID), 1e-6)
        assert dataset.crs.to_epsg() == 32618


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["near", "cubic"])
def test_onto_another_grid_with_chosen_bands_and_a_margin(
    kind: Any, method: str, scene: Path, tmp_path: Path, pixels: Array
) -> None:
    like = OTHER.raster(tmp_path / "like.tif", texture(OTHER))

    def result(image: Any) -> Array:
        rf.apply(
            lambda image, like: image,
            {"image": image, "like": like},
            tmp_path / "out.tif",
            like="like",
            resampling=method,
            bands={"image": ["red", 1]},
            overlap=3,
            window=16,
            workers=2,
        )
        return read_raster(tmp_path / "out.tif")

    expected = result(scene)
    assert 0 < np.isnan(expected).sum() < expected.size / 2
    found = result(kind(scene, pixels))
    if kind is masked_array:
        # where some of the pixels have a mask, GDAL weighs, and with a nodata value as well
        assert (np.isnan(found) == np.isnan(expected)).mean() > 0.99
        return
    # in floats, or with coordinates that are not exact to the last digit
    if kind in (odc_array, plain_coordinates, rioxarray_array, rioxarray_masked):
        np.testing.assert_allclose(found, expected, atol=1)
        return
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_no_cut_loses_or_changes_a_pixel(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    rows, cols = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    dtype = data.draw(st.sampled_from(DTYPES))
    count, overlap = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 5))
    window = data.draw(st.integers(1, 45)), data.draw(st.integers(1, 45))
    up, left = data.draw(st.booleans()), data.draw(st.booleans())
    raw = np.random.default_rng(rows).integers(0, 256, (count, rows, cols * 16), np.uint8)
    if np.dtype(dtype).kind in "fcb":
        pixels = (raw[..., ::16].astype("float32") - 100).astype(dtype)
    else:
        pixels = raw.view(dtype)[..., :cols]
    place = Affine(-2 if left else 2, 0, 50, 0, 3 if up else -3, 70)
    seen = np.zeros_like(pixels)

    def look(info: Any, inputs: Any, outputs: Any) -> None:
        assert (
            inputs.one.shape[1:] == tuple(side + 2 * overlap for side in info.getBlockSize())[::-1]
        )
        inside = inputs.one[:, overlap : inputs.one.shape[1] - overlap,
                            overlap : inputs.one.shape[2] - overlap]  # fmt: skip
        top, first = info.yblock * window[1], info.xblock * window[0]
        seen[:, top : top + inside.shape[1], first : first + inside.shape[2]] = inside

    infiles, controls = applier.FilenameAssociations(), applier.ApplierControls()
    chunk = data.draw(st.integers(0, 2))
    from_array: Any = dask.array.from_array
    array = pixels if not chunk else from_array(pixels, (1, 7, 5 * chunk))
    infiles.one = rf.Raster(array, place, "EPSG:32755")
    controls.setWindowSize(*window)
    controls.setOverlap(overlap)
    engine.apply(look, infiles, applier.FilenameAssociations(), controls=controls)
    down, across = slice(None, None, -1 if up else 1), slice(None, None, -1 if left else 1)
    np.testing.assert_array_equal(seen, pixels[:, down, across])


def test_records_and_messages_have_a_title(tmp_path: Path, pixels: Array) -> None:
    array = plain_coordinates(tmp_path, pixels).rename("ndvi")
    infiles, outfiles = applier.FilenameAssociations(), applier.FilenameAssociations()
    infiles.image, outfiles.out = array, tmp_path / "out.tif"
    job = engine.prepare(lambda *_: None, infiles, outfiles)
    title = "DataArray 'ndvi' 83 x 61 x 3 uint16"
    assert job.plan.infiles.image == title
    assert job.plan.inputs[0].source.what == f"'{title}' (input 'image')"
    # the caller's own stay as they are
    assert infiles.image is array


def test_what_is_no_input(scene: Path, pixels: Array, tmp_path: Path) -> None:
    closed = rasterio.open(scene)
    closed.close()
    bad = {
        "is closed": closed,
        "rios_flows.Raster": pixels,
        "is not a file name": object(),
    }
    for words, entry in bad.items():
        with pytest.raises(rioserrors.ParameterError, match=words):
            rf.apply(as_it_is, {"image": entry}, tmp_path / "out.tif")
    # and an output is a file
    with pytest.raises(rioserrors.ParameterError, match=r"<DataArray \(83, 61, 3\) uint16> is not"):
        rf.apply(
            as_it_is, scene, {"out": plain_coordinates(scene, pixels)}
        )  # fmt: skip


def test_bands_of_a_file_by_description(scene: Path, pixels: Array, tmp_path: Path) -> None:
    infiles, outfiles = applier.FilenameAssociations(), applier.FilenameAssociations()
    infiles.image, outfiles.out = scene, tmp_path / "out.tif"
    controls = applier.ApplierControls()
    controls.selectInputImageLayers(["red", 2], "image")

    def copy(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.out = inputs.image

    engine.apply(copy, infiles, outfiles, controls=controls)
    np.testing.assert_array_equal(read_raster(tmp_path / "out.tif"), pixels[[2, 1]])
    with pytest.raises(rioserrors.ParameterError, match=r"no band called 'gren'; is 'green' meant"):
        rf.apply(as_it_is, scene, tmp_path / "out.tif", bands="gren")
    double = rf.Raster(pixels, transform_of(GRID), UTM, names=["a", "a", "b"])
    with pytest.raises(rioserrors.ParameterError, match=r"several bands called 'a'.*\[1, 2\]"):
        rf.apply(as_it_is, double, tmp_path / "out.tif", bands=["b", "a"])


def test_files_and_lists_pass_as_they_are(scene: Path) -> None:
    infiles = applier.FilenameAssociations()
    infiles.one, infiles.many, infiles.none = str(scene), [scene, str(scene)], None
    files, held = told_apart(infiles)
    assert not held
    assert list(files) == list(infiles)


def test_another_crs(tmp_path: Path, pixels: Array, scene: Path) -> None:
    like = Grid(-9_000_000, 0, 50, 4, 4, MERCATOR)
    with rasterio.open(scene) as dataset:
        west, _, _, north = transform_bounds(UTM, MERCATOR, *dataset.bounds)
    like = like._replace(xmin=west, ymax=north, rows=40, cols=40)
    target = like.raster(tmp_path / "like.tif", texture(like))
    found = []
    for image in (scene, raster(scene, pixels), rioxarray_dask(scene, pixels)):
        rf.apply(lambda image: image, image, tmp_path / "out.tif", like=target)
        found.append(read_raster(tmp_path / "out.tif"))
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])
