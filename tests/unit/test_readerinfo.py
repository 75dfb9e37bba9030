"""What ``info`` tells, against values worked out by hand.

The grid has 23 x 17 pixels of 20 x 30 m, and blocks of 10 x 6 pixels with a margin of 2: 3 rows of
3 blocks, of which the last column is 3 pixels wide and the last row 5 pixels high.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.transform import from_origin

from rios_flows.controls import ApplierControls
from rios_flows.grid import BlockGrid, PixelGrid
from rios_flows.options import Options
from rios_flows.pixelgrid import PixelGridDefn
from rios_flows.plan import Plan, build_plan
from rios_flows.read import DatasetPool, read_input
from rios_flows.readerinfo import ReaderInfo
from rios_flows.structures import ApplierBlockDefn, BlockAssociations, FilenameAssociations

FIRST, MIDDLE, LAST = (0, 0), (1, 1), (2, 2)


def write(path: Path, dtype: str = "int16", bands: int = 1, nodata: float | None = None) -> Path:
    pixels = np.arange(bands * 17 * 23).reshape(bands, 17, 23).astype(dtype)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=23,
        height=17,
        count=bands,
        dtype=dtype,
        nodata=nodata,
        crs="EPSG:32633",
        transform=from_origin(500000, 7000000, 20, 30),
    ) as dataset:
        dataset.write(pixels)
    return path


Setup = Callable[[FilenameAssociations, ApplierControls], None]


class Scene:
    """A plan over one raster or more, and ``info`` and arrays of any of its blocks."""

    def __init__(self, folder: Path, setup: Setup | None = None, overlap: int = 2) -> None:
        infiles, controls = FilenameAssociations(), ApplierControls()
        controls.setWindowSize(10, 6)
        controls.setOverlap(overlap)
        if setup is None:
            infiles.image = write(folder / "image.tif")
        else:
            setup(infiles, controls)
        outfiles = FilenameAssociations()
        self.plan: Plan = build_plan(infiles, outfiles, controls.options(infiles, outfiles))

    def at(self, row: int, col: int) -> tuple[ReaderInfo, BlockAssociations]:
        block = self.plan.blocks[row * 3 + col]
        inputs = BlockAssociations(self.plan.infiles)
        with DatasetPool(10) as pool:
            for item in self.plan.inputs:
                inputs[item.source.key] = read_input(pool, self.plan, item, block)
        return ReaderInfo(self.plan, block, inputs), inputs


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_the_working_grid(scene: Scene) -> None:
    for where in (FIRST, MIDDLE, LAST):
        info, _ = scene.at(*where)
        assert (info.xsize, info.ysize) == info.getTotalSize() == (23, 17)
        assert info.getTransform() == (500000, 20, 0, 7000000, 0, -30)
        assert info.getPixelSize() == (20, 30)
        assert CRS.from_wkt(info.getProjection()) == CRS.from_epsg(32633)
        grid = info.workingGrid
        assert isinstance(grid, PixelGridDefn)
        assert (grid.xMin, grid.xMax, grid.yMin, grid.yMax) == (500000, 500460, 6999490, 7000000)
        assert (grid.xRes, grid.yRes) == (20, 30)
        assert grid.getDimensions() == (17, 23)


def test_the_cut_into_blocks(scene: Scene) -> None:
    for where in (FIRST, MIDDLE, LAST):
        info, _ = scene.at(*where)
        assert (info.windowxsize, info.windowysize) == info.getWindowSize() == (10, 6)
        assert info.overlap == info.getOverlapSize() == 2
        assert (info.xtotalblocks, info.ytotalblocks) == info.getTotalBlocks() == (3, 3)


@pytest.mark.parametrize(
    ("where", "size", "top_left", "bottom_right"),
    [
        ((0, 0), (10, 6), (500000, 7000000), (500200, 6999820)),
        ((0, 2), (3, 6), (500400, 7000000), (500460, 6999820)),
        ((1, 1), (10, 6), (500200, 6999820), (500400, 6999640)),
        ((2, 0), (10, 5), (500000, 6999640), (500200, 6999490)),
        ((2, 2), (3, 5), (500400, 6999640), (500460, 6999490)),
    ],
)
def test_one_block(
    scene: Scene,
    where: tuple[int, int],
    size: tuple[int, int],
    top_left: tuple[float, float],
    bottom_right: tuple[float, float],
) -> None:
    info, inputs = scene.at(*where)
    assert (info.yblock, info.xblock) == where
    assert info.getBlockCount() == where[::-1]
    assert (info.blockwidth, info.blockheight) == info.getBlockSize() == size
    assert inputs.image.shape == (1, size[1] + 4, size[0] + 4)
    assert (info.blocktl.x, info.blocktl.y) == top_left
    assert (info.blockbr.x, info.blockbr.y) == bottom_right


def test_the_stream_of_rios_scripts(scene: Scene) -> None:
    assert scene.at(*FIRST)[0].loggingstream is sys.stdout


def test_order_and_percent(scene: Scene) -> None:
    infos = [scene.at(row, col)[0] for row in range(3) for col in range(3)]
    assert [info.isFirstBlock() for info in infos] == [True] + 8 * [False]
    assert [info.isLastBlock() for info in infos] == 8 * [False] + [True]
    assert [info.getPercent() for info in infos] == [0, 11, 22, 33, 44, 55, 66, 77, 88]


def test_coordinates_of_a_corner_block(scene: Scene) -> None:
    info, inputs = scene.at(*FIRST)
    x, y = info.getBlockCoordArrays()
    assert x.shape == y.shape == inputs.image.shape[1:] == (10, 14)
    # two pixels outside the grid: -1.5 pixels of 20 and of 30 m from the corner
    assert (x[0, 0], y[0, 0]) == (499970, 7000045)
    # the first pixel of the grid
    assert (x[2, 2], y[2, 2]) == (500010, 6999985)
    assert (x[-1, -1], y[-1, -1]) == (500230, 6999775)
    np.testing.assert_array_equal(x, np.tile(499970 + 20 * np.arange(14), (10, 1)))
    np.testing.assert_array_equal(y, np.tile(7000045 - 30 * np.arange(10), (14, 1)).T)


def test_coordinates_of_a_cut_block(scene: Scene) -> None:
    info, _ = scene.at(*LAST)
    x, y = info.getBlockCoordArrays()
    assert x.shape == y.shape == (9, 7)
    # columns 18 to 24, and rows 10 to 18, of which the grid ends at 22 and 16
    np.testing.assert_array_equal(x[0], [500370, 500390, 500410, 500430, 500450, 500470, 500490])
    assert (y[0, 0], y[-1, 0]) == (6999685, 6999445)


def test_coordinate_arrays_are_the_users_own(scene: Scene) -> None:
    info, _ = scene.at(*FIRST)
    x, y = info.getBlockCoordArrays()
    x += 1
    y += 1
    again = info.getBlockCoordArrays()
    assert (again[0][0, 0], again[1][0, 0]) == (499970, 7000045)


@pytest.mark.parametrize(
    ("where", "point", "expected"),
    [
        # middle of the first pixel of the grid; the margin counts
        (FIRST, (500010, 6999985), (2, 2)),
        # its corners: an edge belongs to the pixel right of it and below
        (FIRST, (500000, 7000000), (2, 2)),
        (FIRST, (500020, 6999970), (3, 3)),
        # first and last pixel of the arrays
        (FIRST, (499960, 7000060), (0, 0)),
        (FIRST, (500239.9, 6999760.1), (9, 13)),
        # half a pixel outside on each side: RIOS would take the upper left ones for pixel 0
        (FIRST, (499950, 7000045), (None, None)),
        (FIRST, (499970, 7000075), (None, None)),
        (FIRST, (500250, 6999985), (None, None)),
        (FIRST, (500010, 6999745), (None, None)),
        # the edge just behind the last pixel: RIOS would give an index past the end
        (FIRST, (500240, 6999985), (None, None)),
        (FIRST, (500010, 6999760), (None, None)),
        (MIDDLE, (500210, 6999805), (2, 2)),
        (MIDDLE, (500161, 6999879), (0, 0)),
        # a cut block ends earlier: 7 columns and 9 rows
        (LAST, (500499, 6999431), (8, 6)),
        (LAST, (500501, 6999431), (None, None)),
        (LAST, (500499, 6999429), (None, None)),
        (LAST, (0, 0), (None, None)),
        (LAST, (float("nan"), 6999500), (None, None)),
        (LAST, (500420, float("inf")), (None, None)),
    ],
)
def test_pixel_of_a_point(
    scene: Scene,
    where: tuple[int, int],
    point: tuple[float, float],
    expected: tuple[int | None, int | None],
) -> None:
    info, _ = scene.at(*where)
    assert info.getPixRowColBlock(*point) == expected


def test_pixel_of_a_point_is_where_its_value_is(scene: Scene) -> None:
    # the raster counts its pixels row by row
    for where in (FIRST, MIDDLE, LAST):
        info, inputs = scene.at(*where)
        x, y = info.getBlockCoordArrays()
        for row, col in np.ndindex(x.shape):
            assert info.getPixRowColBlock(x.item(row, col), y.item(row, col)) == (row, col)
            col_grid, row_grid = info.getPixColRow(col, row)
            if 0 <= col_grid < 23 and 0 <= row_grid < 17:
                assert inputs.image[0, row, col] == row_grid * 23 + col_grid


def test_negative_coordinates() -> None:
    # a grid west and south of the origin, in degrees
    info = small_info(PixelGrid(-10.5, -20.25, 0.25, 0.25, 8, 8))
    assert info.getPixRowColBlock(-10.4, -20.3) == (0, 0)
    assert info.getPixRowColBlock(-10.6, -20.3) == (None, None)
    assert info.getPixRowColBlock(-10.4, -20.2) == (None, None)
    assert info.getPixRowColBlock(-9.55, -21.2) == (3, 3)
    assert info.getPixRowColBlock(-9.5, -21.2) == (None, None)


@pytest.mark.parametrize("origin", [147.1, -0.3, 1e5 / 3])
@pytest.mark.parametrize("res", [0.1, 0.00025, 1 / 3, 300.0379266750948])
def test_rounding_does_not_move_a_corner_out_of_its_block(origin: float, res: float) -> None:
    grid = PixelGrid(origin, origin, res, res, 4000, 4000)
    blocks = BlockGrid(4000, 4000, (7, 7))
    for index in range(0, len(blocks), 997):
        info = small_info(grid, blocks, blocks[index])
        assert info.getPixRowColBlock(*info.blocktl) == (0, 0)
        assert info.getPixRowColBlock(*info.blockbr) == (None, None)


def small_info(
    grid: PixelGrid, blocks: BlockGrid | None = None, block: ApplierBlockDefn | None = None
) -> ReaderInfo:
    blocks = blocks or BlockGrid(grid.ncols, grid.nrows, (4, 4))
    nothing = FilenameAssociations()
    plan = Plan(grid, blocks, (), (), nothing, nothing, Options())
    return ReaderInfo(plan, block or blocks[0])


@pytest.mark.parametrize(
    ("where", "pixel", "expected"),
    [
        (FIRST, (0, 0), (-2, -2)),
        (FIRST, (2, 2), (0, 0)),
        (MIDDLE, (2, 2), (10, 6)),
        (MIDDLE, (0, 5), (8, 9)),
        (LAST, (6, 8), (24, 18)),
    ],
)
def test_place_in_the_grid(
    scene: Scene, where: tuple[int, int], pixel: tuple[int, int], expected: tuple[int, int]
) -> None:
    info, _ = scene.at(*where)
    assert info.getPixColRow(*pixel) == expected


def test_place_in_the_grid_without_overlap(tmp_path: Path) -> None:
    info, inputs = Scene(tmp_path, overlap=0).at(*MIDDLE)
    assert info.getOverlapSize() == 0
    assert info.getPixColRow(0, 0) == (10, 6)
    assert info.getPixRowColBlock(500200, 6999820) == (0, 0)
    assert inputs.image.shape == (1, 6, 10)
    assert info.getBlockCoordArrays()[0][0, 0] == 500210


def several(tmp_path: Path) -> Scene:
    def setup(infiles: FilenameAssociations, controls: ApplierControls) -> None:
        infiles.dem = write(tmp_path / "dem.tif", "float32", nodata=-1)
        infiles.dates = [
            write(tmp_path / "may.tif", nodata=7),
            str(write(tmp_path / "june.tif", bands=3, nodata=255)),
        ]
        infiles.again = tmp_path / "may.tif"

    return Scene(tmp_path, setup)


def test_file_of_an_array(tmp_path: Path) -> None:
    info, inputs = several(tmp_path).at(*MIDDLE)
    may, june, dem = (str(tmp_path / name) for name in ("may.tif", "june.tif", "dem.tif"))
    assert info.getFilenameFor(inputs.dem) == dem
    assert [info.getFilenameFor(array) for array in inputs.dates] == [may, june]
    assert info.getFilenameFor(inputs.again) == may
    # views, and views of them
    assert info.getFilenameFor(inputs.dates[1][2]) == june
    assert info.getFilenameFor(inputs.dates[1][1:, ::2].T[0]) == june
    assert info.getFilenameFor(inputs.dem.reshape(-1)) == dem
    for stranger in (inputs.dem.copy(), inputs.dem + 1, np.zeros(3)):
        with pytest.raises(KeyError, match="not an input of this block"):
            info.getFilenameFor(stranger)
    assert info.filenameLookup == {
        id(inputs.dem): dem,
        id(inputs.dates[0]): may,
        id(inputs.dates[1]): june,
        id(inputs.again): may,
    }


def test_an_array_is_known_after_another_took_its_place(tmp_path: Path) -> None:
    info, inputs = several(tmp_path).at(*MIDDLE)
    original = inputs.dem
    inputs.dem = original * 2
    inputs.dates.clear()
    del inputs.again
    assert info.getFilenameFor(original) == str(tmp_path / "dem.tif")
    assert info.getNoDataValueFor(original) == -1
    with pytest.raises(KeyError):
        info.getFilenameFor(inputs.dem)


def test_info_without_arrays_knows_no_file(scene: Scene) -> None:
    info = ReaderInfo(scene.plan, scene.plan.blocks[0])
    with pytest.raises(KeyError):
        info.getFilenameFor(np.zeros(3))
    assert info.filenameLookup == {}
    assert info.nullvalLookup == {}


def nodata(info: ReaderInfo, array: Any, band: int = 1) -> tuple[Any, str] | None:
    """Return value and type of a nodata value; checks that it has no dimension."""
    value = info.getNoDataValueFor(array, band)
    if value is None:
        return None
    assert value.shape == ()
    return value.item(), value.dtype.name


def test_nodata_of_files(tmp_path: Path) -> None:
    info, inputs = several(tmp_path).at(*FIRST)
    assert nodata(info, inputs.dem) == (-1.0, "float32")
    assert nodata(info, inputs.dates[0]) == (7, "int16")
    assert nodata(info, inputs.dates[1]) == nodata(info, inputs.dates[1], 3) == (255, "int16")
    assert nodata(info, inputs.dates[1][1]) == (255, "int16")
    for band in (0, 4):
        with pytest.raises(IndexError, match=f"band {band} of an array with 3 bands"):
            info.getNoDataValueFor(inputs.dates[1], band)
    with pytest.raises(KeyError):
        info.getNoDataValueFor(inputs.dem + 1)
    assert info.nullvalLookup[id(inputs.dates[1])] == (255, 255, 255)


def test_nodata_fills_what_lies_outside(tmp_path: Path) -> None:
    _, inputs = several(tmp_path).at(*FIRST)
    assert (inputs.dem[:, :2] == -1).all()
    assert (inputs.dates[1][:, :, :2] == 255).all()
    assert inputs.dates[1][:, 2, 2].tolist() == [0, 17 * 23, 2 * 17 * 23]


def test_nodata_of_selected_bands(tmp_path: Path) -> None:
    def setup(infiles: FilenameAssociations, controls: ApplierControls) -> None:
        infiles.image = write(tmp_path / "image.tif", bands=3)
        controls.selectInputImageLayers([3, 1])
        controls.setInputNoDataValue([30, 10])

    info, inputs = Scene(tmp_path, setup).at(*FIRST)
    # bands of the array, not of the file
    assert nodata(info, inputs.image, 1) == (30, "int16")
    assert nodata(info, inputs.image, 2) == (10, "int16")
    assert inputs.image[:, 0, 0].tolist() == [30, 10]
    assert inputs.image[:, 2, 2].tolist() == [2 * 17 * 23, 0]


@pytest.mark.parametrize(
    ("dtype", "value", "expected", "fill"),
    [
        ("int16", -32768, -32768, -32768),
        ("uint8", 255.0, 255, 255),
        ("float32", 0.1, float(np.float32(0.1)), np.float32(0.1)),
        ("float64", 1e300, 1e300, 1e300),
        ("float32", float("inf"), float("inf"), np.inf),
        # no pixel of this type can have these values
        ("uint8", -9999, None, 0),
        ("uint8", 256, None, 0),
        ("int16", 0.5, None, 0),
        ("int16", float("nan"), None, 0),
        ("int16", float("inf"), None, 0),
        ("float32", 1e300, None, 0),
    ],
)
def test_nodata_in_the_type_of_the_array(
    tmp_path: Path, dtype: str, value: float, expected: Any, fill: Any
) -> None:
    def setup(infiles: FilenameAssociations, controls: ApplierControls) -> None:
        infiles.image = write(tmp_path / "image.tif", dtype, nodata=3)
        controls.setInputNoDataValue(value, imagename="image")

    info, inputs = Scene(tmp_path, setup).at(*FIRST)
    assert nodata(info, inputs.image) == (None if expected is None else (expected, dtype))
    assert inputs.image.dtype == dtype
    assert (inputs.image[0, :2] == fill).all()


def test_nodata_that_is_not_a_number(tmp_path: Path) -> None:
    def setup(infiles: FilenameAssociations, controls: ApplierControls) -> None:
        infiles.image = write(tmp_path / "image.tif", "float32", nodata=float("nan"))

    info, inputs = Scene(tmp_path, setup).at(*FIRST)
    found = info.getNoDataValueFor(inputs.image)
    assert found is not None
    assert np.isnan(found)
    assert np.isnan(inputs.image[0, :2]).all()
    assert not np.isnan(inputs.image[0, 2:, 2:]).any()


def test_no_nodata(scene: Scene) -> None:
    info, inputs = scene.at(*FIRST)
    assert info.getNoDataValueFor(inputs.image) is None
    assert (inputs.image[0, :2] == 0).all()
    assert info.nullvalLookup == {id(inputs.image): (None,)}
