"""What importing costs: neither the package nor the engine may pull in what only some runs need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

HEAVY = ("prefect", "dask", "distributed", "boto3", "matplotlib")

#: Makes imports fail as they do where a package is not installed. boto3 is always blocked: rasterio
#: imports it where it is there, and copes where it is not; an import of ours would fail.
BLOCK = """
import importlib.abc, sys

class NotInstalled(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, NotInstalled())
"""
BLOCK_BOTO3 = BLOCK.format(names=("boto3",))
BLOCK_PREFECT = BLOCK.format(names=("boto3", "prefect", "prefect_dask", "prefect_aws"))
PRINT_HEAVY = f"import sys; print(*sorted({set(HEAVY)!r} & set(sys.modules)))"

RUN_ENGINE = """
import numpy as np
import rasterio
import rios_flows
from rios_flows import engine
from rios_flows.structures import FilenameAssociations

pixels = np.arange(40 * 30, dtype="int16").reshape(1, 40, 30)
transform = rasterio.Affine(10.0, 0.0, 5000.0, 0.0, -10.0, 9000.0)
with rasterio.open(
    "in.tif", "w", driver="GTiff", width=30, height=40, count=1, dtype="int16",
    crs="EPSG:32621", transform=transform,
) as dataset:
    dataset.write(pixels)

def double(info, inputs, outputs):
    outputs.twice = 2 * inputs.once

infiles, outfiles = FilenameAssociations(), FilenameAssociations()
infiles.once, outfiles.twice = "in.tif", "out.tif"
engine.apply(double, infiles, outfiles)
with rasterio.open("out.tif") as dataset:
    assert (dataset.read() == 2 * pixels).all()
"""


EXTRAS = (
    *("boto3", "botocore", "dask", "distributed", "dask_jobqueue", "prefect_dask", "prefect_aws"),
    *("zarr", "xarray", "rioxarray", "pandas"),
)

IMPORT_ALL = """
import importlib
import pkgutil

import rios_flows

names = [module.name for module in pkgutil.walk_packages(rios_flows.__path__, "rios_flows.")]
names = [name for name in names if not name.startswith({left_out!r})]
assert len(names) > 50
for name in names:
    importlib.import_module(name)
print("imported")
"""


def run_python(code: str, folder: Path) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "module",
    ["rios_flows", "rios_flows.engine", "rios_flows.applier", "rios_flows.structures"],
)
def test_importing_stays_light(module: str, tmp_path: Path) -> None:
    code = f"{BLOCK_BOTO3}import {module}\n{PRINT_HEAVY}"
    assert run_python(code, tmp_path).split() == []


def test_vectors_cost_nothing_until_there_are_some(tmp_path: Path) -> None:
    code = (
        f"{BLOCK_BOTO3}import rios_flows.applier, rios_flows.structures\n"
        "print(*{'shapely', 'pyogrio'} & set(sys.modules))"
    )
    assert run_python(code, tmp_path).split() == []


def test_nothing_but_the_flow_imports_prefect(tmp_path: Path) -> None:
    import_all = IMPORT_ALL.format(left_out="rios_flows.orchestration")
    assert run_python(BLOCK_PREFECT + import_all + PRINT_HEAVY, tmp_path).split() == ["imported"]


def test_every_module_is_imported_without_extras(tmp_path: Path) -> None:
    # a program of its own, which has a server begin
    import_all = IMPORT_ALL.format(left_out="rios_flows.orchestration.server_process")
    code = BLOCK.format(names=EXTRAS) + import_all
    assert run_python(code, tmp_path).split() == ["imported"]


def test_engine_runs_where_prefect_is_not_installed(tmp_path: Path) -> None:
    assert run_python(BLOCK_PREFECT + RUN_ENGINE + PRINT_HEAVY, tmp_path).split() == []


@pytest.mark.parametrize("name", ["boto3", "prefect"])
def test_the_block_is_real(name: str, tmp_path: Path) -> None:
    attempt = f"try:\n    import {name}\nexcept ModuleNotFoundError as error:\n    print(error)"
    assert run_python(BLOCK_PREFECT + attempt, tmp_path).strip() == f"No module named '{name}'"
