"""Outputs for which the disk, or a file on it, is too small."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import rioserrors
from tests.support.copies import Copy

ROOT = Path(__file__).parents[2]

LIMITED = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from rios_flows import rioserrors
from tests.support.copies import Copy

folder, name, driver, limit = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
further = sys.argv[5:]
pixels = np.random.default_rng(0).integers(1, 30000, (1, 1000, 1000)).astype("int16")
job = Copy(folder, pixels, name)
job.controls.setWindowSize(256, 256)
job.controls.setOutputDriverName(driver)
if further:
    job.controls.setCreationOptions(["TILED=YES"])
    job.controls.setOverviewAggregationType(further[0])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    job.run()
except rioserrors.ImageWriteError as error:
    print("refused:", error)
"""


@pytest.mark.parametrize(
    ("name", "driver"), [("out.tif", "GTiff"), ("out.img", "HFA"), ("out.tif", "COG")]
)
# in the middle of the pixels, and when all of them are there but the overviews are not
@pytest.mark.parametrize("share", [0.3, 0.97])
def test_a_file_that_may_not_grow(tmp_path: Path, name: str, driver: str, share: float) -> None:
    size = whole_size(tmp_path, name, driver)
    (tmp_path / name).write_text("the old one")
    command = [sys.executable, "-c", LIMITED, str(tmp_path), name, driver, str(int(size * share))]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("refused: Unable to"), done.stdout + done.stderr
    assert "'result'" in done.stdout
    assert (tmp_path / name).read_text() == "the old one"
    assert not (tmp_path / f".{name}.rios_flows").exists()


@pytest.mark.parametrize("method", ["NEAREST", "GAUSS"])
def test_a_file_without_compression_that_may_not_grow(tmp_path: Path, method: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LIMITED, str(tmp_path), "out.tif", "GTiff"]
    subprocess.run([*command, str(2**40), method], env=env, check=True, timeout=120)
    size = (tmp_path / "out.tif").stat().st_size
    (tmp_path / "out.tif").write_text("the old one")
    # the last bytes of all, and some of what comes before
    for missing in (1, 60_000, 200_000):
        limited = [*command, str(size - missing), method]
        done = subprocess.run(limited, env=env, capture_output=True, text=True, timeout=120)
        assert done.stdout.startswith("refused: Unable to"), done.stdout + done.stderr
        assert "is the disk full" in done.stdout
        assert (tmp_path / "out.tif").read_text() == "the old one"


def whole_size(folder: Path, name: str, driver: str) -> int:
    pixels = np.random.default_rng(0).integers(1, 30000, (1, 1000, 1000)).astype("int16")
    job = Copy(folder, pixels, name)
    job.controls.setWindowSize(256, 256)
    job.controls.setOutputDriverName(driver)
    job.run()
    return job.path.stat().st_size


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 1 MB, where that is allowed."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here; RLIMIT_FSIZE is tried in any case")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.may_skip("in a container without the right to mount")
@pytest.mark.parametrize("driver", ["GTiff", "HFA", "COG", "ENVI"])
def test_a_disk_that_is_full(small_disk: Path, driver: str) -> None:
    job = Copy(
        small_disk.parent,
        np.random.default_rng(0).integers(1, 30000, (1, 800, 800)).astype("int16"),
    )
    job.path = small_disk / "out.tif"
    job.outfiles.result = job.path
    job.controls.setWindowSize(256, 256)
    job.controls.setOutputDriverName(driver)
    job.path.write_text("the old one")
    with pytest.raises(rioserrors.ImageWriteError, match="is the disk full"):
        job.run()
    assert job.path.read_text() == "the old one"
    assert [path.name for path in small_disk.iterdir()] == ["out.tif"]


def test_large_files_may_be_larger_than_4_gb(tmp_path: Path) -> None:
    job = Copy(tmp_path, np.ones((1, 100, 100), "uint8"))
    job.controls.setCreationOptions(["BIGTIFF=YES", "TILED=YES"])
    job.run()
    assert job.path.read_bytes()[2] == 43
    with rasterio.open(job.path) as dataset:
        assert dataset.read().all()


def test_the_cause_of_a_failure_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rasterio.io import DatasetWriter

    job = Copy(tmp_path, np.ones((1, 100, 130), "uint8"))

    def fails(*args: Any, **kwargs: Any) -> None:
        try:
            try:
                raise OSError("TIFFAppendToStrip:Maximum TIFF file size exceeded")
            except OSError as error:
                raise OSError("An error occurred while writing a dirty block") from error
        except OSError as error:
            raise rasterio.errors.RasterioIOError("Write failed. See above.") from error

    monkeypatch.setattr(DatasetWriter, "write", fails)
    with pytest.raises(rioserrors.ImageWriteError) as caught:
        job.run()
    assert str(caught.value).endswith("Maximum TIFF file size exceeded")
