"""Files that hold rasters and vector layers, and controls of vectors for what is a raster."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio.shutil
import shapely

from rios_flows import engine, rioserrors
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import FilenameAssociations
from tests.support.inputs import Grid, controls_of
from tests.support.rasters import Array
from tests.support.vectors import write_vector

# GDAL finds no georeferencing where a file holds several rasters
pytestmark = pytest.mark.filterwarnings("ignore:Dataset has no geotransform")

GRID = Grid(300000.0, 2800000.0, 30.0, 60, 70)

ZONES = [shapely.box(300300, 2799100, 300900, 2799700)]

BURNT = np.zeros((60, 70), dtype=np.uint8)
BURNT[10:30, 10:30] = 5


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return GRID.raster(tmp_path / "image.tif", np.full((1, 60, 70), 77, np.uint8))


def both(folder: Path, image: Path, rasters: int) -> str:
    """A GeoPackage with the layers ``zones`` and ``more``, and some rasters."""
    path = write_vector(folder / "both.gpkg", ZONES, GRID.crs, layer="zones", v=[5])
    write_vector(folder / "both.gpkg", ZONES, GRID.crs, layer="more", append=True, v=[6])
    for number in range(rasters):
        rasterio.shutil.copy(
            str(image),
            path,
            driver="GPKG",
            APPEND_SUBDATASET="YES",
            RASTER_TABLE=f"ORTHO{number}",
            TILE_FORMAT="PNG",
        )
    return path


def read(image: Path, path: Any, controls: ApplierControls) -> Array:
    """Return what the input ``z`` is for a user's function."""
    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    infiles.r, infiles.z = str(image), path
    seen: list[Array] = []

    def user(info: Any, inputs: Any, outputs: Any) -> None:
        seen.append(inputs.z[-1][0] if isinstance(inputs.z, list) else inputs.z[0])

    controls.setReferenceImage("r")
    controls.setWindowSize(256, 256)
    engine.apply(user, infiles, outfiles, controls=controls)
    return seen[0]


@pytest.mark.parametrize("rasters", [0, 1, 2])
@pytest.mark.parametrize(
    "given",
    [
        {"setVectorlayer": "zones"},
        {"setVectorlayer": 0},
        {"setBurnAttribute": "v"},
        {"setFilterSQL": "v = 5"},
        {"setAlltouched": False},
    ],
)
def test_a_control_of_vectors_reads_the_layer(
    tmp_path: Path, image: Path, rasters: int, given: dict[str, Any]
) -> None:
    controls = controls_of()
    for setter, value in given.items():
        getattr(controls, setter)(value, "z")
    controls.setBurnValue(5)
    assert (read(image, both(tmp_path, image, rasters), controls) == BURNT).all()


@pytest.mark.parametrize("rasters", [1, 2])
@pytest.mark.parametrize(("layer", "value"), [("zones", 5), ("more", 6), (1, 6)])
def test_a_layer_for_all_inputs_is_read_where_it_is(
    tmp_path: Path, image: Path, rasters: int, layer: int | str, value: int
) -> None:
    controls = controls_of()
    controls.setVectorlayer(layer)
    controls.setBurnAttribute("v")
    found = read(image, both(tmp_path, image, rasters), controls)
    assert (found == BURNT // 5 * value).all()


def test_a_layer_that_is_not_there_is_told(tmp_path: Path, image: Path) -> None:
    path = both(tmp_path, image, 1)
    controls = controls_of()
    controls.setVectorlayer("roads", "z")
    with pytest.raises(rioserrors.VectorLayerError, match=r"'roads' not found.*zones, more"):
        read(image, path, controls)
    # for all inputs it may mean another
    controls = controls_of()
    controls.setVectorlayer("roads")
    assert (read(image, path, controls) == 77).all()


def test_without_such_controls_it_is_a_raster_if_it_can_be_one(
    tmp_path: Path, image: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = both(tmp_path, image, 1)
    with caplog.at_level(logging.WARNING):
        assert (read(image, path, controls_of()) == 77).all()
    assert "setVectorlayer" not in caplog.text
    # and if it holds several, none of which is meant, it is not
    (tmp_path / "several").mkdir()
    path = both(tmp_path / "several", image, 2)
    assert (read(image, path, controls_of()) == BURNT // 5).all()


def test_controls_for_all_inputs_are_no_sign_but_it_is_told(
    tmp_path: Path, image: Path, caplog: pytest.LogCaptureFixture
) -> None:
    controls = controls_of()
    controls.setBurnAttribute("v")
    path = both(tmp_path, image, 1)
    with caplog.at_level(logging.WARNING):
        assert (read(image, path, controls) == 77).all()
    (told,) = [record.getMessage() for record in caplog.records if "both.gpkg" in record.message]
    for part in (path, "input 'z'", "zones, more", "setVectorlayer", "vectorname='z'"):
        assert part in told


@pytest.mark.parametrize("setter", ["setVectorlayer", "setBurnValue", "setVectorNull"])
@pytest.mark.parametrize("suffix", ["tif", "gpkg"])
def test_a_control_of_vectors_for_a_raster_is_refused(
    tmp_path: Path, image: Path, setter: str, suffix: str
) -> None:
    path = image
    if suffix == "gpkg":
        path = tmp_path / "only.gpkg"
        rasterio.shutil.copy(str(image), str(path), driver="GPKG", TILE_FORMAT="PNG")
    controls = controls_of()
    getattr(controls, setter)(1, "z")
    controls.setAlltouched(True, "z")
    with pytest.raises(rioserrors.ParameterError) as caught:
        read(image, str(path), controls)
    for part in (setter, "setAlltouched", f"'{path}'", "input 'z'", "raster"):
        assert part in str(caught.value)
    # for all inputs it does no harm
    controls = controls_of()
    getattr(controls, setter)(1)
    assert (read(image, str(path), controls) == 77).all()


def test_a_raster_of_such_a_file_by_its_own_name(tmp_path: Path, image: Path) -> None:
    path = f"GPKG:{both(tmp_path, image, 2)}:ORTHO1"
    controls = controls_of()
    controls.setVectorlayer("zones")
    assert (read(image, path, controls) == 77).all()
    controls = controls_of()
    controls.setVectorlayer("zones", "z")
    with pytest.raises(rioserrors.ParameterError, match=r"setVectorlayer.*ORTHO1.*raster"):
        read(image, path, controls)


def test_a_list_of_both_kinds(tmp_path: Path, image: Path) -> None:
    controls = controls_of()
    controls.setBurnAttribute("v", "z")
    assert (read(image, [str(image), both(tmp_path, image, 1)], controls) == BURNT).all()


def test_neither_with_a_control_of_vectors(tmp_path: Path, image: Path) -> None:
    controls = controls_of()
    controls.setBurnValue(2, "z")
    junk = tmp_path / "junk.gpkg"
    with pytest.raises(rioserrors.FileOpenError, match="there is no such file"):
        read(image, str(junk), controls)
    junk.write_text("neither this nor that")
    with pytest.raises(rioserrors.FileOpenError, match=r"junk\.gpkg.*as a vector"):
        read(image, str(junk), controls)
