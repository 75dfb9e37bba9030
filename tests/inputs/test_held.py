"""Inputs that are no files: arrays, DataArrays, open datasets, items of a catalogue."""

from __future__ import annotations

import math
import pickle
from datetime import datetime
from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import pystac
import pytest
import rasterio
import rioxarray
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from odc.geo.xr import wrap_xr
from rasterio.io import MemoryFile
from rasterio.transform import Affine, from_origin
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds

import rios_flows as rf
from rios_flows import applier, engine, rioserrors
from rios_flows.front.items import files_of_items
from rios_flows.inputs.dataarrays import raster_of
from rios_flows.inputs.datasets import DatasetPixels, entry_of
from rios_flows.inputs.held import told_apart
from rios_flows.inputs.raster import Raster
from rios_flows.inputs.stac import chosen_of
from tests.support.inputs import MERCATOR, UTM, Grid, texture
from tests.support.rasters import Array, read_raster
from tests.support.styles import STYLES

GRID = Grid(300000.1, 6000000.7, 30, rows=61, cols=83)
NAMES = ["blue", "green", "red"]
#: Another grid, which needs a warp.
OTHER = Grid(300345.6, 5999700.1, 41.3, rows=35, cols=30)


@pytest.fixture
def pixels() -> Array:
    found = texture(GRID, 3)
    found[:, 20:25, 30:41] = 0
    return found


@pytest.fixture
def scene(tmp_path: Path, pixels: Array) -> Path:
    path = GRID.raster(tmp_path / "scene.tif", pixels, nodata=0)
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = NAMES
    return path


def transform_of(grid: Grid) -> Affine:
    return from_origin(grid.xmin, grid.ymax, grid.res, grid.res)


def raster(path: Path, pixels: Array) -> Any:
    return rf.Raster(pixels, transform_of(GRID), UTM, nodata=0, names=NAMES)


def upside_down(path: Path, pixels: Array) -> Any:
    turned = transform_of(GRID) @ Affine.translation(GRID.cols, GRID.rows) @ Affine.scale(-1, -1)
    return rf.Raster(pixels[:, ::-1, ::-1], turned, UTM, nodata=0, names=NAMES)


def masked_array(path: Path, pixels: Array) -> Any:
    array = np.ma.MaskedArray(np.where(pixels == 0, 77, pixels), mask=pixels == 0)
    return rf.Raster(array, transform_of(GRID), UTM, names=NAMES)


def zarr_array(path: Path, pixels: Array) -> Any:
    store = zarr.create_array({}, data=pixels, chunks=(1, 20, 30))
    return rf.Raster(store, transform_of(GRID), UTM, nodata=0, names=NAMES)


def memory_map(path: Path, pixels: Array) -> Any:
    np.save(path.with_suffix(".npy"), pixels)
    array = np.load(path.with_suffix(".npy"), mmap_mode="r")
    return rf.Raster(array, transform_of(GRID), rasterio.CRS.from_user_input(UTM), 0, NAMES)


def rioxarray_array(path: Path, pixels: Array) -> Any:
    return xr.open_dataarray(path, engine="rasterio")


def rioxarray_masked(path: Path, pixels: Array) -> Any:
    return rioxarray.open_rasterio(path, masked=True)


def rioxarray_dask(path: Path, pixels: Array) -> Any:
    return rioxarray.open_rasterio(path, chunks={"band": 3, "y": 25, "x": 32})


def odc_array(path: Path, pixels: Array) -> Any:
    box = GeoBox((GRID.rows, GRID.cols), transform_of(GRID), UTM)
    array = wrap_xr(pixels, box, nodata=0, axis=1)
    return array.rename({array.dims[0]: "band"}).assign_coords(band=NAMES)


def plain_coordinates(path: Path, pixels: Array) -> Any:
    xs, ys = GRID.centres()
    return xr.DataArray(
        # columns first, rows upwards
        pixels.transpose(2, 1, 0)[:, ::-1],
        dims=("x", "y", "variable"),
        coords={"x": xs[0], "y": ys[::-1, 0], "variable": NAMES},
        attrs={"crs": UTM, "_FillValue": 0},
    )


def open_dataset(path: Path, pixels: Array) -> Any:
    return rasterio.open(path)


def changeable_dataset(path: Path, pixels: Array) -> Any:
    return rasterio.open(path, "r+")


def in_memory(path: Path, pixels: Array) -> Any:
    # rasterio's dataset does not keep the bytes alive
    KEPT.append(MemoryFile(path.read_bytes()))
    return KEPT[-1].open()


def warped(path: Path, pixels: Array) -> Any:
    return WarpedVRT(rasterio.open(path), crs=UTM, transform=transform_of(GRID), width=GRID.cols,
                     height=GRID.rows)  # fmt: skip


KEPT: list[MemoryFile] = []
DTYPES = [
    *("uint8", "int8", "int16", "uint64", "int64", "float32", "float64"),
    *("bool", "float16", ">i4", "complex64"),
]

KINDS = [
    *(
        raster,
        upside_down,
        masked_array,
        zarr_array,
        memory_map,
        rioxarray_array,
        rioxarray_masked,
        rioxarray_dask,
    ),
    *(odc_array, plain_coordinates, open_dataset, changeable_dataset, in_memory, warped),
]


def as_it_is(image: Any) -> Any:
    return image


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


def test_only_what_a_block_needs_is_computed(tmp_path: Path) -> None:
    asked: list[tuple[Any, ...]] = []

    def chunk(block_info: Any) -> Array:
        asked.append(block_info[None]["chunk-location"])
        return np.full(block_info[None]["chunk-shape"], len(asked), "int32")

    make: Any = dask.array.map_blocks
    lazy = make(chunk, chunks=((2,), (50,) * 40, (50,) * 40), dtype="int32",
                                 meta=np.empty((0, 0, 0), "int32"))  # fmt: skip
    image = rf.Raster(lazy, from_origin(0, 2000, 1, 1), "EPSG:32755")
    rf.apply(as_it_is, {"image": image}, tmp_path / "out.tif", bounds=(100, 1800, 250, 1900),
             window=50, workers=2)  # fmt: skip
    # six blocks, both bands of each at once
    assert sorted(asked) == [(0, row, col) for row in (2, 3) for col in (2, 3, 4)]


@pytest.mark.parametrize("reads", [True, False])
def test_processes(reads: bool, tmp_path: Path, pixels: Array) -> None:
    style = rf.ConcurrencyStyle(computeWorkerKind=applier.CW_SUBPROC, numComputeWorkers=1,
                                computeWorkersRead=reads,
                                numReadWorkers=0 if reads else 1)  # fmt: skip
    images = {"one": raster(tmp_path, pixels), "two": masked_array(tmp_path, pixels)}
    rf.apply(lambda one, two: one + two, images, tmp_path / "out.tif", workers=style)
    expected = np.where(pixels == 0, np.nan, 2.0 * pixels)
    np.testing.assert_array_equal(read_raster(tmp_path / "out.tif"), expected)


def test_an_array_travels_only_to_workers_that_read(tmp_path: Path, pixels: Array) -> None:
    infiles, big = applier.FilenameAssociations(), np.zeros((1000, 1000), "float64")
    infiles.one = rf.Raster(big, transform_of(GRID), UTM)
    # masks are asked for where the function runs
    infiles.two = masked_array(tmp_path, pixels)
    plan = engine.prepare(lambda *_: None, infiles, applier.FilenameAssociations()).plan
    assert len(pickle.dumps(plan)) > big.nbytes
    assert pixels.nbytes < len(pickle.dumps(plan.for_reading_elsewhere())) < 4 * pixels.nbytes
    # the very plan where there is nothing to leave out
    infiles = applier.FilenameAssociations()
    infiles.one = GRID.raster(tmp_path / "one.tif", pixels)
    plan = engine.prepare(lambda *_: None, infiles, applier.FilenameAssociations()).plan
    assert plan.for_reading_elsewhere() is plan


def test_an_open_dataset_cannot_travel(scene: Path, pixels: Array, tmp_path: Path) -> None:
    style = rf.ConcurrencyStyle(computeWorkerKind=applier.CW_SUBPROC, numComputeWorkers=1,
                                computeWorkersRead=True)  # fmt: skip
    with pytest.raises(rioserrors.ParameterError, match="open in this process only"):
        rf.apply(as_it_is, changeable_dataset(scene, pixels), tmp_path / "out.tif", workers=style)


def test_many_threads_read_one_dataset(scene: Path, pixels: Array, tmp_path: Path) -> None:
    infiles, outfiles = applier.FilenameAssociations(), applier.FilenameAssociations()
    infiles.images = [changeable_dataset(scene, pixels), warped(scene, pixels)]
    outfiles.out = tmp_path / "out.tif"
    controls = applier.ApplierControls()
    controls.setWindowSize(8, 8)
    controls.setConcurrencyStyle(STYLES["threads 2-2"])

    def add(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.out = inputs.images[0].astype("uint32") + inputs.images[1]

    result = engine.apply(add, infiles, outfiles, controls=controls)
    np.testing.assert_array_equal(read_raster(tmp_path / "out.tif"), 2 * pixels.astype("uint32"))
    assert result.outputs["out"].statistics[0].min == 2 * pixels[0][pixels[0] > 0].min()


def test_an_error_of_the_array_itself_is_told_with_its_place(tmp_path: Path) -> None:
    class Broken:
        shape, dtype, ndim = (80, 70), np.dtype("float32"), 2

        def __getitem__(self, key: Any) -> Any:
            raise RuntimeError("the tape is torn")

    image = rf.Raster(Broken(), from_origin(0, 80, 1, 1), title="tape 7")
    told = r"'tape 7' \(input 'image'\) at block .*RuntimeError: the tape is torn"
    with pytest.raises(rioserrors.ImageReadError, match=told):
        rf.apply(as_it_is, image, tmp_path / "out.tif", workers=1)
    assert not (tmp_path / "out.tif").exists()


@pytest.mark.parametrize(
    ("promised", "given"),
    [(np.dtype("int16"), np.zeros((2, 2), "float64")), (np.dtype("int16"), np.zeros((1, 2), "i2"))],
)
def test_an_array_that_breaks_its_word(promised: Any, given: Any, tmp_path: Path) -> None:
    class Unsteady:
        shape, dtype, ndim = (2, 2), promised, 2

        def __getitem__(self, key: Any) -> Any:
            return given

    with pytest.raises(rioserrors.ImageReadError, match="gave"):
        rf.apply(as_it_is, rf.Raster(Unsteady(), from_origin(0, 2, 1, 1)), tmp_path / "out.tif")


def test_an_interruption_stays_one(tmp_path: Path) -> None:
    class Interrupted:
        shape, dtype, ndim = (2, 2), np.dtype("int16"), 2

        def __getitem__(self, key: Any) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rf.apply(
            as_it_is, rf.Raster(Interrupted(), from_origin(0, 2, 1, 1)), tmp_path / "out.tif",
            workers=1,
        )  # fmt: skip


def test_what_cannot_be_resumed(tmp_path: Path, pixels: Array) -> None:
    with pytest.raises(rioserrors.ParameterError, match=r"setResume: input 'image' is in the mem"):
        rf.apply(as_it_is, raster(tmp_path, pixels), tmp_path / "out.tif", resume=True)


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


def test_a_dataset_of_xarray_has_inputs_by_name(tmp_path: Path, pixels: Array) -> None:
    array = plain_coordinates(tmp_path, pixels)
    dataset = xr.Dataset({name: array.sel(variable=name, drop=True) for name in NAMES})
    rf.apply(lambda red, green: red - green, dataset[["red", "green"]], tmp_path / "out.tif")
    there = (pixels[1] != 0) & (pixels[2] != 0)
    expected = np.where(there, pixels[2].astype(float) - pixels[1], np.nan)
    np.testing.assert_array_equal(read_raster(tmp_path / "out.tif")[0], expected)
    with pytest.raises(rioserrors.ParameterError, match=r"'blue', 'green', 'red'; choose one"):
        rf.apply(as_it_is, {"image": dataset}, tmp_path / "out.tif")


@pytest.mark.parametrize("what", ["turned", "uneven", "nowhere", "dims", "four", "stale"])
def test_dataarrays_with_an_odd_place(what: str, pixels: Array, tmp_path: Path) -> None:
    array = plain_coordinates(tmp_path, pixels).isel(variable=0)
    words = {
        "turned": "is turned", "uneven": "without even steps", "nowhere": "is not known",
        "dims": "rename them", "four": "choose of all but one",
    }  # fmt: skip
    if what == "turned":
        array.coords["spatial_ref"] = 0
        array.coords["spatial_ref"].attrs["GeoTransform"] = "0 1 .2 0 0 -1"
    elif what == "uneven":
        array = array.assign_coords(x=array.x.to_numpy() ** 2)
    elif what == "nowhere":
        array = array.drop_vars(["x", "y"])
    elif what == "dims":
        array = array.rename(x="width")
    elif what == "four":
        array = array.expand_dims(time=2, run=2)
    else:
        # the transform that was stored is that of the whole
        array = array.rio.write_transform(transform_of(GRID)).isel(x=slice(10, None))
        rf.apply(as_it_is, array, tmp_path / "out.tif")
        with rasterio.open(tmp_path / "out.tif") as dataset:
            assert dataset.transform.c == pytest.approx(GRID.xmin + 10 * GRID.res)
        return
    with pytest.raises(rioserrors.ParameterError, match=f"input 'image': DataArray.*{words[what]}"):
        rf.apply(as_it_is, array, tmp_path / "out.tif")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"transform": (1, 0, 0)}, "first six numbers"),
        ({"transform": (0, 0, 0, 0, -1, 0)}, "pixels no size"),
        ({"crs": "EPSG:nine"}, "is no CRS"),
        ({"nodata": -1}, "nodata=-1 is no uint16"),
        ({"nodata": "0"}, "is no uint16"),
        ({"names": ["a", "b"]}, "has 3 bands, and 2 names"),
        ({"array": [[1]]}, "list is no array"),
        ({"array": np.zeros(3)}, r"has shape \(3,\)"),
        ({"array": np.zeros((2, 2), "U3")}, "there are no pixels of <U3"),
        ({"array": np.zeros((2, 0))}, "none of them 0"),
    ],
)
def test_what_is_no_raster(options: dict[str, Any], words: str, pixels: Array) -> None:
    right = {"array": pixels, "transform": transform_of(GRID), "crs": UTM}
    with pytest.raises(rioserrors.ParameterError, match=words):
        rf.Raster(**{**right, **options})


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


def item_of(folder: Path, pixels: Array) -> pystac.Item:
    item = pystac.Item("S2_7", None, None, datetime(2026, 5, 1), {})
    for number, (key, name) in enumerate([("B02", "blue"), ("B03", "green"), ("B04", "red")]):
        GRID.raster(folder / f"{key}.tif", pixels[number : number + 1], nodata=0)
        asset = pystac.Asset(f"./{key}.tif", media_type=pystac.MediaType.COG, roles=["data"])
        asset.extra_fields["eo:bands"] = [{"name": key, "common_name": name}]
        item.add_asset(key, asset)
    GRID.raster(folder / "all.tif", pixels, nodata=0)
    whole = pystac.Asset("./all.tif", media_type=pystac.MediaType.GEOTIFF)
    whole.extra_fields["bands"] = [{"name": f"sr_{name}"} for name in NAMES]
    item.add_asset("all", whole)
    item.add_asset("thumbnail", pystac.Asset("./t.png", media_type="image/png"))
    item.set_self_href(str(folder / "item.json"))
    return item


@pytest.mark.parametrize(
    ("bands", "places"),
    [(["red", "B02"], [2, 0]), ("green", [1]), (["sr_red", "sr_blue"], [2, 0]), ("sr_green", [1])],
)
def test_an_item_of_a_catalogue(
    bands: Any, places: list[int], tmp_path: Path, pixels: Array
) -> None:
    item, shapes = item_of(tmp_path, pixels), set()

    def look(scene: Any) -> Any:
        shapes.add(scene.ndim)
        return scene

    expected = np.where(pixels == 0, np.nan, pixels)[places]
    for inputs, chosen in (({"scene": item}, {"scene": bands}), (item, bands)):
        rf.apply(look, inputs, tmp_path / "out.tif", bands=chosen)
        np.testing.assert_array_equal(read_raster(tmp_path / "out.tif"), expected)
    assert shapes == {2 if isinstance(bands, str) else 3}


def test_assets_of_a_catalogue(tmp_path: Path, pixels: Array) -> None:
    item = item_of(tmp_path, pixels)
    infiles = applier.FilenameAssociations()
    infiles.red = item.assets["B04"]
    files, held = told_apart(infiles)
    assert not held
    assert Path(files.red) == tmp_path / "B04.tif"
    with pytest.raises(rioserrors.ParameterError, match="'B02', 'B03', 'B04', 'all'; give one"):
        rf.apply(as_it_is, item, tmp_path / "out.tif")
    with pytest.raises(rioserrors.ParameterError, match="no band 'gren'; is 'green' meant"):
        rf.apply(as_it_is, {"image": item}, tmp_path / "out.tif", bands={"image": "gren"})


def test_which_files_and_bands_of_an_item(tmp_path: Path, pixels: Array) -> None:
    item = item_of(tmp_path, pixels)
    assert chosen_of(item, ["sr_red", "sr_blue"]) == (str(tmp_path / "all.tif"), [3, 1])
    with pytest.raises(rioserrors.ParameterError, match="several files of several bands"):
        chosen_of(item, ["red", "sr_red"])
    # what has no band by name stays as it is
    given = {"scene": item, "dem": "dem.tif"}
    assert files_of_items(given, {"bands": {"scene": [1]}})[0] == given
    files, options = files_of_items(given, {"bands": {"scene": "red"}, "overlap": 1})
    assert files == {"scene": str(tmp_path / "B04.tif"), "dem": "dem.tif"}
    assert options == {"bands": {"scene": 1}, "overlap": 1}


def test_which_datasets_are_opened_again(scene: Path, pixels: Array) -> None:
    assert entry_of(open_dataset(scene, pixels)) == str(scene)
    with rasterio.open(scene, OVERVIEW_LEVEL="NONE") as dataset:
        assert isinstance(entry_of(dataset), DatasetPixels)
    for kind in (changeable_dataset, in_memory, warped):
        assert isinstance(entry_of(kind(scene, pixels)), DatasetPixels)


def test_a_single_row_lies_where_its_transform_says(pixels: Array, tmp_path: Path) -> None:
    array = plain_coordinates(tmp_path, pixels).isel(y=slice(4, 5), variable=0)
    with pytest.raises(rioserrors.ParameterError, match="one pixel along 'y'"):
        raster_of(array)
    found = raster_of(array.rio.write_transform(transform_of(GRID)))
    assert isinstance(found, Raster)
    assert found.transform.f == pytest.approx(GRID.ymax - GRID.res * (GRID.rows - 5))


def test_files_and_lists_pass_as_they_are(scene: Path) -> None:
    infiles = applier.FilenameAssociations()
    infiles.one, infiles.many, infiles.none = str(scene), [scene, str(scene)], None
    files, held = told_apart(infiles)
    assert not held
    assert list(files) == list(infiles)


def test_floats_without_a_nodata_value_have_nan(tmp_path: Path, pixels: Array) -> None:
    array = plain_coordinates(tmp_path, pixels).isel(variable=0).astype("float32")
    array.attrs.pop("_FillValue")
    array[3, 4] = math.nan
    masked: list[Any] = []
    rf.apply(lambda image: masked.append(image.mask), array)
    assert sum(map(np.sum, masked)) == 1


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
