"""Files of very many bands: what rasterio tells of all is asked for once."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.io import DatasetReader, DatasetWriter

from rios_flows.files import statistics as calcstats
from rios_flows.files.info import ImageFileStats, ImageInfo
from tests.support.copies import Copy
from tests.support.rasters import read_raster, write_raster

BANDS = 300


class Counted:
    """A property of all datasets that counts how often it is asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> None:
        self.number = 0
        inner = getattr(kind, name)

        def asked(dataset: object) -> object:
            self.number += 1
            return inner.__get__(dataset)

        monkeypatch.setattr(kind, name, property(asked), raising=False)


@pytest.mark.parametrize("name", ["dtypes", "nodatavals", "block_shapes", "indexes"])
def test_how_often_rasterio_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pixels = np.arange(BANDS * 64, dtype="uint16").reshape(BANDS, 8, 8)
    job = Copy(tmp_path, pixels)
    job.infiles.grid = write_raster(tmp_path / "many.tif", pixels, nodata=0)
    asked = [Counted(monkeypatch, kind, name) for kind in (DatasetReader, DatasetWriter)]
    job.run()
    path = str(job.path)
    calcstats.calcStats(path)
    ImageInfo(path)
    ImageFileStats(path)
    assert sum(item.number for item in asked) < 40
    monkeypatch.undo()
    np.testing.assert_array_equal(read_raster(job.path), pixels)
    with rasterio.open(path) as dataset:
        assert dataset.tags(BANDS)["STATISTICS_MAXIMUM"] == str(pixels[-1].max())


def test_writing_them(tmp_path: Path) -> None:
    pixels = np.ones((20000, 4, 4), "uint8")
    job = Copy(tmp_path, pixels)
    job.controls.setOmitBasicStats(True)
    job.controls.setOmitHistogram(True)
    began = time.perf_counter()
    job.run()
    # it took more than half a minute
    assert time.perf_counter() - began < 15
    with rasterio.open(job.path) as dataset:
        assert dataset.count == 20000
