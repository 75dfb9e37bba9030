"""Scripts that send their functions to a worker: a new process that has nothing but the luggage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import rasterio

from rios_flows.controls.controls import ApplierControls
from rios_flows.controls.held import resolved
from rios_flows.jobs.plan import Plan, build_plan
from rios_flows.runs.blockwork import BlockWork
from rios_flows.structures import FilenameAssociations
from rios_flows.workers.travel import luggage

ROOT = Path(__file__).parents[2]

#: What a worker does: it calls the function, without any block, and sends home what came of it.
WORKER = """
import sys
sys.path.append({root!r})
from rios_flows.workers.travel import luggage
with open({job!r}, "rb") as file:
    work = luggage.unpack(file.read())
result = work._function(None, None, None, work.other_args)
with open({home!r}, "wb") as file:
    file.write(luggage.pack_state((result, work.other_args)))
"""


def work_of(function: Any, other_args: Any = None, settings: Any = None) -> BlockWork:
    """Make a job without inputs and outputs."""
    plan = cast("Plan", _NoPlan())
    return BlockWork(plan, function, other_args, settings or {})


class _NoPlan:
    """Stands in the place of a plan."""

    class options:
        class retries:
            delay = 0
            user_function = 0


def there_and_back(function: Any, other_args: Any = None, settings: Any = None) -> Any:
    """Call a function in a worker; return what it returned, and ``otherArgs`` from there.

    What lies beside the script is removed before.
    """
    folder = Path(sys.path[0])
    Path("job").write_bytes(luggage.pack(work_of(function, other_args, settings)))
    for path in folder.glob("*.py"):
        path.unlink()
    Path("elsewhere").mkdir(exist_ok=True)
    code = WORKER.format(
        root=str(ROOT), job=str(Path("job").absolute()), home=str(Path("home").absolute())
    )
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd="elsewhere", check=True, timeout=60)
    return luggage.unpack_state(Path("home").read_bytes())


def run_script(code: str, folder: Path, **beside: str) -> str:
    """Run a script, with modules beside it; return what it prints."""
    for name, text in beside.items():
        (folder / f"{name}.py").write_text(text)
    prelude = f"import sys; sys.path.append({str(ROOT)!r})\n"
    prelude += "from tests.support.luggage import there_and_back, work_of\n"
    (folder / "script.py").write_text(prelude + code)
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def real_plan(folder: Path) -> Plan:
    """Make the plan of a small job."""
    profile = {"driver": "GTiff", "width": 40, "height": 30, "count": 1, "dtype": "uint8"}
    transform = rasterio.Affine(10, 0, 5000, 0, -10, 9000)
    with rasterio.open(
        folder / "in.tif", "w", **profile, crs="EPSG:32621", transform=transform
    ) as made:
        made.write(np.ones((1, 30, 40), "uint8"))
    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    infiles.image, outfiles.result = str(folder / "in.tif"), str(folder / "out.tif")
    return build_plan(infiles, outfiles, resolved(ApplierControls(), infiles, outfiles)[0])
