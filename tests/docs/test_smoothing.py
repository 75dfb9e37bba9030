"""The filters that the pages show: right up to the edge of the image, in both forms."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import rios_flows as rf
from rios_flows import applier, engine
from rios_flows.version import __version__
from tests.support.rasters import read_raster, write_raster

ROOT = Path(__file__).parents[2]


def code_of(page: str) -> str:
    """Return the block of a page that defines ``smooth``."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    (found,) = [block for block in blocks if "def smooth" in block]
    return str(found)


@pytest.mark.parametrize("page", ["getting-started.md", "numpy.md"])
def test_right_at_the_edge(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(3).integers(1, 200, (1, 300, 270)).astype("uint8")
    write_raster(tmp_path / "green.tif", pixels, nodata=None)
    monkeypatch.chdir(tmp_path)
    # the plain engine writes the same as the flow, and needs no server
    monkeypatch.setattr(applier, "apply", engine.apply)
    infiles = applier.FilenameAssociations()
    infiles.green = "green.tif"
    exec(code_of(page), {"np": np, "rf": rf, "applier": applier, "infiles": infiles})
    around = np.pad(pixels[0].astype("float64"), 1, "symmetric")
    nine = [around[row : row + 300, col : col + 270] for row in range(3) for col in range(3)]
    np.testing.assert_allclose(read_raster(tmp_path / "smooth.tif")[0], sum(nine) / 9, rtol=1e-6)


def test_the_citation_is_of_this_version() -> None:
    told = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {__version__}\n" in told
    assert "- name: The rios_flows developers\n" in told
