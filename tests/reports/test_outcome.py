"""What came of a run, in words that JSON holds."""

from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import engine
from rios_flows.applier import ApplierControls, ApplierReturn, FilenameAssociations, OtherInputs
from rios_flows.reports.outcome import MOST_CHARACTERS, Outcome, plain
from rios_flows.structures import CW_THREADS, ConcurrencyStyle
from tests.support.rasters import coordinates, write_raster

PIXELS = coordinates(2, 70, 50, "int32")


def ran(folder: Path, function: Any = None, **controls: Any) -> ApplierReturn:
    infiles, outfiles, chosen = FilenameAssociations(), FilenameAssociations(), ApplierControls()
    infiles.image = str(write_raster(folder / "in.tif", PIXELS))
    outfiles.result, outfiles.more = "out.tif", [folder / "more.img", str(folder / "more.zarr")]
    chosen.setWindowSize(32, 32)
    chosen.setBlockRetries(userFunction=1, delay=0)
    for setter, value in controls.items():
        getattr(chosen, setter)(value)

    def doubles(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        other.blocks = getattr(other, "blocks", np.int64(0)) + 1
        outputs.result = inputs.image * 2
        outputs.more = [inputs.image.astype("float32"), inputs.image[:1]]

    other = OtherInputs()
    return engine.apply(function or doubles, infiles, outfiles, other, chosen)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_of_it(folder: Path) -> None:
    result = ran(folder, setJobName="twice", setShowOtherArgs=True, setChecksum="sha256")
    told = result.summary()
    # nothing changes on the way through JSON
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told == Outcome.of(result).words()
    assert (told["name"], told["blocks"], told["resumed"], told["lanes"]) == ("twice", 6, 0, 1)
    # each block is read, computed and written
    assert (told["attempts"], told["retries"]) == (18, 0)
    assert 0 < told["seconds"] < 60
    assert 0 < told["workerHours"] * 3600 <= told["seconds"]
    assert told["otherArgs"] == [{"blocks": 6}]
    with rasterio.open("in.tif") as dataset:
        grid = {
            "crs": dataset.crs.to_string(),
            "transform": list(dataset.transform.to_gdal()),
            "width": 50,
            "height": 70,
        }
    assert told["grid"] == grid
    first, second, third = told["outputs"]
    assert (first["name"], first["driver"], first["bands"]) == ("result", "GTiff", 2)
    assert first["path"] == str(folder / "out.tif")
    assert first["bytes"] == os.path.getsize("out.tif")
    digest = hashlib.sha256((folder / "out.tif").read_bytes()).hexdigest()
    assert first["checksum"] == f"sha256:{digest}"
    valid = 2 * PIXELS[1][PIXELS[1] != 0].astype(float)
    assert first["statistics"][1] == {
        "count": valid.size,
        "minimum": int(valid.min()),
        "maximum": int(valid.max()),
        "mean": pytest.approx(valid.mean(), rel=1e-12),
        "stddev": pytest.approx(valid.std(), rel=1e-12),
    }
    assert (second["name"], second["driver"], second["dtype"]) == ("more[0]", "HFA", "float32")
    assert (third["name"], third["driver"], third["bands"]) == ("more[1]", "Zarr", 1)
    files = [file for file in (folder / "more.zarr").rglob("*") if file.is_file()]
    beside = [file for file in folder.glob("more.zarr.*") if file.is_file()]
    assert third["bytes"] == sum(file.stat().st_size for file in [*files, *beside])


def test_only_what_is_asked_for(folder: Path) -> None:
    told = ran(folder).summary()
    assert "otherArgs" not in told
    assert {each["checksum"] for each in told["outputs"]} == {None}


def test_every_worker_and_retries(folder: Path) -> None:
    failed: list[int] = []

    def stumbles(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
        if not failed:
            failed.append(1)
            raise ValueError("once")
        other.blocks = getattr(other, "blocks", 0) + 1
        outputs.result = inputs.image
        outputs.more = [inputs.image, inputs.image]

    style = ConcurrencyStyle(1, numComputeWorkers=2, computeWorkerKind=CW_THREADS)
    told = ran(folder, stumbles, setConcurrencyStyle=style, setShowOtherArgs=True).summary()
    assert (told["attempts"], told["retries"], told["lanes"]) == (19, 1, 4)
    assert sum((each or {}).get("blocks", 0) for each in told["otherArgs"]) == 6


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"a": [1, None, "x"]}, {"a": [1, None, "x"]}),
        ({"mean": np.float32(0.5), "hist": np.arange(3)}, {"mean": 0.5, "hist": [0, 1, 2]}),
        (7, 7),
        ({"lock": object()}, None),
        ({"nan": math.nan}, None),
        ({1j: 1}, None),
        ("x" * (MOST_CHARACTERS + 1), None),
    ],
)
def test_other_args_that_json_can_hold(other: Any, told: Any) -> None:
    assert plain(other) == told


def test_it_is_frozen_and_a_table_for_people(folder: Path) -> None:
    outcome = Outcome.of(ran(folder, setChecksum="md5"))
    with pytest.raises(AttributeError):
        outcome.blocks = 3  # type: ignore[misc]
    text = outcome.markdown()
    rows = [line for line in text.splitlines() if line.startswith("| result")]
    assert len(rows) == 1
    assert "out.tif" in rows[0]
    assert "md5:" in rows[0]
    assert "50 x 70 pixels; EPSG:" in text
