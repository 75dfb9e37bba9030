"""The types of options are those of the one table of controls, and type checkers heed them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling

import rios_flows as rf
from rios_flows import rioserrors
from rios_flows.controls.options import CONTROLS
from rios_flows.front import arrays, binding, calling, errors
from rios_flows.front.choosing import OWN
from rios_flows.front.options import Options
from rios_flows.front.wording import plain_names

ROOT = Path(__file__).parents[2]

USER = """
from collections import Counter

import numpy as np

import rios_flows as rf

inputs = {"green": "B3.tif", "red": "B4.tif"}
result = rf.apply(lambda green, red: green - red, inputs, "index.tif", nodata=-9999, overlap=2)
result.timings.formatReport()
rf.apply(np.hypot, ["a.tif", "b.tif"], {"c": "c.tif"}, window=(512, 256), resampling={"x2": "near"})
rf.apply(lambda dem, state: None, "dem.tif", state=Counter[int](), workers=4, bands={"dem": [1, 2]})
rf.apply(np.sqrt, "dem.tif", footprint="union", dtype=None, workers=rf.ConcurrencyStyle(1))
dem = rf.Raster(np.zeros((3, 4)), (1, 0, 0, 0, -1, 0), "EPSG:32755", names=["dem"])
rf.apply(lambda dem, more: dem, {"dem": dem, "more": "more.tif"}, bands={"dem": ["dem", 1]})
"""

WRONG = """
import numpy as np

import rios_flows as rf

rf.apply(np.sqrt, "dem.tif", nodta=1)
rf.apply(np.sqrt, "dem.tif", overlap="wide")
rf.apply(np.sqrt, "dem.tif", footprint="onion")
rf.apply(np.sqrt, np.zeros((3, 4)))
"""


def generator() -> ModuleType:
    place = ROOT / "docs" / "build_front.py"
    spec = importlib.util.spec_from_file_location("build_front", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_module_of_types_is_current() -> None:
    module = generator()
    assert module.MODULE.read_text() == module.render(), "run: make pages"


def test_every_control_is_an_option() -> None:
    names = plain_names()
    assert set(Options.__annotations__) == set(names)
    assert not set(names) & set(OWN)
    others = {each.name for each in CONTROLS.values()} - {each.name for each in names.values()}
    assert others == {"windowxsize", "windowysize", "concurrency"}
    assert all(name == name.lower() for name in names)
    assert len({id(room) for room in (arrays, binding, calling, errors)}) == 4


@pytest.mark.slow
def test_type_checkers_know_options(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(USER)
    (tmp_path / "wrong.py").write_text(WRONG)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "user.py", "wrong.py"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    told = [line for line in done.stdout.splitlines() if line.startswith(("user.py", "wrong.py"))]
    assert [line.split(":")[:2] for line in told if ": error:" in line] == [
        ["wrong.py", "6"],
        ["wrong.py", "7"],
        ["wrong.py", "8"],
        ["wrong.py", "9"],
    ], done.stdout


@pytest.mark.parametrize(
    "given",
    [
        {"compress": "DEFLATE", "TILED": True, "BLOCKXSIZE": 64},
        {"out": {"COMPRESS": "DEFLATE", "tiled": "yes", "blockxsize": "64"}},
        {"out": ["COMPRESS=DEFLATE", "TILED=YES", "BLOCKXSIZE=64"]},
    ],
)
def test_creation_options_as_those_of_rasterio(tmp_path: Path, given: Any) -> None:
    image = rf.Raster(np.ones((70, 80), "uint8"), (1, 0, 0, 0, -1, 70), "EPSG:32755")
    options = {"creation_options": given}
    rf.apply(lambda image: image, image, tmp_path / "out.tif", **options)
    with rasterio.open(tmp_path / "out.tif") as dataset:
        assert dataset.profile["compress"] == "deflate"
        assert dataset.block_shapes[0][1] == 64


def test_creation_options_of_an_output_that_is_not_there() -> None:
    image = rf.Raster(np.ones((7, 8), "uint8"), (1, 0, 0, 0, -1, 70), "EPSG:32755")
    for given in ({"uot": "COMPRESS=ZSTD"}, {"uot": ["COMPRESS=ZSTD"]}):
        options: Any = {"creation_options": given}
        with pytest.raises(rioserrors.ParameterError, match=r"no output 'uot'"):
            rf.apply(lambda image: image, image, "out.tif", **options)


def test_resampling_as_rasterio_calls_it() -> None:
    pixels = np.random.default_rng(2).random((40, 40))
    inputs = {
        "image": rf.Raster(pixels, (1, 0, 0, 0, -1, 40), "EPSG:32755"),
        "like": rf.Raster(np.ones((20, 20)), (1.7, 0, 3, 0, -1.7, 39), "EPSG:32755"),
    }
    seen: list[Any] = []
    ways: list[Any] = ["cubicspline", "cubic_spline", Resampling.cubic_spline]
    for resampling in ways:
        rf.apply(lambda image, like: seen.append(image), inputs, like="like", workers=1,
                 resampling=resampling)  # fmt: skip
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])
    gauss: Any = Resampling.gauss
    with pytest.raises(
        rioserrors.ParameterError, match=r"resampling=<.*gauss.* must be one of near"
    ):
        rf.apply(lambda image, like: None, inputs, like="like", resampling=gauss)
