"""The demo, as ``make demo`` runs it, and its output against plain numpy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from rasterio.coords import BoundingBox
from rasterio.windows import from_bounds

if TYPE_CHECKING:
    from rios_flows.basics.types import BlockArray

ROOT = Path(__file__).parents[2]
DATA = ROOT / "examples" / "data"
NODATA = -32768


def crops(band: str) -> list[Path]:
    return sorted(DATA.glob(f"*_{band}.tif"))


def shared_area() -> BoundingBox:
    bounds = []
    for path in crops("green"):
        with rasterio.open(path) as dataset:
            bounds.append(dataset.bounds)
    lefts, bottoms, rights, tops = zip(*bounds, strict=True)
    return BoundingBox(max(lefts), max(bottoms), min(rights), min(tops))


def expected_index() -> BlockArray:
    area = shared_area()
    scenes = []
    for green_path, red_path in zip(crops("green"), crops("red"), strict=True):
        with rasterio.open(green_path) as green_file, rasterio.open(red_path) as red_file:
            window = from_bounds(*area, green_file.transform).round()
            green = green_file.read(1, window=window, masked=True).astype(np.float32)
            red = red_file.read(1, window=window, masked=True).astype(np.float32)
        scenes.append((green - red) / (green + red))
    mean = np.ma.mean(np.ma.stack(scenes), axis=0)
    index: BlockArray = np.ma.filled(np.rint(10000 * mean), NODATA).astype(np.int16)
    return index


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Run the demo as a newcomer does, with a home directory that holds nothing."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("demo")
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    env.update(HOME=str(home), PYTHONPATH=str(ROOT), DO_NOT_TRACK="1")
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "demo.py"), str(folder)],
        cwd=home,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return folder, done.stdout


@pytest.mark.slow
@pytest.mark.prefect
def test_demo_computes_what_numpy_computes(demo: tuple[Path, str]) -> None:
    with rasterio.open(demo[0] / "vegetation_index.tif") as dataset:
        index = dataset.read(1)
        assert dataset.bounds == shared_area()
        assert dataset.nodata == NODATA
    expected = expected_index()
    assert index.shape == expected.shape
    # float32 sums in another order may fall on the other side of a half
    assert np.abs(index.astype(int) - expected).max() <= 1
    assert ((index == NODATA) == (expected == NODATA)).all()
    assert len(np.unique(index)) > 500


@pytest.mark.slow
@pytest.mark.prefect
def test_demo_says_where_time_went_and_where_files_lie(demo: tuple[Path, str]) -> None:
    folder, printed = demo
    assert "Wall clock elapsed time:" in printed
    for timer in ("reading", "userfunction", "writing"):
        assert f"\n{timer} " in printed
    for name in ("vegetation_index.tif", "quicklook.png", "timeline.png", "heatmap.png"):
        assert str(folder / name) in printed
        assert (folder / name).stat().st_size > 5000
    for picture in folder.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")
    assert not list(folder.glob(".rios_flows-*"))


@pytest.mark.slow
@pytest.mark.prefect
@pytest.mark.skipif(shutil.which("gdalinfo") is None, reason="gdalinfo is not installed")
def test_gdal_itself_reads_the_demo_output(demo: tuple[Path, str]) -> None:
    command = ["gdalinfo", "-checksum", str(demo[0] / "vegetation_index.tif")]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "Size is 408, 416" in told.stdout
    assert 'ID["EPSG",32621]' in told.stdout
    assert "Block=64x64 Type=Int16" in told.stdout
    assert "NoData Value=-32768" in told.stdout
    assert told.stderr == ""


def test_crops_are_small_and_overlap() -> None:
    files = crops("green") + crops("red")
    assert len(files) == 4
    assert sum(path.stat().st_size for path in files) <= 1_000_000
    area = shared_area()
    assert area.right - area.left == 408 * 30
    assert area.top - area.bottom == 416 * 30
