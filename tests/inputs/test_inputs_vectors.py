"""Vector inputs in a run: zones of another CRS, settings by name, filters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from rasterio.features import rasterize
from rasterio.transform import from_origin
from rasterio.warp import transform_geom

from rios_flows import engine
from rios_flows.structures import FilenameAssociations, OtherInputs
from tests.support.inputs import Grid, controls_of, run, texture
from tests.support.rasters import Array
from tests.support.styles import STYLES
from tests.support.vectors import write_vector

GRID = Grid(300000.0, 2800000.0, 30.0, 130, 150)
#: Three zones, the third on top of the second; the second has a hole.
ZONES = [
    shapely.Polygon([(300100, 2799800), (301900, 2799500), (301000, 2797000), (300300, 2797300)]),
    shapely.Polygon(
        [(302000, 2799900), (304300, 2799700), (304200, 2796500), (302100, 2796300)],
        [[(302500, 2799000), (303500, 2799100), (303400, 2798000)]],
    ),
    shapely.box(303600, 2797000, 304900, 2798500),
]
KIND, WEIGHT = [1, 2, 3], [10, 200, 1000]


def burnt(values: list[int], where: list[bool] | None = None, **options: Any) -> Array:
    """Burn the zones by hand."""
    chosen = where or [True] * len(ZONES)
    pairs = [(zone, value) for zone, value, kept in zip(ZONES, values, chosen, strict=True) if kept]
    pixels: Array = rasterize(
        pairs,
        (GRID.rows, GRID.cols),
        transform=from_origin(GRID.xmin, GRID.ymax, GRID.res, GRID.res),
        **options,
    )
    return pixels


def in_other_crs(crs: str) -> list[Any]:
    """Carry the zones over; they have vertices every few metres, so their edges stay straight."""
    if crs == GRID.crs:
        return ZONES
    dense = shapely.segmentize(np.array(ZONES, dtype=object), 20)
    return [shapely.geometry.shape(transform_geom(GRID.crs, crs, zone)) for zone in dense]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return GRID.raster(tmp_path / "image.tif", texture(GRID))


@pytest.fixture
def zones(tmp_path: Path) -> str:
    return write_vector(tmp_path / "zones.gpkg", ZONES, GRID.crs, kind=KIND, weight=WEIGHT)


def zonal_sums(info: Any, inputs: Any, outputs: Any, sums: Any) -> None:
    counts = np.bincount(inputs.zones.ravel(), inputs.image.ravel(), minlength=4)
    sums.parts = [*sums.parts, counts]


@pytest.mark.parametrize("crs", [GRID.crs, "EPSG:4326", "EPSG:3857"])
@pytest.mark.parametrize("style", STYLES)
def test_zonal_sums_of_polygons(tmp_path: Path, image: Path, style: str, crs: str) -> None:
    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    infiles.image = image
    infiles.zones = write_vector(tmp_path / "other.gpkg", in_other_crs(crs), crs, kind=KIND)
    controls = controls_of(style, 40)
    controls.setBurnAttribute("kind")
    sums = OtherInputs()
    sums.parts = []
    rtn = engine.apply(zonal_sums, infiles, outfiles, sums, controls)
    found = np.sum([part for other in rtn.otherArgsList for part in other.parts], axis=0)
    expected = np.bincount(burnt(KIND).ravel(), texture(GRID).ravel(), minlength=4)
    if crs == GRID.crs:
        np.testing.assert_array_equal(found, expected)
    else:
        # a vertex carried over and back is a rounding error off
        np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.parametrize("overlap", [0, 3])
@pytest.mark.parametrize("style", STYLES)
def test_burning_does_not_depend_on_the_cut(
    tmp_path: Path, image: Path, style: str, overlap: int
) -> None:
    other = write_vector(tmp_path / "other.gpkg", in_other_crs("EPSG:4326"), "EPSG:4326", kind=KIND)
    found = []
    for window in (33, 64, 500):
        controls = controls_of(style, window, overlap)
        controls.setBurnAttribute("kind", vectorname="zones")

        def widest(info: Any, inputs: Any, outputs: Any) -> None:
            size = 2 * info.getOverlapSize() + 1
            near = np.lib.stride_tricks.sliding_window_view(inputs.zones, (size, size), (1, 2))
            outputs.result = np.zeros_like(inputs.zones)
            margin = info.getOverlapSize()
            inner = slice(margin, -margin) if margin else slice(None)
            outputs.result[:, inner, inner] = near.max(axis=(3, 4))

        found.append(run(tmp_path, controls, widest, image=image, zones=other)[0])
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])
    assert (found[0] != 0).sum() >= (burnt(KIND) != 0).sum() - 50
    if not overlap:
        assert (found[0][0] != burnt(KIND)).mean() < 0.001


@pytest.mark.parametrize("style", STYLES)
def test_one_layer_under_two_names_with_two_settings(
    tmp_path: Path, image: Path, zones: str, style: str
) -> None:
    controls = controls_of(style, 40)
    controls.setBurnAttribute("weight", vectorname="weights")
    controls.setVectorDatatype(np.int16, vectorname="weights")
    controls.setVectorNull(-1, vectorname="weights")
    controls.setBurnValue(7, vectorname="mask")
    controls.setAlltouched(True, vectorname="mask")

    def two(info: Any, inputs: Any, outputs: Any) -> None:
        assert (inputs.weights.dtype, inputs.mask.dtype) == (np.int16, np.uint8)
        for array, null in ((inputs.weights, -1), (inputs.mask, 0)):
            assert info.getFilenameFor(array) == zones
            assert info.getNoDataValueFor(array) == null
            assert info.getNoDataValueFor(array).dtype == array.dtype
        outputs.result = np.concatenate([inputs.weights, inputs.mask.astype(np.int16)])

    found, _ = run(tmp_path, controls, two, image=image, weights=zones, mask=zones)
    np.testing.assert_array_equal(found[0], burnt(WEIGHT, dtype="int16", fill=-1))
    np.testing.assert_array_equal(found[1], burnt([7, 7, 7], all_touched=True))


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_a_filter_filters(tmp_path: Path, image: Path, zones: str, style: str) -> None:
    controls = controls_of(style, 40)
    controls.setFilterSQL("weight > 50 AND kind <> 3", vectorname="some")

    def two(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = np.concatenate([inputs.every, inputs.some])

    found, _ = run(tmp_path, controls, two, image=image, every=zones, some=zones)
    np.testing.assert_array_equal(found[0], burnt([1, 1, 1]))
    np.testing.assert_array_equal(found[1], burnt([1, 1, 1], [False, True, False]))


def test_layers_by_number_and_name_in_a_list(tmp_path: Path, image: Path) -> None:
    path = tmp_path / "two.gpkg"
    write_vector(path, ZONES[:1], GRID.crs, layer="first")
    write_vector(path, ZONES[1:], GRID.crs, layer="second", append=True)
    for layer in (1, "second"):
        controls = controls_of()
        controls.setVectorlayer(layer, vectorname="zones")

        def only(info: Any, inputs: Any, outputs: Any) -> None:
            outputs.result = np.concatenate(inputs.zones)

        found, _ = run(tmp_path, controls, only, image=image, zones=[str(path), path])
        expected = burnt([1, 1, 1], [False, True, True])
        np.testing.assert_array_equal(found, [expected, expected])


def test_vectors_alone_take_the_grid_of_a_reference(
    tmp_path: Path, image: Path, zones: str
) -> None:
    controls = controls_of()
    controls.setReferenceImage(str(image))
    controls.setBurnAttribute("kind")

    def only(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.zones

    found, _ = run(tmp_path, controls, only, zones=zones)
    np.testing.assert_array_equal(found[0], burnt(KIND))


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".geojson", ".fgb"])
def test_every_format(tmp_path: Path, image: Path, suffix: str) -> None:
    crs = "EPSG:4326" if suffix == ".geojson" else GRID.crs
    zones = write_vector(tmp_path / f"some{suffix}", in_other_crs(str(crs)), crs, kind=KIND)
    controls = controls_of()
    controls.setBurnAttribute("kind")

    def only(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.zones

    found, _ = run(tmp_path, controls, only, image=image, zones=zones)
    assert (found[0] != burnt(KIND)).mean() < 0.001


def test_nothing_stays_in_the_temporary_directory(tmp_path: Path, image: Path, zones: str) -> None:
    (tmp_path / "temp").mkdir()
    controls = controls_of()
    controls.setTempdir(str(tmp_path / "temp"))
    controls.setAlltouched(True)
    run(tmp_path, controls, image=image, zones=zones)
    assert not list((tmp_path / "temp").iterdir())
