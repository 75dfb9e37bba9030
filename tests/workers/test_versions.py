"""Whether a worker's versions fit those of the run."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import rasterio

import rios_flows
from rios_flows import rioserrors
from rios_flows.workers.versions import Versions, compare, here

MAIN = Versions("3.11.9", "2.4.6", "1.4.4", "3.10.3", "0.1.0", "3.1.2", "little")


def test_equal() -> None:
    assert compare(MAIN, MAIN, "node1") is None


def test_here() -> None:
    found = here()
    assert found.python == "{}.{}.{}".format(*sys.version_info[:3])
    assert (found.numpy, found.rasterio) == (np.__version__, rasterio.__version__)
    assert (found.gdal, found.rios_flows) == (rasterio.__gdal_version__, rios_flows.__version__)
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    ("field", "its", "name"),
    [
        ("python", "3.12.9", "Python"),
        ("python", "3.1.9", "Python"),
        ("numpy", "2.3.6", "numpy"),
        ("numpy", "1.4.6", "numpy"),
        ("rasterio", "1.5.0", "rasterio"),
        ("rasterio", "1.5a1", "rasterio"),
        ("gdal", "3.1.3", "GDAL"),
        ("gdal", "4.10.3", "GDAL"),
        ("rios_flows", "0.1.1", "rios_flows"),
        ("rios_flows", "0.1.0.dev1", "rios_flows"),
        ("cloudpickle", "3.2.0", "cloudpickle"),
        ("byte_order", "big", "byte order"),
    ],
)
def test_refused(field: str, its: str, name: str) -> None:
    worker = replace(MAIN, **{field: its})
    with pytest.raises(rioserrors.JobMgrError) as caught:
        compare(MAIN, worker, "node1")
    message = str(caught.value)
    assert message.startswith(
        f"The worker on node1 has {name} {its} (the run has {getattr(MAIN, field)}): "
    )
    assert "start workers in the same Python environment" in message


def test_a_package_that_is_missing_there() -> None:
    with pytest.raises(rioserrors.JobMgrError, match=r"cloudpickle missing \(the run has 3"):
        compare(MAIN, replace(MAIN, cloudpickle=""), "node1")


@pytest.mark.parametrize(
    ("field", "its", "name"),
    [
        ("python", "3.11.10", "Python"),
        ("python", "3.11.0rc1", "Python"),
        ("numpy", "2.4.0", "numpy"),
        ("rasterio", "1.4.0", "rasterio"),
        ("gdal", "3.10.0", "GDAL"),
        ("cloudpickle", "3.1.0", "cloudpickle"),
    ],
)
def test_warned_of(field: str, its: str, name: str) -> None:
    told = compare(MAIN, replace(MAIN, **{field: its}), "node1")
    assert told is not None
    assert f"node1 has {name} {its} (the run has {getattr(MAIN, field)})" in told


def test_only_what_matters_is_in_the_error() -> None:
    with pytest.raises(rioserrors.JobMgrError) as caught:
        compare(MAIN, replace(MAIN, gdal="3.11.0", python="3.11.10"), "node1")
    assert "Python 3" not in str(caught.value)


def test_looking_imports_no_cloudpickle() -> None:
    code = (
        "from rios_flows.workers import versions; from rios_flows.workers.travel import luggage;"
        "versions.here(); import sys;"
        "assert 'cloudpickle' not in sys.modules and 'prefect' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
