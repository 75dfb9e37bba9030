"""``rios_flows.apply`` and RIOS's form are one: the same files come out, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rios_flows as rf
from rios_flows import applier, engine
from tests.support.rasters import coordinates, write_raster

Files = dict[str, Any]
Controls = dict[str, Any]


def in_one_line(inputs: Files, outputs: Files, controls: Controls) -> None:
    rf.apply(blend, inputs, outputs, masked=False, dtype=None, squeeze=False, **controls)


def as_in_rios(inputs: Files, outputs: Files, controls: Controls) -> None:
    infiles, outfiles = applier.FilenameAssociations(), applier.FilenameAssociations()
    vars(infiles).update(inputs)
    vars(outfiles).update(outputs)
    asked = applier.ApplierControls()
    for option, value in controls.items():
        SETTERS[option](asked, value)

    def user(info: Any, block: Any, out: Any) -> None:
        out.sum, out.first = blend(block.one, block.two)

    engine.apply(user, infiles, outfiles, controls=asked)


SETTERS: dict[str, Callable[[applier.ApplierControls, Any], None]] = {
    "window": lambda controls, value: controls.setWindowSize(*value),
    "overlap": lambda controls, value: controls.setOverlap(value),
    "bounds": lambda controls, value: controls.setBounds(value, "EPSG:32755"),
    "crs": lambda controls, value: None,
    "like": lambda controls, value: controls.setReferenceImage(value),
    "footprint": lambda controls, value: controls.setFootprintType(applier.UNION),
    "resampling": lambda controls, value: controls.setResampleMethod(value["two"], "two"),
    "nodata": lambda controls, value: controls.setStatsIgnore(value),
    "overlap_fill": lambda controls, value: controls.setOverlapFill(value),
    "bands": lambda controls, value: controls.selectInputImageLayers(value["one"], "one"),
    "tags": lambda controls, value: controls.setTags(value),
    "band_names": lambda controls, value: controls.setLayerNames(value["first"], "first"),
    "creation_options": lambda controls, value: controls.setCreationOptions(value),
    "omit_pyramids": lambda controls, value: controls.setOmitPyramids(value),
}


def blend(one: Any, two: Any) -> Any:
    return one[:1].astype("float32") + two, one


@pytest.mark.parametrize("form", [in_one_line, as_in_rios])
@pytest.mark.parametrize(
    "controls",
    [
        {"nodata": -1},
        {"nodata": None, "window": (40, 30), "overlap": 2, "overlap_fill": "reflect"},
        {"nodata": -1, "like": "one", "footprint": "union", "resampling": {"two": "cubic"}},
        {"nodata": -1, "bands": {"one": [2]}, "tags": {"A": "b"}, "band_names": {"first": ["x"]}},
        {"nodata": -1, "bounds": (300100, 5999000, 300700, 5999800), "crs": "EPSG:32755"},
        {"nodata": -1, "creation_options": ["COMPRESS=LZW"], "omit_pyramids": True},
    ],
    ids=str,
)
def test_the_same_files(tmp_path: Path, form: Any, controls: Controls) -> None:
    pixels = coordinates(2, 80, 90, "int16")
    coarse = controls.get("like") is not None
    inputs = {
        "one": str(write_raster(tmp_path / "one.tif", pixels, nodata=-1)),
        "two": str(
            write_raster(
                tmp_path / "two.tif", pixels[:1, :40, :45], res=60.0 if coarse else 30.0, nodata=-1
            )
        ),
    }
    outputs = {name: str(tmp_path / f"{name}.tif") for name in ("sum", "first")}
    form(inputs, outputs, controls)
    made = [Path(path).read_bytes() for path in outputs.values()]
    (as_in_rios if form is in_one_line else in_one_line)(inputs, outputs, controls)
    assert made == [Path(path).read_bytes() for path in outputs.values()]
    assert not np.array_equal(made[0], made[1])
