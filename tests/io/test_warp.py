"""Inputs on another grid: the same pixels however they are read, and at the right places."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.shutil import copy
from rasterio.transform import from_origin
from rasterio.warp import reproject, transform_bounds
from rasterio.windows import Window

from rios_flows import rioserrors
from rios_flows.geometry.crs import transform_points
from rios_flows.grid import BlockGrid, PixelGrid
from rios_flows.inputs.sources import RasterSource, open_source
from rios_flows.inputs.warp import MARGIN, READ_OPTIONS, WarpPlan, open_warped, plan_warp
from rios_flows.inputs.warpscale import Scale, warp_scale
from rios_flows.inputs.warpvrt import METHODS, POSITION_ERROR, TILE
from rios_flows.options import InputOptions
from rios_flows.settings import RESAMPLE_METHODS

Array = NDArray[Any]

#: rasterio's names where they are not gdalwarp's
NAMES = {"near": "nearest", "cubicspline": "cubic_spline"}
SIZE = 640


def write(path: Path, pixels: Array, crs: str = "EPSG:32755", **profile: Any) -> str:
    transform = profile.pop("transform", from_origin(300000, 6000000, 30, 30))
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=pixels.shape[2],
        height=pixels.shape[1],
        count=pixels.shape[0],
        dtype=pixels.dtype,
        crs=crs,
        transform=transform,
        tiled=True,
        **profile,
    ) as file:
        file.write(pixels)
    return str(path)


def texture(bands: int = 1, size: int = SIZE, dtype: str = "uint16") -> Array:
    """Pixels that no two positions share, and that change much from one to the next."""
    return np.random.default_rng(7).integers(1, 60000, (bands, size, size)).astype(dtype)


def source_of(path: str, **options: Any) -> RasterSource:
    return open_source(("image", None), path, InputOptions(**options))


def inner_grid(source: PixelGrid, crs: str, factor: float = 1.0, cut: float = 0.12) -> PixelGrid:
    """A grid within the source in another CRS, pixels about ``factor`` times as large."""
    xmin, ymin, xmax, ymax = transform_bounds(source.crs, crs, *source.bounds)
    width, height = xmax - xmin, ymax - ymin
    res = factor * (width * height / (source.ncols * source.nrows)) ** 0.5
    return PixelGrid(
        xmin + width * cut,
        ymax - height * cut,
        res,
        res,
        int(width * (1 - 2 * cut) / res),
        int(height * (1 - 2 * cut) / res),
        CRS.from_user_input(crs).to_wkt(),
    )


def whole(plan: WarpPlan, margin: int = 0) -> Array:
    """The working grid and a margin, in one read."""
    outside = plan.margin - margin
    ncols, nrows = plan.grid.ncols - 2 * outside, plan.grid.nrows - 2 * outside
    with rasterio.Env(**READ_OPTIONS), open_warped(plan) as warped:
        window = Window(outside, outside, ncols, nrows)
        pixels: Array = warped.read(window=window)
        return pixels


def one_call(path: str, grid: PixelGrid, method: str, band: int = 1, **extra: Any) -> Array:
    """What GDAL makes of it when it warps the whole image at once."""
    with rasterio.open(path) as file:
        out = np.zeros((grid.nrows, grid.ncols), file.dtypes[0])
        reproject(
            rasterio.band(file, band),
            out,
            dst_transform=grid.transform,
            dst_crs=grid.crs,
            resampling=Resampling[NAMES.get(method, method)],
            warp_mem_limit=1000,
            **extra,
        )
        return out


def in_blocks(plan: WarpPlan, size: tuple[int, int], overlap: int, threads: int) -> Array:
    """Put the working grid together from blocks with margins, read in any order by some threads."""
    ncols, nrows = plan.grid.ncols - 2 * MARGIN, plan.grid.nrows - 2 * MARGIN
    out = np.zeros((1, nrows, ncols), plan.definition.dtype)
    blocks = list(BlockGrid(ncols, nrows, size))
    np.random.default_rng(3).shuffle(blocks)

    def lane(number: int) -> None:
        with rasterio.Env(**READ_OPTIONS), open_warped(plan) as warped:
            for top, left, height, width in blocks[number::threads]:
                window = Window(
                    MARGIN + left - overlap,
                    MARGIN + top - overlap,
                    width + 2 * overlap,
                    height + 2 * overlap,
                )
                inner = slice(overlap, overlap + height), slice(overlap, overlap + width)
                out[:, top : top + height, left : left + width] = warped.read(window=window)[
                    :, *inner
                ]

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lane, range(threads)))
    return out


CUTS = [((256, 256), 0, 1), ((100, 100), 3, 2), ((37, 611), 0, 1), ((600, 600), 40, 3)]


@pytest.mark.parametrize("method", RESAMPLE_METHODS)
def test_every_cut_gives_the_same_pixels(tmp_path: Path, method: str) -> None:
    source = source_of(write(tmp_path / "a.tif", texture()))
    plan = plan_warp(source, inner_grid(source.grid, "EPSG:3577", 1.4), method)
    expected = whole(plan)
    assert len(np.unique(expected)) > 1000
    for cut in CUTS:
        np.testing.assert_array_equal(in_blocks(plan, *cut), expected)


@pytest.mark.parametrize("crs", ["EPSG:3577", "EPSG:4326", "EPSG:3857", "EPSG:32756", "EPSG:32755"])
@pytest.mark.parametrize("factor", [0.8, 1.0, 1.15, 1.3, 2.0, 3.3])
@pytest.mark.parametrize("cut", [0.0, 0.12])
def test_the_scale_is_what_gdal_takes_for_the_whole_image(
    tmp_path: Path, crs: str, factor: float, cut: float
) -> None:
    path = write(tmp_path / "a.tif", texture())
    source = source_of(path)
    grid = inner_grid(source.grid, crs, factor, cut)
    scale = warp_scale(source.grid, grid)
    told = one_call(path, grid, "cubic", XSCALE=repr(scale.x), YSCALE=repr(scale.y))
    np.testing.assert_array_equal(told, one_call(path, grid, "cubic"))


def positions(source: PixelGrid, grid: PixelGrid) -> tuple[Array, Array]:
    """Where in the source the middle of every pixel of a grid lies, exactly (pixels)."""
    columns, rows = np.meshgrid(np.arange(grid.ncols) + 0.5, np.arange(grid.nrows) + 0.5)
    x, y = grid.xmin + columns * grid.xres, grid.ymax - rows * grid.yres
    x, y = transform_points(grid.crs, source.crs, x.ravel(), y.ravel())
    return (
        ((x - source.xmin) / source.xres).reshape(columns.shape),
        ((source.ymax - y) / source.yres).reshape(columns.shape),
    )


def coordinates(size: int = SIZE) -> Array:
    """Two bands: column and row of the middle of every pixel."""
    rows, columns = np.mgrid[:size, :size] + 0.5
    return np.stack([columns, rows])


@pytest.mark.parametrize(
    ("crs", "transform", "target"),
    [
        ("EPSG:32755", from_origin(300000, 6000000, 30, 30), "EPSG:3577"),
        ("EPSG:32618", from_origin(300000, 2826915, 30, 30), "EPSG:3857"),
        ("EPSG:4326", from_origin(146, -30, 0.0003, 0.0003), "EPSG:32755"),
        ("EPSG:32755", from_origin(300000, 6000000, 500, 500), "EPSG:4326"),
    ],
)
@pytest.mark.parametrize("method", ["bilinear", "cubic"])
def test_positions_are_right_within_a_hundredth_of_a_pixel(
    tmp_path: Path, crs: str, transform: Any, target: str, method: str
) -> None:
    source = source_of(write(tmp_path / "a.tif", coordinates(), crs, transform=transform))
    # enlarged, so that interpolation of a plane is the position itself
    grid = inner_grid(source.grid, target, 0.7, cut=0.35)
    plan = plan_warp(source, grid, method)
    assert plan.definition.scale == Scale(1, 1)
    columns, rows = positions(source.grid, grid)
    np.testing.assert_allclose(whole(plan), [columns, rows], rtol=0, atol=POSITION_ERROR)


#: GDAL's default, which the whole image in one call has (pixels)
GDAL_ERROR = 0.125


@pytest.mark.parametrize("crs", ["EPSG:3577", "EPSG:4326", "EPSG:3857"])
def test_nearest_is_gdals_away_from_ties(tmp_path: Path, crs: str) -> None:
    path = write(tmp_path / "a.tif", texture())
    source = source_of(path)
    grid = inner_grid(source.grid, crs)
    ours, gdals = whole(plan_warp(source, grid, "near"))[0], one_call(path, grid, "near")
    columns, rows = positions(source.grid, grid)
    from_tie = np.minimum(abs(columns - np.round(columns)), abs(rows - np.round(rows)))
    sure = from_tie > GDAL_ERROR + POSITION_ERROR
    assert sure.mean() > 0.4
    np.testing.assert_array_equal(ours[sure], gdals[sure])
    # and against the exact position, within our own error
    exact = texture()[0][rows.astype(int), columns.astype(int)]
    sure = from_tie > POSITION_ERROR
    assert sure.mean() > 0.9
    np.testing.assert_array_equal(ours[sure], exact[sure])


@pytest.mark.parametrize("method", sorted(set(RESAMPLE_METHODS) - {"near", "sum"}))
@pytest.mark.parametrize("factor", [0.9, 1.3, 3.7])
def test_other_methods_are_gdals_within_the_position_error(
    tmp_path: Path, method: str, factor: float
) -> None:
    # on a slope of one to a pixel, values differ by as much as positions do
    path = write(tmp_path / "a.tif", coordinates()[:1])
    source = source_of(path)
    grid = inner_grid(source.grid, "EPSG:3577", factor)
    apart = np.abs(whole(plan_warp(source, grid, method))[0] - one_call(path, grid, method))
    if method in ("mode", "max", "min", "med", "q1", "q3"):
        # these choose a pixel of the source, and near its edge they choose the next
        assert (apart > 0).mean() < 0.25
        assert apart.max() <= 2
    else:
        assert apart.max() <= 2 * (GDAL_ERROR + POSITION_ERROR)


@pytest.mark.parametrize("method", ["near", "bilinear", "average", "mode"])
def test_a_whole_factor_in_one_crs_is_plain_arithmetic(tmp_path: Path, method: str) -> None:
    pixels = texture(dtype="float64")
    source = source_of(write(tmp_path / "a.tif", pixels))
    grid = PixelGrid(300000 + 120, 6000000 - 240, 60, 60, 200, 200, source.grid.crs)
    found = whole(plan_warp(source, grid, method))[0]
    quads = pixels[0, 8 : 8 + 400, 4 : 4 + 400].reshape(200, 2, 200, 2).swapaxes(1, 2)
    if method == "average":
        np.testing.assert_allclose(found, quads.mean(axis=(2, 3)))
    elif method == "near":
        # the middle is a tie, which GDAL gives to the right and below
        np.testing.assert_array_equal(found, quads[:, :, 1, 1])
    else:
        low, high = pixels.min(), pixels.max()
        assert low <= found.min() < found.max() <= high


def test_the_outer_margin_has_real_pixels(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.tif", texture()))
    large = inner_grid(source.grid, "EPSG:3577", cut=0.12)
    margin = 40
    small = PixelGrid(
        large.xmin + margin * large.xres,
        large.ymax - margin * large.yres,
        large.xres,
        large.yres,
        large.ncols - 2 * margin,
        large.nrows - 2 * margin,
        large.crs,
    )
    found = whole(plan_warp(source, small, "near"), margin)
    assert (found > 0).all()
    columns, rows = positions(source.grid, large)
    exact = texture()[0][rows.astype(int), columns.astype(int)]
    assert (found[0] == exact).mean() > 0.97


@pytest.mark.parametrize("method", ["near", "cubic", "average"])
@pytest.mark.parametrize("overlap", [0, 3, 1500, MARGIN, MARGIN + 1])
def test_every_overlap_gives_the_same_pixels(tmp_path: Path, method: str, overlap: int) -> None:
    # neither the size of its pixels nor its corner is a round number
    pixels, corner = texture(dtype="float64"), from_origin(300000.123, 6000000.7, 30.1, 29.7)
    source = source_of(write(tmp_path / "a.tif", pixels, transform=corner))
    for crs in ("EPSG:3577", "EPSG:32755"):
        grid = inner_grid(source.grid, crs, 1.4)
        plan = plan_warp(source, grid, method, overlap=overlap)
        assert -plan.offset[0] >= overlap
        assert plan.offset[0] % TILE == plan.offset[1] % TILE == 0
        expected = whole(plan_warp(source, grid, method))
        if overlap <= MARGIN:
            np.testing.assert_array_equal(whole(plan), expected)
        else:
            np.testing.assert_allclose(whole(plan), expected, rtol=1e-5)


def test_a_large_margin_has_real_pixels_up_to_its_edge(tmp_path: Path) -> None:
    overlap = 1500
    pixels = texture(size=2 * overlap + 400, dtype="uint8")
    source = source_of(write(tmp_path / "a.tif", pixels))
    # a third of a pixel off, which nearest neighbour does not see
    corner = overlap + 100
    grid = PixelGrid(300010 + corner * 30, 6000010 - corner * 30, 30, 30, 100, 100, source.grid.crs)
    found = whole(plan_warp(source, grid, "near", overlap=overlap), overlap)
    np.testing.assert_array_equal(found, pixels[:, 100:-200, 100:-200])


def test_outside_the_file_and_where_it_has_none_is_nodata(tmp_path: Path) -> None:
    pixels = texture()
    pixels[pixels == 99] = 98
    pixels[0, 200:300, 200:300] = 99
    source = source_of(write(tmp_path / "a.tif", pixels, nodata=99))
    grid = inner_grid(source.grid, "EPSG:3577", cut=-0.2)
    found = whole(plan_warp(source, grid, "cubic"))[0]
    columns, rows = positions(source.grid, grid)
    outside = (columns < -3) | (columns > SIZE + 3) | (rows < -3) | (rows > SIZE + 3)
    hole = (columns > 203) & (columns < 297) & (rows > 203) & (rows < 297)
    inside = (columns > 3) & (columns < 197) & (rows > 3) & (rows < SIZE - 3)
    assert outside.any()
    assert (found[outside] == 99).all()
    assert (found[hole] == 99).all()
    assert (found[inside] != 99).all()


def test_without_nodata_outside_is_zero(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.tif", texture()))
    found = whole(plan_warp(source, inner_grid(source.grid, "EPSG:3577", cut=-0.2), "bilinear"))[0]
    assert (found[0] == 0).all()
    assert (found[found.shape[0] // 2, found.shape[1] // 2] != 0).all()


@pytest.mark.parametrize("method", ["near", "cubic", "average"])
def test_each_band_has_its_own_nodata(tmp_path: Path, method: str) -> None:
    pixels = np.full((3, SIZE, SIZE), 1000.0, dtype=np.float32)
    pixels[0, 100:200, 100:200] = -9999
    pixels[1, 300:400, 300:400] = np.nan
    pixels[2, 500:, :] = -7777
    path = write(tmp_path / "a.tif", pixels)
    values = (-9999.0, float("nan"), None)
    together = source_of(path, nodata=None)
    together = replace(together, bands=(1, 2, 3), nodata=values)
    grid = inner_grid(together.grid, "EPSG:3577", 1.5)
    found = whole(plan_warp(together, grid, method))
    # nothing of a nodata value gets into its neighbours
    assert set(np.unique(found[0])) == {-9999.0, 1000.0}
    assert np.nanmin(found[1]) == np.nanmax(found[1]) == 1000
    assert np.isnan(found[1]).any()
    # where there is no nodata value, -7777 is data
    assert found[2].min() <= -7777 + 1e-3
    for band in (1, 2, 3):
        alone = replace(together, bands=(band,), dtypes=("float32",), nodata=(values[band - 1],))
        single = whole(plan_warp(alone, grid, method))[0]
        same = (single == found[band - 1]) | (np.isnan(single) & np.isnan(found[band - 1]))
        if method == "cubic":
            # only at the rim of nodata that other bands do not share, interpolation reaches further
            assert (single[~same] == values[band - 1]).all() or np.isnan(single[~same]).all()
            assert same.mean() > 0.99
        else:
            assert same.all()


def test_only_selected_bands_are_there_in_their_order(tmp_path: Path) -> None:
    pixels = texture(4)
    path = write(tmp_path / "a.tif", pixels)
    source = source_of(path, layers=(4, 2))
    grid = inner_grid(source.grid, "EPSG:3577")
    found = whole(plan_warp(source, grid, "near"))
    columns, rows = positions(source.grid, grid)
    exact = pixels[:, rows.astype(int), columns.astype(int)]
    assert found.shape[0] == 2
    assert (found[0] == exact[3]).mean() > 0.97
    assert (found[1] == exact[1]).mean() > 0.97


@pytest.mark.parametrize(
    "dtype",
    [
        *("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
        *("float32", "float64", "complex64", "complex128"),
    ],
)
def test_every_type_of_pixel(tmp_path: Path, dtype: str) -> None:
    pixels = (np.arange(SIZE)[None, None, :] % 100 + np.zeros((1, SIZE, 1))).astype(dtype)
    source = source_of(write(tmp_path / "a.tif", pixels))
    grid = inner_grid(source.grid, "EPSG:3577")
    found = whole(plan_warp(source, grid, "near"))[0]
    columns, _ = positions(source.grid, grid)
    assert found.dtype == dtype
    assert (found == (columns.astype(int) % 100).astype(dtype)).mean() > 0.97


def test_a_nodata_value_that_the_type_cannot_hold_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", texture(dtype="uint8"))
    with rasterio.open(path) as file:
        copy(file, tmp_path / "a.vrt", driver="VRT")
    text = (tmp_path / "a.vrt").read_text()
    assert "<ColorInterp>" in text
    nodata = "<NoDataValue>-9999</NoDataValue><ColorInterp>"
    (tmp_path / "a.vrt").write_text(text.replace("<ColorInterp>", nodata))
    source = source_of(str(tmp_path / "a.vrt"))
    plan = plan_warp(source, inner_grid(source.grid, "EPSG:3577", cut=-0.1), "near")
    assert plan.definition.nodata == (None,)
    assert (whole(plan)[0][0] == 0).all()


def test_overviews_are_read_only_where_allowed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.full((1, SIZE, SIZE), 50, np.uint8))
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4, 8], Resampling.nearest)
    for level, value in enumerate([2, 4, 8]):
        with rasterio.open(path, "r+", OVERVIEW_LEVEL=level) as file:
            file.write(np.full((1, file.height, file.width), value, np.uint8))
    source = source_of(path)
    for factor, expected in [(1.0, 50), (1.5, 50), (2.5, 2), (5.0, 4), (30.0, 8)]:
        grid = inner_grid(source.grid, "EPSG:32756", factor)
        plan = plan_warp(source, grid, "bilinear", use_overviews=True)
        assert np.unique(whole(plan)).tolist() == [expected], factor
        assert np.unique(whole(plan_warp(source, grid, "bilinear"))).tolist() == [50]
    # and it lies where the file lies
    assert plan.definition.source.bounds == pytest.approx(source.grid.bounds)


def test_across_the_antimeridian(tmp_path: Path) -> None:
    # longitudes 176 to 184; UTM zone 1 begins at 180
    columns = np.broadcast_to(np.arange(800, dtype=np.float32), (1, 200, 800))
    path = write(
        tmp_path / "a.tif", columns, "EPSG:4326", transform=from_origin(176, 1, 0.01, 0.01)
    )
    source = source_of(path)
    utm = CRS.from_epsg(32601).to_wkt()
    grid = PixelGrid(80000, 50000, 1000, 1000, 300, 100, utm)
    found = whole(plan_warp(source, grid, "bilinear"))[0]
    x = grid.xmin + (np.arange(300.0) + 0.5) * 1000
    y = np.full(300, grid.ymax - 50.5 * 1000)
    longitude, _ = transform_points(utm, source.grid.crs, x, y)
    expected = (longitude % 360 - 176) / 0.01 - 0.5
    assert expected[0] < 500 < expected[-1]
    np.testing.assert_allclose(found[50], expected, atol=0.02)


def test_a_global_raster_keeps_its_sharpness_at_the_antimeridian(tmp_path: Path) -> None:
    world = np.random.default_rng(1).integers(1, 200, (1, 180, 360)).astype(np.uint8)
    path = write(tmp_path / "a.tif", world, "EPSG:4326", transform=from_origin(-180, 90, 1, 1))
    source = source_of(path)
    grid = PixelGrid(-100000, 500000, 20000, 20000, 50, 50, CRS.from_epsg(32601).to_wkt())
    scale = warp_scale(source.grid, grid)
    assert min(scale) > 0.9


def test_two_spellings_of_a_crs_need_no_reprojection(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.tif", texture(), "EPSG:28355"))
    esri = CRS.from_epsg(28355).to_wkt(version="WKT1_ESRI")
    grid = PixelGrid(300000 + 15, 6000000 - 15, 30, 30, 300, 300, esri)
    plan = plan_warp(source, grid, "bilinear")
    quads = np.lib.stride_tricks.sliding_window_view(texture()[0], (2, 2))[:300, :300]
    np.testing.assert_allclose(whole(plan)[0], quads.mean(axis=(2, 3)), atol=0.51)


def test_a_crs_on_one_side_only_is_refused(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.tif", texture(), ""))
    with pytest.raises(
        rioserrors.GdalWarpError, match=r"a\.tif' \(input 'image'\): .*no CRS.*edit"
    ):
        plan_warp(source, PixelGrid(0, 0, 1, 1, 9, 9, CRS.from_epsg(32755).to_wkt()), "near")


def test_a_grid_that_has_no_place_in_the_crs_of_the_input(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.tif", texture(), "EPSG:32755"))
    grid = PixelGrid(0, 95, 1, 1, 2, 2, CRS.from_epsg(4326).to_wkt())
    with pytest.raises(
        rioserrors.GdalWarpError, match=r"a\.tif' \(input 'image'\): .*no place|has a"
    ):
        plan_warp(source, grid, "near")


def test_no_crs_on_either_side_is_only_another_grid(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a.tif", texture(), ""))
    found = whole(plan_warp(source, PixelGrid(300000, 6000000, 90, 90, 100, 100), "near"))
    np.testing.assert_array_equal(found, texture()[:, 1:300:3, 1:300:3])


def test_a_plan_survives_pickling(tmp_path: Path) -> None:
    source = source_of(write(tmp_path / "a & <b>.tif", texture()))
    plan = plan_warp(source, inner_grid(source.grid, "EPSG:3577"), "cubic")
    again = pickle.loads(pickle.dumps(plan))
    assert again == plan
    np.testing.assert_array_equal(whole(again), whole(plan))


def test_every_method_that_the_controls_take_is_known() -> None:
    assert tuple(METHODS) == RESAMPLE_METHODS
