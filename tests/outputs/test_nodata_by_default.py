"""The nodata value that nobody has asked for: 0 in RIOS's form, and one warning for floats."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

import rios_flows as rf
from rios_flows import engine
from rios_flows.basics.defaults import NanByDefault, ZeroByDefault
from rios_flows.controls.controls import ApplierControls
from rios_flows.structures import FilenameAssociations
from tests.support.rasters import coordinates, write_raster


def warnings(folder: Path, caplog: pytest.LogCaptureFixture, dtype: str, *nodata: Any) -> list[str]:
    infiles, outfiles, controls = FilenameAssociations(), FilenameAssociations(), ApplierControls()
    infiles.image = write_raster(folder / "image.tif", coordinates(1, 30, 30, dtype))
    outfiles.one, outfiles.two = folder / "one.tif", folder / "two.tif"
    controls.setWindowSize(10, 10)
    for value in nodata:
        controls.setStatsIgnore(value)

    def copy(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.one = outputs.two = inputs.image

    with caplog.at_level(logging.WARNING):
        engine.apply(copy, infiles, outfiles, controls=controls)
    return [record.getMessage() for record in caplog.records]


def test_floats_are_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (told,) = warnings(tmp_path, caplog, "float32")
    assert told.startswith("Pixels of 0 are nodata in 'one', 'two', which have floats")


@pytest.mark.parametrize(
    ("dtype", "nodata"), [("int16", ()), ("float32", (0,)), ("float32", (None,))]
)
def test_others_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, dtype: str, nodata: tuple[Any, ...]
) -> None:
    assert not warnings(tmp_path, caplog, dtype, *nodata)


@pytest.mark.parametrize(("dtype", "nodata"), [("float32", np.nan), ("int16", None)])
def test_in_one_line_floats_have_nan(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, dtype: str, nodata: float | None
) -> None:
    image = write_raster(tmp_path / "image.tif", coordinates(1, 30, 30, dtype))
    rf.apply(lambda image: image, image, tmp_path / "out.tif", dtype=None)
    with rasterio.open(tmp_path / "out.tif") as dataset:
        np.testing.assert_equal(dataset.nodata, nodata)
    assert not caplog.records


def test_they_travel() -> None:
    assert isinstance(pickle.loads(pickle.dumps(ZeroByDefault())), ZeroByDefault)
    nan = pickle.loads(pickle.dumps(NanByDefault()))
    assert isinstance(nan, NanByDefault)
    assert nan != nan
