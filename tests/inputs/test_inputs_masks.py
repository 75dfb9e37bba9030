"""Masks of inputs count in reading and in warping, or in neither; scale and offset in neither."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp, Resampling
from rasterio.transform import from_origin

from rios_flows import rioserrors
from rios_flows.basics.defaults import BOUNDS_FROM_REFERENCE
from tests.support.inputs import Grid, controls_of, run, texture
from tests.support.rasters import Array

GRID = Grid(300000.0, 2800000.0, 30.0, 120, 130)
# a third of a pixel off, which nearest neighbour does not see
NEAR = GRID._replace(xmin=GRID.xmin + 10, ymax=GRID.ymax - 10)
COARSE = Grid(300000.0, 2800000.0, 60.0, 60, 65)

MASKS = ["msk", "internal", "alpha"]
NODATA = 60001


def pixels(dtype: str = "uint16") -> Array:
    """Numbers that no two pixels share, with the nodata value among them."""
    count = np.arange(1, GRID.rows * GRID.cols + 1).reshape(GRID.rows, GRID.cols)
    if dtype != "uint8":
        count[100, 100] = NODATA
    return (count % 251 if dtype == "uint8" else count).astype(dtype)


def mask() -> Array:
    """0 where pixels are left out: a block, a column, and single ones."""
    valid = np.full((GRID.rows, GRID.cols), 255, np.uint8)
    valid[10:31, 20:45] = valid[:, 70] = valid[90::7, ::5] = 0
    return valid


def masked(path: Path, kind: str, dtype: str = "uint16", nodata: float | None = None) -> Path:
    """Write two bands with a mask; the second band is twice the first, or the alpha band."""
    first = pixels(dtype)
    second = mask().astype(dtype) if kind == "alpha" else first // 2
    profile: dict[str, Any] = {"photometric": "MINISBLACK"}
    if kind == "alpha":
        profile["alpha"] = "YES"
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind == "internal"),
        rasterio.open(
            path, "w", driver="GTiff", width=GRID.cols, height=GRID.rows, count=2, dtype=dtype,
            crs=GRID.crs, transform=from_origin(GRID.xmin, GRID.ymax, GRID.res, GRID.res),
            nodata=nodata, tiled=True, blockxsize=32, blockysize=32, **profile,
        ) as file,
    ):  # fmt: skip
        file.write(np.stack([first, second]))
        if kind == "alpha":
            file.colorinterp = (ColorInterp.gray, ColorInterp.alpha)
        else:
            file.write_mask(mask())
    assert Path(f"{path}.msk").exists() == (kind == "msk")
    return path


def read(directory: Path, path: Path, grid: Grid, method: str = "near", **asked: Any) -> Array:
    """Read it onto a grid in a run; directly, where that is its own."""
    controls = controls_of(asked.pop("style", "none"), 50)
    controls.setReferenceImage("base")
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    controls.setResampleMethod(method, imagename="image")
    controls.setAllowOverviewsGdalwarp(asked.pop("overviews", False))
    if asked.pop("mask", False):
        controls.setInputMask(imagename="image")
    if "nodata" in asked:
        controls.setInputNoDataValue(asked.pop("nodata"), imagename="image")
    if "bands" in asked:
        controls.selectInputImageLayers(asked.pop("bands"), imagename="image")
    assert not asked
    base = grid.raster(directory / "base.tif", texture(grid))
    return run(directory, controls, base=base, image=path)[0]


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("grid", [GRID, NEAR], ids=["direct", "warped"])
@pytest.mark.parametrize("nodata", [None, NODATA])
def test_a_mask_counts_in_neither(
    tmp_path: Path, kind: str, grid: Grid, nodata: float | None
) -> None:
    path = masked(tmp_path / "a.tif", kind, nodata=nodata)
    found = read(tmp_path, path, grid)
    with rasterio.open(path) as file:
        second = file.read(2)
    np.testing.assert_array_equal(found[0], pixels())
    np.testing.assert_array_equal(found[1], second)


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("grid", [GRID, NEAR], ids=["direct", "warped"])
def test_a_mask_counts_in_both_where_asked_for(
    tmp_path: Path, kind: str, grid: Grid, style: str
) -> None:
    path = masked(tmp_path / "a.tif", kind)
    found = read(tmp_path, path, grid, mask=True, nodata=NODATA, style=style)
    np.testing.assert_array_equal(found[0], np.where(mask() == 0, NODATA, pixels()))
    # an alpha band itself is all there
    expected = mask() if kind == "alpha" else np.where(mask() == 0, NODATA, pixels() // 2)
    np.testing.assert_array_equal(found[1], expected)


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        *(("uint8", 0), ("uint8", 255), ("int16", -5), ("uint32", 4294967295), ("int32", -(2**31))),
        *(("float32", float("nan")), ("float32", -9999), ("float64", 1e-300)),
        *(("int64", -(2**63)), ("int64", 2**62 + 1), ("int64", 0), ("uint64", 2**63 + 1)),
    ],
)
@pytest.mark.parametrize("grid", [GRID, NEAR], ids=["direct", "warped"])
def test_every_type_of_pixel(tmp_path: Path, dtype: str, nodata: float, grid: Grid) -> None:
    values = pixels("uint8").astype(dtype)
    if np.dtype(dtype).itemsize >= 4:
        # what a float of 32 bits would round
        values = values + np.array(2**24 + 1, dtype)
    path = GRID.raster(tmp_path / "a.tif", values[np.newaxis])
    with rasterio.open(path, "r+") as file:
        file.write_mask(mask())
    found = read(tmp_path, path, grid, mask=True, nodata=nodata)
    np.testing.assert_array_equal(found[0], np.where(mask() == 0, np.array(nodata, dtype), values))


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("asked", [False, True])
def test_what_a_mask_leaves_out_has_no_part_in_resampling_where_it_counts(
    tmp_path: Path, kind: str, asked: bool
) -> None:
    path = masked(tmp_path / "a.tif", kind)
    found = read(tmp_path, path, COARSE, "average", mask=asked, nodata=NODATA, bands=[1])[0]
    values, valid = pixels().astype(float), (mask() != 0) | (not asked)
    values[100, 100], valid[100, 100] = 0, False  # that of the nodata value
    four = (values * valid).reshape(60, 2, 65, 2).sum(axis=(1, 3))
    count = valid.reshape(60, 2, 65, 2).sum(axis=(1, 3))
    assert (count == 0).any() == asked
    expected = np.where(count == 0, NODATA, four / np.maximum(count, 1))
    np.testing.assert_allclose(found, expected, atol=0.51)


@pytest.mark.parametrize("grid", [GRID, NEAR], ids=["direct", "warped"])
def test_nodata_of_the_file_is_no_mask(tmp_path: Path, grid: Grid) -> None:
    path = GRID.raster(tmp_path / "a.tif", pixels()[np.newaxis], nodata=7)
    np.testing.assert_array_equal(read(tmp_path, path, grid, mask=True)[0], pixels())
    # another value has taken its place
    found = read(tmp_path, path, grid, mask=True, nodata=9)
    np.testing.assert_array_equal(found[0], pixels())


@pytest.mark.parametrize("grid", [GRID, NEAR], ids=["direct", "warped"])
@pytest.mark.parametrize("asked", [False, True])
def test_values_of_all_bands_together_are_a_mask(tmp_path: Path, grid: Grid, asked: bool) -> None:
    path = GRID.raster(tmp_path / "a.tif", np.stack([pixels(), pixels() + 1]))
    with rasterio.open(path, "r+") as file:
        file.update_tags(NODATA_VALUES="500 501")
    found = read(tmp_path, path, grid, mask=asked, nodata=NODATA)
    lost = (pixels() == 500) & asked
    np.testing.assert_array_equal(found[0], np.where(lost, NODATA, pixels()))
    np.testing.assert_array_equal(found[1], np.where(lost, NODATA, pixels() + 1))


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("asked", [False, True])
def test_overviews_and_masks(tmp_path: Path, kind: str, asked: bool) -> None:
    path = masked(tmp_path / "a.tif", kind)
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2], Resampling.nearest)
    with rasterio.open(path, OVERVIEW_LEVEL=0) as file:
        level = file.read(1)
    found = read(tmp_path, path, COARSE, "min", mask=asked, nodata=0, overviews=True, bands=[1])
    if not asked:
        np.testing.assert_array_equal(found[0], level)
    else:
        valid = np.where(mask() == 0, 2**16 - 1, pixels()).reshape(60, 2, 65, 2).min(axis=(1, 3))
        np.testing.assert_array_equal(found[0], np.where(valid == 2**16 - 1, 0, valid))


@pytest.mark.parametrize("kind", MASKS)
def test_a_mask_needs_a_nodata_value(tmp_path: Path, kind: str) -> None:
    path = masked(tmp_path / "a.tif", kind)
    words = r"setInputMask: band 1 of .*a\.tif' \(input 'image'\) .* setInputNoDataValue"
    with pytest.raises(rioserrors.ParameterError, match=words):
        read(tmp_path, path, GRID, mask=True)


def test_a_mask_of_complex_numbers_is_refused(tmp_path: Path) -> None:
    path = GRID.raster(tmp_path / "a.tif", pixels().astype("complex64")[np.newaxis], nodata=0)
    with rasterio.open(path, "r+") as file:
        file.write_mask(mask())
    assert read(tmp_path, path, NEAR).dtype == "complex64"
    with pytest.raises(rioserrors.ParameterError, match=r"setInputMask: band 1 .*complex64.*False"):
        read(tmp_path, path, GRID, mask=True)


def test_without_a_mask_none_is_needed(tmp_path: Path) -> None:
    path = GRID.raster(tmp_path / "a.tif", pixels()[np.newaxis])
    np.testing.assert_array_equal(read(tmp_path, path, GRID, mask=True)[0], pixels())


def test_one_file_with_its_mask_and_without(tmp_path: Path) -> None:
    path = masked(tmp_path / "a.tif", "msk", nodata=NODATA)
    controls = controls_of("threads 2-2", 50)
    controls.setInputMask(imagename="with")

    def both(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = np.stack([getattr(inputs, "with")[0], inputs.without[0]])

    found, _ = run(tmp_path, controls, both, **{"with": path, "without": path})
    np.testing.assert_array_equal(found[0], np.where(mask() == 0, NODATA, pixels()))
    np.testing.assert_array_equal(found[1], pixels())


@pytest.mark.parametrize("grid", [GRID, NEAR], ids=["direct", "warped"])
def test_scale_and_offset_are_not_applied(tmp_path: Path, grid: Grid) -> None:
    path = GRID.raster(tmp_path / "a.tif", pixels()[np.newaxis])
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.0001,), (-0.1,)
    shutil.copy(path, tmp_path / "b.tif")
    with rasterio.open(tmp_path / "b.tif") as file:
        assert (file.scales, file.offsets) == ((0.0001,), (-0.1,))
    found = read(tmp_path, tmp_path / "b.tif", grid)
    np.testing.assert_array_equal(found[0], pixels())
