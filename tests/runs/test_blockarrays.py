"""What the user function is told of the files that its arrays came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import rioserrors
from rios_flows.controls.controls import ApplierControls
from rios_flows.runs.blockarrays import BlockArrays
from rios_flows.runs.blockinfo import ReaderInfo
from rios_flows.structures import FilenameAssociations
from tests.support.scene import FIRST, MIDDLE, Scene, write


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
        with pytest.raises(KeyError, match="is no input of the block at"):
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


def test_info_without_arrays_knows_no_file(tmp_path: Path) -> None:
    plan = Scene(tmp_path).plan
    info = ReaderInfo(plan, plan.blocks[0])
    with pytest.raises(KeyError):
        info.getFilenameFor(np.zeros(3))
    assert info.filenameLookup == {}
    assert info.nullvalLookup == {}
    assert BlockArrays(plan, plan.blocks[0], None, None).given == []


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
        with pytest.raises(rioserrors.GDALLayerNumberError, match=rf"band={band}, .* has 3 bands"):
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
    ],
)
def test_nodata_in_the_type_of_the_array(
    tmp_path: Path, dtype: str, value: float, expected: Any, fill: Any
) -> None:
    def setup(infiles: FilenameAssociations, controls: ApplierControls) -> None:
        infiles.image = write(tmp_path / "image.tif", dtype, nodata=3)
        controls.setInputNoDataValue(value, imagename="image")

    info, inputs = Scene(tmp_path, setup).at(*FIRST)
    assert nodata(info, inputs.image) == (expected, dtype)
    assert inputs.image.dtype == dtype
    assert (inputs.image[0, :2] == fill).all()


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("uint8", -9999),
        ("uint8", 256),
        ("int16", 0.5),
        ("int16", float("nan")),
        ("int16", float("inf")),
        ("float32", 1e300),
    ],
)
def test_nodata_that_no_pixel_can_have(tmp_path: Path, dtype: str, value: float) -> None:
    def setup(infiles: FilenameAssociations, controls: ApplierControls) -> None:
        infiles.image = write(tmp_path / "image.tif", dtype, nodata=3)
        controls.setInputNoDataValue(value, imagename="image")

    with pytest.raises(rioserrors.ParameterError, match=rf"setInputNoDataValue: .*{dtype}"):
        Scene(tmp_path, setup)


def test_nodata_that_is_not_a_number(tmp_path: Path) -> None:
    def setup(infiles: FilenameAssociations, controls: ApplierControls) -> None:
        infiles.image = write(tmp_path / "image.tif", "float32", nodata=float("nan"))

    info, inputs = Scene(tmp_path, setup).at(*FIRST)
    found = info.getNoDataValueFor(inputs.image)
    assert found is not None
    assert np.isnan(found)
    assert np.isnan(inputs.image[0, :2]).all()
    assert not np.isnan(inputs.image[0, 2:, 2:]).any()


def test_no_nodata(tmp_path: Path) -> None:
    info, inputs = Scene(tmp_path).at(*FIRST)
    assert info.getNoDataValueFor(inputs.image) is None
    assert (inputs.image[0, :2] == 0).all()
    assert info.nullvalLookup == {id(inputs.image): (None,)}
