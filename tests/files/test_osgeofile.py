"""A file that osgeo has open is known by its name, unless osgeo may write to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import rasterio

from rios_flows import rioserrors
from rios_flows.files.osgeofile import named
from tests.support.rasters import coordinates, write_raster


class Dataset:
    """What is used of osgeo's datasets."""

    def __init__(self, name: str, answer: Any = None) -> None:
        self.name, self.answer, self.flushed = name, answer, False

    def GetDescription(self) -> str:
        return self.name

    def FlushCache(self) -> Any:
        self.flushed = True
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_raster(tmp_path / "a.tif", coordinates(1, 20, 30, "uint8"))


def test_other_rasters_stay_what_they_are(path: Path) -> None:
    assert named(path) is path
    with rasterio.open(path) as dataset:
        assert named(dataset) is dataset


def test_one_that_is_read_gives_its_name_once_flushed(path: Path) -> None:
    dataset = Dataset(str(path))
    with open(path, "rb"):
        assert named(dataset) == str(path)
    assert dataset.flushed


def test_one_that_is_written_is_refused(path: Path) -> None:
    dataset = Dataset(str(path))
    with (
        open(path, "r+b"),
        pytest.raises(rioserrors.ParameterError, match=r"has '.*a.tif' open for writing"),
    ):
        named(dataset)
    assert not dataset.flushed


def test_one_that_is_in_no_file_is_refused() -> None:
    with pytest.raises(rioserrors.ParameterError, match="osgeo's dataset 'MEM:::', since it is no"):
        named(Dataset("MEM:::"))


@pytest.mark.parametrize("answer", [3, RuntimeError("disk full")])
def test_what_osgeo_cannot_write_is_told_of(path: Path, answer: Any) -> None:
    with pytest.raises(rioserrors.ImageWriteError, match="osgeo is unable to write what it has"):
        named(Dataset(str(path), answer))
