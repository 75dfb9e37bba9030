"""Every name that scripts may take from a module of RIOS is there, or the table says why not."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rios_flows
from rios_flows import calcstats, const
from rios_flows.basics.gone import MACHINERY
from rios_flows.controls import ApplierControls
from rios_flows.version import VersionObj

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
#: Names of RIOS 2.0.9 by module.
NAMES = json.loads((DATA / "rios_names.json").read_text())
SURFACE = json.loads((DATA / "rios_surface.json").read_text())
ROWS = {row["name"]: row for group in SURFACE["groups"] for row in group["names"]}
MODULES = ("applier", "imagereader", "imagewriter", "computemanager", "const", "structures")


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in NAMES.items() for name in names]
)
def test_every_name(module: str, name: str) -> None:
    row = ROWS[name if module == "rios" else f"{module}.{name}"]
    if row["signature"] is None:
        assert row["status"] == "refused"
        assert row["reason"]
        return
    package = "rios_flows" if module == "rios" else f"rios_flows.{module}"
    there: dict[str, Any] = {}
    exec(f"from {package} import {name}", there)
    assert name in there


@pytest.mark.parametrize("module", MODULES)
def test_names_are_public(module: str) -> None:
    found = importlib.import_module(f"rios_flows.{module}")
    for name in NAMES.get(module, ()):
        row = ROWS[f"{module}.{name}"]
        assert (name in found.__all__) is (row["signature"] is not None), name


PRINT = """
import json
from rios_flows import applier, calcstats, rat
names = [name for name in applier.__all__ if name.startswith(("DEFAULT", "dflt"))]
values = {name: getattr(applier, name) for name in names if name != "DEFAULTLOGGINGSTREAM"}
values["dfltDriverOptions"] = dict(values["dfltDriverOptions"])
assert calcstats.DEFAULT_MINOVERVIEWDIM == applier.DEFAULT_MINOVERVIEWDIM
assert rat.DEFAULT_AUTOCOLORTABLETYPE == applier.DEFAULT_AUTOCOLORTABLETYPE
print(json.dumps(values))
"""


def defaults(**environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", PRINT],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def test_constants_are_those_of_the_environment() -> None:
    values = defaults(
        RIOS_DFLT_DRIVER="GTiff",
        RIOS_DFLT_CREOPT_GTiff="COMPRESS=LZW TILED=YES",
        RIOS_DFLT_BLOCKXSIZE="64",
        RIOS_DFLT_BLOCKYSIZE="32",
        RIOS_DFLT_OVERLAP="3",
        RIOS_DFLT_FOOTPRINT="1",
        RIOS_DFLT_OVERVIEWLEVELS="2,4",
        RIOS_DFLT_MINOVERLEVELDIM="33",
        RIOS_DFLT_OVERVIEWAGGTYPE="AVERAGE",
        RIOS_DFLT_AUTOCOLORTABLETYPE="rainbow",
    )
    options = values.pop("dfltDriverOptions")
    assert options["GTiff"] == ["COMPRESS=LZW", "TILED=YES"]
    assert options["HFA"] == ["COMPRESSED=YES", "IGNOREUTM=YES"]
    assert values == {
        "DEFAULTDRIVERNAME": "GTiff",
        "DEFAULTCREATIONOPTIONS": ["COMPRESS=LZW", "TILED=YES"],
        "DEFAULTWINDOWXSIZE": 64,
        "DEFAULTWINDOWYSIZE": 32,
        "DEFAULTOVERLAP": 3,
        "DEFAULTFOOTPRINT": 1,
        "DEFAULT_OVERVIEWLEVELS": [2, 4],
        "DEFAULT_MINOVERVIEWDIM": 33,
        "DEFAULT_OVERVIEWAGGREGRATIONTYPE": "AVERAGE",
        "DEFAULT_AUTOCOLORTABLETYPE": "rainbow",
        "DEFAULT_RESAMPLEMETHOD": "near",
    }


def test_a_bad_variable_does_not_keep_anyone_from_importing() -> None:
    assert defaults(RIOS_DFLT_BLOCKXSIZE="wide")["DEFAULTWINDOWXSIZE"] == 256


def test_options_by_driver_are_not_to_be_changed() -> None:
    with pytest.raises(TypeError):
        const.dfltDriverOptions["GTiff"] = ["COMPRESS=NONE"]  # type: ignore[index]


def test_types_of_pixels() -> None:
    # GDT_UInt16, Int16, UInt32, Int32, UInt64, Int64; Float32, Float64
    assert calcstats.gdalLargeIntTypes == {2, 3, 4, 5, 12, 13}
    assert calcstats.gdalFloatTypes == {6, 7}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("1.4.16", "2.0.0"),
        ("2.0.9", "2.0.10"),
        ("2.0", "2.0.1"),
        ("2.0.9b1", "2.0.9"),
        ("2.0.9a2", "2.0.9b1"),
        ("2.1.0dev", "2.1"),
    ],
)
def test_versions(earlier: str, later: str) -> None:
    first, second = VersionObj(earlier), VersionObj(later)
    assert first < second
    assert second >= first
    assert first != second
    assert not first > second


def test_a_version() -> None:
    assert rios_flows.VersionObj(rios_flows.RIOS_VERSION) >= VersionObj("2.0.0")
    assert VersionObj("2.0") == VersionObj("2.0.0")
    assert len({VersionObj("2.0"), VersionObj("2.0.0")}) == 1
    assert str(VersionObj("2.0.9")) == "2.0.9"
    with pytest.raises(ValueError, match="'new' is no version"):
        VersionObj("new")
    with pytest.raises(TypeError):
        _ = VersionObj("2.0") < "2.1"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("from rios_flows.imagereader import ImageReader", "applier.apply call it for every block"),
        ("from rios_flows.imagewriter import ImageWriter", "applier.apply call it for every block"),
        ("from rios_flows import imagereader; imagereader.ImageReader", "FilenameAssociations"),
        ("from rios_flows import parallel", "setConcurrencyStyle"),
        ("from rios_flows.parallel import jobmanager", "setConcurrencyStyle"),
        ("from rios_flows.parallel.jobmanager import getJobManagerClassByType", "setConcurr"),
        ("import rios_flows.parallel.jobmanager", "setConcurrencyStyle"),
        ("from rios_flows import inputcollection", "FilenameAssociations"),
        ("from rios_flows.inputcollection import InputCollection", "FilenameAssociations"),
        ("from rios_flows import vectorreader", "FilenameAssociations"),
        ("import rios_flows.vectorreader", "FilenameAssociations"),
    ],
)
def test_modules_say_what_to_write_in_place_of_what_is_gone(line: str, words: str) -> None:
    with pytest.raises(ImportError, match=rf"RIOS 2 has no .*, nor has rios_flows: .*{words}"):
        exec(line, {})


@pytest.mark.parametrize("name", MACHINERY["computemanager"][1])
def test_modules_say_what_does_the_work_of_machinery(name: str) -> None:
    told = f"rios_flows has no computemanager.{name}: the engine launches workers"
    for line in (
        f"from rios_flows.computemanager import {name}",
        f"from rios_flows import computemanager; computemanager.{name}",
        f"import rios_flows.computemanager; rios_flows.computemanager.{name}",
    ):
        with pytest.raises(ImportError, match=told):
            exec(line, {})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("setNumThreads", "applier.CW_THREADS"),
        ("setJobManagerType", "computeWorkerKind"),
        ("setLoggingStream", "logger 'rios_flows'"),
    ],
)
def test_controls_say_what_to_write_in_place_of_what_is_gone(name: str, words: str) -> None:
    controls = ApplierControls()
    assert not hasattr(controls, name)
    with pytest.raises(AttributeError, match=words):
        getattr(controls, name)


def test_what_never_was() -> None:
    with pytest.raises(AttributeError, match="'ApplierControls' object has no attribute 'setNone'"):
        getattr(ApplierControls(), "setNone")  # noqa: B009
    for module in ("imagereader", "imagewriter"):
        with pytest.raises(ImportError, match="cannot import name 'nothing'"):
            exec(f"from rios_flows.{module} import nothing", {})
    for module in ("nothing", "parallels.jobmanager"):
        with pytest.raises(ModuleNotFoundError, match="No module named 'rios_flows"):
            importlib.import_module(f"rios_flows.{module}")
    with pytest.raises(AttributeError, match="'rios_flows' has no attribute 'nothing'"):
        getattr(rios_flows, "nothing")  # noqa: B009
