"""Files that osgeo has open: told by a stand-in, since osgeo itself is not needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import colortable, rioserrors
from rios_flows.files import colorrows as rat
from rios_flows.files import statistics as calcstats
from rios_flows.files.info import ImageInfo, VectorFileInfo
from rios_flows.geometry.pixelgriddefn import pixelGridFromFile
from tests.support.rasters import coordinates, write_raster

ROWS = [[0, 1, 2, 3, 255], [1, 4, 5, 6, 255]]

FUNCTIONS: list[Callable[[Any], Any]] = [
    calcstats.calcStats,
    calcstats.addPyramid,
    calcstats.addStatistics,
    calcstats.addBasicStatsGDAL,
    calcstats.addHistogramsGDAL,
    lambda dataset: calcstats.setNullValue(dataset, 7),
    colortable.getTable,
    lambda dataset: colortable.setTable(dataset, np.zeros((4, 256), np.uint8)),
    rat.getColorTable,
    lambda dataset: rat.setColorTable(dataset, ROWS),
]


class Dataset:
    """What of osgeo's datasets is used: as it stands open for reading, or with ``mode`` "r+b"."""

    def __init__(self, path: Path | str, mode: str = "rb", error: Any = None) -> None:
        self.path, self.error, self.flushed = str(path), error, 0
        self.file = open(path, mode) if Path(path).is_file() else None  # noqa: SIM115

    def GetDescription(self) -> str:
        return self.path

    def FlushCache(self) -> Any:
        self.flushed += 1
        if isinstance(self.error, Exception):
            raise self.error
        return self.error

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = write_raster(tmp_path / "a.tif", coordinates(1, 64, 40, "uint8"))
    rat.setColorTable(path, ROWS)
    return Path(path)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("flushed", [None, 0])
def test_by_its_name(path: Path, function: Callable[[Any], Any], flushed: int | None) -> None:
    dataset = Dataset(path, error=flushed)
    function(dataset)
    dataset.close()
    assert dataset.flushed == 1


def test_what_is_done_is_in_the_file(path: Path) -> None:
    dataset = Dataset(path)
    calcstats.calcStats(dataset, ignore=3)
    dataset.close()
    with rasterio.open(path) as file:
        assert file.nodata == 3
        assert "STATISTICS_MEAN" in file.tags(1)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("mode", ["r+b", "ab"])
def test_not_while_osgeo_may_write(path: Path, function: Callable[[Any], Any], mode: str) -> None:
    before = path.read_bytes()
    dataset = Dataset(path, mode)
    words = r"a\.tif' open for writing.*close it \(ds = None\), and give its name"
    with pytest.raises(rioserrors.ParameterError, match=words):
        function(dataset)
    dataset.close()
    assert path.read_bytes() == before
    function(path)


@pytest.mark.parametrize("name", ["", "/vsimem/a.tif", "gone.tif"])
def test_in_no_file(name: str) -> None:
    words = f"osgeo's dataset '{name}', since it is not in a file; write it to one, close it"
    for function in FUNCTIONS:
        with pytest.raises(rioserrors.ParameterError, match=words):
            function(Dataset(name))


@pytest.mark.parametrize("error", [3, RuntimeError("No space left on device")])
def test_what_cannot_be_flushed(path: Path, error: Any) -> None:
    dataset = Dataset(path, error=error)
    with pytest.raises(rioserrors.ImageWriteError, match=r"osgeo is unable .*a\.tif'"):
        calcstats.calcStats(dataset)
    dataset.close()


@pytest.mark.parametrize(
    "function", [ImageInfo, VectorFileInfo, pixelGridFromFile, calcstats.calcStats]
)
def test_whose_memory_it_is(function: Callable[[str], Any]) -> None:
    with pytest.raises(rioserrors.FileOpenError, match=r"osgeo wrote there are in osgeo's GDAL"):
        function("/vsimem/made_by_osgeo.tif")


def test_whose_memory_an_input_is_in(tmp_path: Path) -> None:
    from rios_flows import engine
    from rios_flows.structures import FilenameAssociations

    infiles, outfiles = FilenameAssociations(), FilenameAssociations()
    infiles.image = "/vsimem/made_by_osgeo.tif"
    outfiles.result = tmp_path / "out.tif"

    with pytest.raises(rioserrors.FileOpenError, match=r"osgeo wrote there are in osgeo's GDAL"):
        engine.apply(lambda info, inputs, outputs: None, infiles, outfiles)
