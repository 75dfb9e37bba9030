"""The deployable flow: called, and deployed for a worker that runs somewhere else."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from prefect.exceptions import ParameterTypeError

from flows.vegetation_index import NODATA, SCALE, Bands, Concurrency, vegetation_index
from rios_flows.orchestration.call import ApplyCall
from rios_flows.version import __version__
from tests.orchestration.jobs import Job, double
from tests.orchestration.served import ROOT, Api, Server, prefect
from tests.support.rasters import Array, write_raster
from tests.support.styles import STYLES

pytestmark = [pytest.mark.prefect]

DATA = ROOT / "examples" / "data"
GREEN, RED = (str(DATA / f"landsat8_224078_{band}.tif") for band in ("green", "red"))


def read(path: str | Path) -> Array:
    with rasterio.open(path) as dataset:
        pixels: Array = dataset.read(1)
        return pixels


def expected(dtype: str) -> Array:
    """Compute the index of the whole scene with numpy."""
    green, red = read(GREEN).astype(np.float32), read(RED).astype(np.float32)
    known = (green != 0) & (red != 0)
    total = np.where(known, green + red, np.float32(1))
    index = (green - red) / total
    if dtype == "int16":
        index = np.rint(index * SCALE)
    return np.where(known, index, NODATA[dtype]).astype(dtype)


@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize("compute_workers", [0, 2])
def test_called(api: Api, folder: Path, dtype: Any, compute_workers: int) -> None:
    vegetation_index(
        Bands(green=GREEN, red=RED),
        "index.tif",
        dtype=dtype,
        block_size=100,
        concurrency=Concurrency(read_workers=1, compute_workers=compute_workers),
    )
    np.testing.assert_array_equal(read("index.tif"), expected(dtype))
    with rasterio.open("index.tif") as dataset:
        assert dataset.nodata == NODATA[dtype]
        assert dataset.driver == "GTiff"


def test_fill_of_files_that_declare_no_nodata(api: Api, folder: Path) -> None:
    green = write_raster(folder / "green.tif", np.array([[[3, 9, 5]]], np.uint16))
    red = write_raster(folder / "red.tif", np.array([[[1, 9, 9]]], np.uint16))
    bands = Bands(green=str(green), red=str(red), fill=9)
    vegetation_index(bands, "index.tif", block_size=16)
    np.testing.assert_array_equal(read("index.tif"), [[5000, -32768, -32768]])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"block_size": 8}, "block_size"),
        ({"dtype": "uint8"}, "dtype"),
        ({"output": ""}, "output"),
        ({"bands": {"green": GREEN}}, "red"),
        ({"bands": {"green": GREEN, "red": RED, "blue": RED}}, "blue"),
        ({"concurrency": {"read_workers": 0}}, "compute_workers need"),
        ({"concurrency": {"compute_workers": -1}}, "compute_workers"),
    ],
)
def test_parameters_are_checked(change: dict[str, Any], word: str) -> None:
    good = {"bands": {"green": GREEN, "red": RED}, "output": "index.tif"}
    vegetation_index.validate_parameters(good)
    with pytest.raises(ParameterTypeError, match=word):
        vegetation_index.validate_parameters({**good, **change})


def test_a_worker_with_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    style = Concurrency().style()
    assert (style.numReadWorkers, style.numComputeWorkers) == (2, 1)
    assert Concurrency(read_workers=0, compute_workers=0).style().numComputeWorkers == 0


def run_deployed(
    server: Server, folder: Path, deployment: str, *given: str
) -> subprocess.CompletedProcess[str]:
    """Start a run of a deployment, and wait for its end."""
    waiting = ["--watch", "--watch-interval", "1"]
    return prefect(server, folder, "deployment", "run", deployment, *given, *waiting)


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_deployed(api: Api, server: Server, tmp_path: Path) -> None:
    output = tmp_path / "index.tif"
    parameters = {
        "bands": json.dumps({"green": GREEN, "red": RED}),
        "output": str(output),
        "block_size": "128",
        "concurrency": json.dumps({"read_workers": 1, "compute_workers": 2}),
    }
    given = [item for name, value in parameters.items() for item in ("-p", f"{name}={value}")]
    done = run_deployed(server, tmp_path, "vegetation-index/landsat", *given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Completed" in done.stdout
    np.testing.assert_array_equal(read(output), expected("int16"))
    run = api.flow_run(f"vegetation index to {output}")
    assert run.parameters["bands"]["green"] == GREEN
    # all of it is on this run's page
    assert set(api.task_runs(run.id, 4)) == {"read-0", "compute-0", "compute-1", "write"}
    assert set(api.artifacts(run.id)) >= {"progress", "summary", "blocks"}
    assert run.state is not None
    told = run.state.result()
    assert told["outputs"][0]["path"] == str(output)
    assert told["grid"]["width"] == expected("int16").shape[1]


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_any_function_deployed(api: Api, server: Server, tmp_path: Path) -> None:
    job = Job(tmp_path, "any function", STYLES["threads 1-1"])
    parameters = ApplyCall.prepare(double, job.infiles, job.outfiles, None, job.controls).parameters
    given = [
        item
        for name, value in parameters.items()
        for item in ("-p", f"{name}={value if name == 'function' else json.dumps(value)}")
    ]
    done = run_deployed(server, tmp_path, "rios-apply/any-function", *given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert job.is_done()
    (run,) = [
        each
        for each in api.deployed_runs("rios-apply/any-function")
        if each.parameters == parameters
    ]
    assert set(api.task_runs(run.id, 3)) == {"read-0", "compute-0", "write"}


@pytest.mark.slow
@pytest.mark.usefixtures("deployed")
def test_a_run_with_bad_parameters_is_refused_at_once(server: Server, tmp_path: Path) -> None:
    bands = json.dumps({"green": GREEN, "red": RED})
    done = prefect(
        server, tmp_path, "deployment", "run", "vegetation-index/landsat",
        "-p", f"bands={bands}", "-p", "output=x.tif", "-p", "block_size=8",
    )  # fmt: skip
    assert done.returncode != 0
    assert "8 is less than the minimum of 16" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("deployed")
def test_a_run_with_a_bad_control_is_refused_at_once(
    api: Api, server: Server, tmp_path: Path
) -> None:
    done = prefect(
        server, tmp_path, "deployment", "run", "rios-apply/any-function", "-p", "function=a:b",
        "-p", 'controls={"windowxsize": 512, "concurrency": {"numReadWorker": 1}}',
    )  # fmt: skip
    assert done.returncode != 0
    assert "numReadWorker" in done.stdout + done.stderr
    done = prefect(
        server, tmp_path, "deployment", "run", "rios-apply/any-function", "-p", "function=a:b",
        "-p", 'controls={"overlap": -1}',
    )  # fmt: skip
    assert done.returncode != 0
    assert "-1 is less than the minimum of 0" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("deployed")
def test_a_deployment_holds_no_path_of_this_machine(api: Api) -> None:
    for name in ("vegetation-index/landsat", "rios-apply/any-function"):
        deployment = api.deployment(name)
        assert str(ROOT) not in deployment.model_dump_json()
        assert deployment.version == f"rios_flows {__version__}"
        assert "rios_flows" in deployment.tags
        assert deployment.job_variables["env"]["GDAL_CACHEMAX"]
    landsat = api.deployment("vegetation-index/landsat")
    assert "RIOS_FLOWS_HOME" in str(landsat.pull_steps)
    assert landsat.global_concurrency_limit is not None
    assert landsat.global_concurrency_limit.limit == 2
    (schedule,) = landsat.schedules
    assert not schedule.active
    vegetation_index.validate_parameters(schedule.parameters)
