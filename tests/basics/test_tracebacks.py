"""Tracebacks show the user's lines, and none of the program's own, unless they are asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rios_flows.basics.tracebacks import VARIABLE, shortened
from rios_flows.rioserrors import FileOpenError
from tests.support.rasters import coordinates, write_raster

SCRIPT = """
import sys
import rios_flows as rf
from rios_flows import applier, engine

def wrong(image):
    return image + imagge

def as_in_rios(info, inputs, outputs):
    outputs.out = wrong(inputs.image)

image, form = sys.argv[1:]
if form == "rios":
    infiles, outfiles = applier.FilenameAssociations(), applier.FilenameAssociations()
    infiles.image, outfiles.out = image, "out.tif"
    engine.apply(as_in_rios, infiles, outfiles)
else:
    workers = rf.ConcurrencyStyle(1, 1, "CW_SUBPROC") if form == "processes" else 2
    rf.apply(wrong, image, "out.tif", window=16, workers=workers)
"""


def told(folder: Path, form: str, image: str = "image.tif", **environment: str) -> list[str]:
    write_raster(folder / "image.tif", coordinates(1, 40, 40, "int16"))
    (folder / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py", image, form],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    return done.stderr.splitlines()


@pytest.mark.parametrize(("form", "lines"), [("rf", 16), ("rios", 19), ("processes", 26)])
def test_a_wrong_name(tmp_path: Path, form: str, lines: int) -> None:
    shown = told(tmp_path, form)
    assert len(shown) <= lines, "\n".join(shown)
    assert any("return image + imagge" in line for line in shown)
    # the one that raises it
    assert sum("rios_flows/" in line and "File" in line for line in shown) == 1


def test_all_frames_can_be_seen(tmp_path: Path) -> None:
    shown = told(tmp_path, "rf", **{VARIABLE: "full"})
    assert sum("rios_flows/" in line and "File" in line for line in shown) > 5


def test_a_missing_file(tmp_path: Path) -> None:
    shown = told(tmp_path, "rf", "nowhere.tif")
    assert len(shown) <= 12, "\n".join(shown)
    assert "Unable to open 'nowhere.tif'" in shown[-1]


def test_causes_stay_causes() -> None:
    error = FileOpenError("no file")
    error.__cause__ = OSError("nothing there")
    assert shortened(error) is error
    assert isinstance(error.__cause__, OSError)
