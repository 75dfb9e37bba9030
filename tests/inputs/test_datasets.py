"""Datasets that the caller has open, as inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

import rios_flows as rf
from rios_flows import applier, engine, rioserrors
from rios_flows.inputs.datasets import DatasetPixels, entry_of
from tests.support.held import as_it_is, changeable_dataset, in_memory, open_dataset, warped
from tests.support.rasters import Array, read_raster
from tests.support.styles import STYLES


def test_an_open_dataset_cannot_travel(scene: Path, pixels: Array, tmp_path: Path) -> None:
    style = rf.ConcurrencyStyle(computeWorkerKind=applier.CW_SUBPROC, numComputeWorkers=1,
                                computeWorkersRead=True)  # fmt: skip
    told = r"^the dataset '.*' is open in this process only, .* give the name of its file$"
    with pytest.raises(rioserrors.ParameterError, match=told):
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


def test_which_datasets_are_opened_again(scene: Path, pixels: Array) -> None:
    assert entry_of(open_dataset(scene, pixels)) == str(scene)
    with rasterio.open(scene, OVERVIEW_LEVEL="NONE") as dataset:
        assert isinstance(entry_of(dataset), DatasetPixels)
    for kind in (changeable_dataset, in_memory, warped):
        assert isinstance(entry_of(kind(scene, pixels)), DatasetPixels)
