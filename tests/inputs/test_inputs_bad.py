"""Inputs that cannot be worked with: one clear error, before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.control import GroundControlPoint
from rasterio.rpc import RPC
from rasterio.shutil import copy
from rasterio.transform import Affine

from rios_flows import rioserrors
from rios_flows.basics.defaults import BOUNDS_FROM_REFERENCE, INTERSECTION, UNION
from rios_flows.controls.controls import ApplierControls
from tests.support.inputs import MERCATOR, Grid, controls_of, run, texture
from tests.support.vectors import write_vector

GRID = Grid(300000.0, 2800000.0, 30.0, 40, 50)
ZONE = shapely.box(300100, 2799000, 301000, 2799900)
Setting = Callable[[ApplierControls], None]


class Case:
    """A good raster beside something that is wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.controls = controls_of()
        self.image = GRID.raster(folder / "image.tif", texture(GRID))

    def fails(self, error: type[Exception], *words: str, **inputs: Any) -> None:
        inputs = {"image": self.image, **inputs}
        with pytest.raises(error) as caught:
            run(self.folder, self.controls, **inputs)
        message = str(caught.value)
        assert isinstance(caught.value, rioserrors.RiosError)
        for word in words:
            assert word in message
        assert "\n" not in message
        assert not (self.folder / "result.tif").exists()


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (GRID._replace(res=60.0), ["pixel size", "30", "60"]),
        (GRID._replace(xmin=300010.0), ["alignment", "10"]),
        (GRID._replace(crs="EPSG:32619"), ["CRS", "EPSG:32618", "EPSG:32619"]),
    ],
)
def test_grids_that_differ(case: Case, other: Grid, words: list[str]) -> None:
    path = other.raster(case.folder / "other.tif", texture(other))
    case.fails(
        rioserrors.ResampleNeededError,
        *("image.tif", "other.tif", "setReferenceImage", *words),
        other=path,
    )


def test_no_pixel_in_common(case: Case) -> None:
    far = GRID._replace(xmin=900000.0)
    path = far.raster(case.folder / "far.tif", texture(far))
    case.fails(
        rioserrors.IntersectionError,
        *("intersect", "UNION", "image.tif' (input 'image')", "far.tif' (input 'other')"),
        other=path,
    )


def test_of_many_files_those_are_named_that_do_not_meet(case: Case) -> None:
    # each meets its neighbours, and the first and the last do not meet
    paths = []
    for number in range(9):
        grid = GRID._replace(xmin=GRID.xmin + number * 7 * GRID.res)
        paths.append(grid.raster(case.folder / f"date{number}.tif", texture(grid)))
    with pytest.raises(rioserrors.IntersectionError) as caught:
        run(case.folder, case.controls, dates=paths)
    named = [number for number in range(9) if f"date{number}.tif" in str(caught.value)]
    assert named == [0, 8]
    assert "dates[8]" in str(caught.value)


def test_files_for_the_extent_that_do_not_meet(case: Case) -> None:
    far = GRID._replace(ymax=900000.0)
    path = far.raster(case.folder / "far.tif", texture(far))
    case.controls.setFilesForExtent([str(case.image), str(path)])
    case.fails(
        rioserrors.IntersectionError,
        "image.tif' (setFilesForExtent)",
        "far.tif' (setFilesForExtent)",
    )


def test_no_pixel_in_common_in_another_crs(case: Case) -> None:
    far = Grid(1e6, 5e6, 30, 40, 50, MERCATOR)
    case.controls.setReferenceImage("image")
    path = far.raster(case.folder / "far.tif", texture(far))
    case.fails(
        rioserrors.IntersectionError,
        *("intersect", "image.tif' (input 'image')", "far.tif' (input 'other')", MERCATOR),
        other=path,
    )


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (Affine.translation(3e5, 2.8e6) @ Affine.rotation(20) @ Affine.scale(30, -30), "rotated"),
        (Affine(30, 0, 3e5, 0, 30, 2.8e6), "north-up"),
        (Affine.identity(), "no georeferencing"),
    ],
)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_rasters_that_are_not_north_up(case: Case, transform: Affine, words: str) -> None:
    path = case.folder / "odd.tif"
    profile = {"driver": "GTiff", "width": 50, "height": 40, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", crs=GRID.crs, transform=transform, **profile) as file:
        file.write(np.ones((1, 40, 50), np.uint8))
    case.fails(rioserrors.FileOpenError, "odd.tif", "'other'", words, "gdal", other=path)


@pytest.mark.parametrize("numbers", ["0,0,0,0,0,0", "0,30,0,0,0,0", "nan,30,0,0,0,-30"])
def test_a_transform_that_says_nothing(case: Case, numbers: str) -> None:
    path = case.folder / "odd.vrt"
    path.write_text(
        f'<VRTDataset rasterXSize="5" rasterYSize="4"><GeoTransform>{numbers}</GeoTransform>'
        '<VRTRasterBand dataType="Byte" band="1"/></VRTDataset>'
    )
    words = "odd.vrt", "'other'", "no usable georeferencing", "gdal_edit.py"
    case.fails(rioserrors.FileOpenError, *words, other=path)


@pytest.mark.parametrize("footprint", [INTERSECTION, UNION, BOUNDS_FROM_REFERENCE])
def test_a_crs_on_one_side_only(case: Case, footprint: int) -> None:
    bare = GRID._replace(crs=None)
    case.controls.setReferenceImage("image")
    case.controls.setFootprintType(footprint)
    paths = [case.image] * 3 + [bare.raster(case.folder / "bare.tif", texture(bare))]
    words = "bare.tif' (input 'dates[3]')", "no CRS", "gdal_edit.py -a_srs"
    case.fails(rioserrors.GdalWarpError, *words, dates=paths)


def test_a_reference_without_a_crs(case: Case) -> None:
    bare = GRID._replace(crs=None)
    path = bare.raster(case.folder / "bare.tif", texture(bare))
    case.controls.setReferenceImage(str(path))
    case.fails(rioserrors.GdalWarpError, "image.tif' (input 'image')", "no CRS")


@pytest.mark.parametrize("kind", ["ground control points", "sensor model"])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_raster_that_is_placed_by_no_grid(case: Case, kind: str) -> None:
    path = case.folder / "raw.tif"
    profile = {"driver": "GTiff", "width": 50, "height": 40, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", **profile) as file:
        file.write(np.ones((1, 40, 50), np.uint8))
        if kind == "sensor model":
            numbers = {"line": 20, "samp": 25, "lat": 25, "long": -75, "height": 0}
            file.rpcs = RPC(
                **{f"{name}_off": number for name, number in numbers.items()},
                **{f"{name}_scale": 1 for name in numbers},
                **{
                    f"{name}_coeff": [1.0] + [0.0] * 19
                    for name in ("line_num", "line_den", "samp_num", "samp_den")
                },
            )
        else:
            corners = [(0, 0), (0, 50), (40, 0), (40, 50)]
            points = [
                GroundControlPoint(row, col, 3e5 + col * 30, 2.8e6 - row * 30)
                for row, col in corners
            ]
            file.gcps = points, rasterio.CRS.from_string(str(GRID.crs))
    case.fails(
        rioserrors.FileOpenError,
        *("raw.tif", "'other'", "ground control points or a sensor model", "gdalwarp -t_srs"),
        other=path,
    )


def test_a_vector_without_crs(case: Case) -> None:
    path = write_vector(case.folder / "bare.gpkg", [ZONE], None)
    case.fails(rioserrors.VectorProjectionError, "bare.gpkg", "'zones'", "ogr2ogr", zones=path)


@pytest.mark.parametrize(
    ("setting", "error", "words"),
    [
        (
            lambda controls: controls.setVectorlayer("roads", vectorname="zones"),
            rioserrors.VectorLayerError,
            ["'roads' not found", "it has zones"],
        ),
        (
            lambda controls: controls.setVectorlayer(4, vectorname="zones"),
            rioserrors.VectorLayerError,
            ["number 4 not found"],
        ),
        (
            lambda controls: controls.setBurnAttribute("hight"),
            rioserrors.VectorAttributeError,
            ["'hight'", "it has height, name"],
        ),
        (
            lambda controls: controls.setBurnAttribute("name"),
            rioserrors.VectorAttributeError,
            ["'name'", "no number"],
        ),
        (
            lambda controls: controls.setFilterSQL("height >> 'a"),
            rioserrors.ParameterError,
            ["setFilterSQL", "height >> 'a"],
        ),
        (
            lambda controls: controls.setFilterSQL("colour = 2"),
            rioserrors.ParameterError,
            ["setFilterSQL", "colour = 2"],
        ),
        (
            lambda controls: controls.setBurnValue(256),
            rioserrors.ParameterError,
            ["setBurnValue", "256", "uint8", "setVectorDatatype"],
        ),
        (
            lambda controls: controls.setVectorNull(-1),
            rioserrors.ParameterError,
            ["setVectorNull", "-1", "uint8"],
        ),
    ],
)
def test_settings_that_do_not_fit_the_layer(
    case: Case, setting: Setting, error: type[Exception], words: list[str]
) -> None:
    path = write_vector(case.folder / "zones.gpkg", [ZONE], GRID.crs, height=[3], name=["a"])
    setting(case.controls)
    case.fails(error, "zones.gpkg", *words, zones=path)


def test_a_value_that_the_type_of_pixels_cannot_hold(case: Case) -> None:
    path = write_vector(case.folder / "zones.gpkg", [ZONE], GRID.crs, height=[3000])
    case.controls.setBurnAttribute("height")
    case.fails(rioserrors.VectorAttributeError, "zones.gpkg", "3000", "uint8", zones=path)


def test_a_table_without_geometry(case: Case) -> None:
    path = case.folder / "table.csv"
    path.write_text("a,b\n1,2\n")
    case.fails(rioserrors.VectorGeometryTypeError, "table.csv", "no geometry", zones=path)


def test_neither_raster_nor_vector(case: Case) -> None:
    path = case.folder / "notes.txt"
    path.write_text("nothing to see")
    case.fails(rioserrors.FileOpenError, "notes.txt", "'zones'", zones=path)


def test_a_missing_file(case: Case) -> None:
    missing = case.folder / "nowhere.gpkg"
    case.fails(rioserrors.FileOpenError, "nowhere.gpkg", "no such file", zones=missing)


def test_a_reference_that_is_nothing(case: Case) -> None:
    case.controls.setReferenceImage("imgae")
    case.fails(rioserrors.FileOpenError, "setReferenceImage", "imgae")


def test_a_file_for_the_extent_that_is_nothing(case: Case) -> None:
    case.controls.setFilesForExtent([str(case.folder / "nowhere.tif")])
    case.fails(rioserrors.FileOpenError, "setFilesForExtent", "nowhere.tif")


def test_bounds_of_no_reference(case: Case) -> None:
    case.controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    with pytest.raises(ValueError, match="setReferencePixgrid"):
        run(case.folder, case.controls)


def test_vectors_alone_without_a_reference(case: Case) -> None:
    path = write_vector(case.folder / "zones.gpkg", [ZONE], GRID.crs)
    with pytest.raises(ValueError, match="setReferenceImage"):
        run(case.folder, case.controls, zones=path)


def test_too_few_nodata_values(case: Case) -> None:
    case.controls.setInputNoDataValue([1, 2], imagename="image")
    case.fails(rioserrors.ParameterError, "setInputNoDataValue", "1 bands", "2 values")


# what looks odd, and is none the less in order


def shown(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.zones


def test_an_empty_layer_is_null_everywhere(case: Case) -> None:
    path = write_vector(case.folder / "zones.gpkg", [ZONE], GRID.crs, kind=[1])
    case.controls.setFilterSQL("kind = 99")
    case.controls.setVectorNull(9)
    found, _ = run(case.folder, case.controls, shown, image=case.image, zones=path)
    assert (found == 9).all()
    empty = case.folder / "empty.geojson"
    empty.write_text('{"type": "FeatureCollection", "features": []}')
    case.controls = controls_of()
    found, _ = run(case.folder, case.controls, shown, image=case.image, zones=empty)
    assert (found == 0).all()


def test_geometries_of_several_types_are_all_burnt(case: Case) -> None:
    line = shapely.LineString([(300015, 2798985), (301200, 2798985)])
    path = write_vector(case.folder / "zones.gpkg", [ZONE, line, shapely.Point(301485, 2799985)])
    grid = GRID._replace(crs="EPSG:32755")
    case.image = grid.raster(case.folder / "image.tif", texture(grid))
    found, _ = run(case.folder, case.controls, shown, image=case.image, zones=path)
    assert found[0, 0, 49] == found[0, 10, 10] == found[0, 33, 20] == 1


@pytest.mark.parametrize("nodata", [-9999, 300, 0.5, float("nan")])
def test_a_nodata_value_outside_the_type_of_the_pixels(case: Case, nodata: float) -> None:
    case.image = GRID.raster(case.folder / "b.tif", texture(GRID, dtype="uint8"))
    words = "setInputNoDataValue", repr(nodata), "b.tif' (input 'image')", "uint8", "band 1"
    for given in (nodata, [nodata]):
        case.controls.setInputNoDataValue(given, imagename="image")
        case.fails(rioserrors.ParameterError, *words)
    # of two bands, only the second cannot have it
    case.image = GRID.raster(case.folder / "b.tif", texture(GRID, 2, dtype="uint8"))
    case.controls.setInputNoDataValue([255, nodata], imagename="image")
    case.fails(rioserrors.ParameterError, *words[:-1], "band 2")


@pytest.mark.parametrize("nodata", [-9999, 300, 0.5])
def test_a_nodata_value_in_a_file_that_no_pixel_can_have(case: Case, nodata: float) -> None:
    def look(info: Any, inputs: Any, outputs: Any) -> None:
        assert info.getNoDataValueFor(inputs.image) is None
        outputs.result = inputs.image

    pixels = texture(GRID, dtype="uint8")
    with rasterio.open(GRID.raster(case.folder / "b.tif", pixels)) as file:
        copy(file, case.folder / "b.vrt", driver="VRT")
    text = (case.folder / "b.vrt").read_text()
    assert text.count("<ColorInterp>") == 1
    given = f"<NoDataValue>{nodata}</NoDataValue><ColorInterp>"
    (case.folder / "b.vrt").write_text(text.replace("<ColorInterp>", given))
    found, _ = run(case.folder, case.controls, look, image=case.folder / "b.vrt")
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("interleave", ["BSQ", "BIP"])
def test_an_envi_file_that_is_cut_off(case: Case, interleave: str) -> None:
    path = case.folder / "cut.bil"
    copy(case.image, path, driver="ENVI", INTERLEAVE=interleave)
    with rasterio.open(case.image) as dataset:
        needed = 40 * 50 * sum(np.dtype(name).itemsize for name in dataset.dtypes)
    assert path.stat().st_size == needed
    with path.open("r+b") as file:
        file.truncate(needed - 1)
    case.fails(rioserrors.FileOpenError, f"{needed - 1:,} of the {needed:,} bytes", cut=path)
