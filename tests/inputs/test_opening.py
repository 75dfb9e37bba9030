"""An input is a raster or a vector; what was set for it decides where it may be both."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import shapely

from rios_flows import rioserrors
from rios_flows.controls.options import InputOptions, VectorOptions
from rios_flows.inputs.opening import open_input, refuse_vector_controls
from rios_flows.inputs.sources import RasterSource
from rios_flows.inputs.vectors import VectorSource
from tests.support.rasters import coordinates, write_raster
from tests.support.vectors import write_vector


def opened(path: Path, **options: Any) -> RasterSource | VectorSource:
    return open_input(("a", None), str(path), InputOptions(**options))


@pytest.fixture
def raster(tmp_path: Path) -> Path:
    return write_raster(tmp_path / "a.tif", coordinates(1, 20, 30, "uint8"))


@pytest.fixture
def vector(tmp_path: Path) -> Path:
    return Path(write_vector(tmp_path / "b.gpkg", [shapely.box(0, 0, 9, 9)]))


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """Make one file with a raster and a layer."""
    path = write_raster(tmp_path / "c.gpkg", coordinates(1, 20, 30, "uint8"), driver="GPKG")
    write_vector(path, [shapely.box(0, 0, 9, 9)], layer="fields", append=True)
    return path


def test_the_file_decides(raster: Path, vector: Path) -> None:
    for controls in ((), ("setBurnValue",)):
        assert isinstance(opened(raster, vector_controls=controls), RasterSource)
        assert isinstance(opened(vector, vector_controls=controls), VectorSource)


def test_a_file_that_is_both(both: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert isinstance(opened(both), RasterSource)
    assert not caplog.messages
    assert isinstance(opened(both, vector_controls=("setBurnValue",)), VectorSource)
    # what holds for all inputs may mean others
    with caplog.at_level(logging.WARNING):
        assert isinstance(opened(both, vector_controls_for_all=("setBurnValue",)), RasterSource)
    [told] = caplog.messages
    assert "holds a raster and vector layers (fields), and its raster is read" in told
    layer = {"vector_controls_for_all": ("setVectorlayer",)}
    chosen = opened(both, vector=VectorOptions(layer="fields"), **layer)
    assert isinstance(chosen, VectorSource)
    assert isinstance(opened(both, vector=VectorOptions(layer="roads"), **layer), RasterSource)


def test_a_file_that_is_neither(tmp_path: Path) -> None:
    path = tmp_path / "d.txt"
    path.write_text("nothing")
    for controls in ((), ("setBurnValue",)):
        with pytest.raises(rioserrors.FileOpenError, match=r"d.txt"):
            opened(path, vector_controls=controls)


def test_controls_of_vectors_need_a_vector(raster: Path, vector: Path) -> None:
    options = InputOptions(vector_controls=("setBurnValue", "setFilterSQL"))
    image = open_input(("a", None), str(raster), options)
    with pytest.raises(
        rioserrors.ParameterError, match=r"^setBurnValue and setFilterSQL: set for .* is a raster"
    ):
        refuse_vector_controls([image], [options])
    # one of the files of a name is a vector
    first = open_input(("a", 0), str(raster), options)
    second = open_input(("a", 1), str(vector), options)
    refuse_vector_controls([first, second], [options, options])
    refuse_vector_controls([image], [InputOptions()])


def test_controls_of_vectors_where_there_are_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = str(write_raster(tmp_path / "image.tif", coordinates(1, 20, 30, "uint8")))
    image = open_input(("image", None), path, InputOptions())
    refuse_vector_controls([image], [InputOptions()])
    assert not caplog.records
    options = InputOptions(vector_controls_for_all=("setAlltouched", "setVectorlayer"))
    refuse_vector_controls([image], [options])
    (line,) = (record.getMessage() for record in caplog.records)
    assert line == "setAlltouched, setVectorlayer: there is no vector layer among the inputs"
