"""Installed from a wheel, with no checkout around: deployed as the page says, run by a schedule."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun

from rios_flows.version import __version__
from tests.orchestration.served import ROOT, Api, Server, eventually, running_worker
from tests.support.rasters import coordinates, read_raster, write_raster

pytestmark = [pytest.mark.prefect, pytest.mark.slow]

POOL = "installed"
#: Seconds from one run of the schedule to the next; one is enough.
EVERY = 20

#: The package of a user.
FUNCTIONS = """
import rios_flows

assert rios_flows.__file__.startswith({site!r})

def double(info, inputs, outputs):
    outputs.ndvi = inputs.image * 2
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_what_is_in_the_archives(built: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"deployments/README.md", "prefect.yaml", "flows/vegetation_index.py"} <= names
    assert {"deployments/Containerfile", "deployments/pools/ecs.json"} <= names
    (wheel,) = built.glob("*.whl")
    rooms = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert rooms == {"rios_flows", f"rios_flows-{__version__}.dist-info"}


def page() -> dict[str, Any]:
    """Return the prefect.yaml of the page."""
    text = (ROOT / "deployments" / "README.md").read_text()
    (block,) = [
        block
        for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
        if "rios_flows.orchestration.flow.apply_flow" in block
    ]
    words: dict[str, Any] = yaml.safe_load(block)
    return words


def ended(runs: list[FlowRun]) -> FlowRun | None:
    return next((run for run in runs if run.state is not None and run.state.is_final()), None)


def test_a_schedule_fires(api: Api, server: Server, built: Path, tmp_path: Path) -> None:
    site, here, there = (tmp_path / name for name in ("site", "here", "there"))
    for folder in (site, here, there):
        folder.mkdir()
    (wheel,) = built.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    (site / "my_package").mkdir()
    (site / "my_package" / "indices.py").write_text(FUNCTIONS.format(site=str(site)))
    environment = {**server.environment(), "PYTHONPATH": str(site)}

    described = page()
    (deployment,) = described["deployments"]
    deployment["work_pool"]["name"] = POOL
    deployment["parameters"]["function"] = "my_package.indices:double"
    (schedule,) = deployment["schedules"]
    for name in ("cron", "timezone"):
        del schedule[name]
    first = datetime.now(UTC)
    schedule.update(interval=EVERY, anchor_date=first.isoformat())
    pixels = coordinates(1, 60, 70, "int16")
    image = write_raster(tmp_path / "scene.tif", pixels)
    output = tmp_path / "ndvi.tif"
    schedule["parameters"].update(infiles={"image": str(image)}, outfiles={"ndvi": str(output)})
    (here / "prefect.yaml").write_text(yaml.safe_dump(described))

    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"), overwrite=True)
    with running_worker(POOL, environment, there):
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
            env=environment,
            cwd=here,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        name = "rios-apply/ndvi"
        assert api.deployment(name).version == f"rios_flows {__version__}"
        for folder in (here, ROOT):
            assert str(folder) not in api.deployment(name).model_dump_json()
        try:
            run = eventually(lambda: ended(api.deployed_runs(name)), 150)
        finally:
            with get_client(sync_client=True) as client:
                client.delete_deployment(api.deployment(name).id)
    assert run.state is not None
    assert run.state.is_completed(), run.state.message
    assert run.auto_scheduled
    assert run.expected_start_time is not None
    since = run.expected_start_time.timestamp() - first.timestamp()
    assert since % EVERY == pytest.approx(0, abs=0.01)
    np.testing.assert_array_equal(read_raster(output), pixels * 2)
