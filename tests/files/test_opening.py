"""Rasters given by name or open: opened, changed and closed as the caller expects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import rasterio

from rios_flows import rioserrors
from rios_flows.files import opening
from rios_flows.files.opening import changing, check_band, check_changeable, is_name, open_raster
from tests.support.rasters import coordinates, write_raster


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_raster(tmp_path / "a.tif", coordinates(2, 20, 30, "uint8"))


def test_a_name_is_opened_and_closed_and_an_open_one_left(path: Path) -> None:
    assert is_name(path)
    assert is_name(str(path))
    with open_raster(path, "r") as dataset:
        assert not is_name(dataset)
        with open_raster(dataset, "r") as same:
            assert same is dataset
        assert not dataset.closed
    assert dataset.closed


def test_what_is_neither_a_name_nor_open_as_it_must_be(path: Path, tmp_path: Path) -> None:
    nothing: Any = 5
    with pytest.raises(rioserrors.ParameterError, match="int 5 is no raster; give a file name"):
        open_raster(nothing, "r").__enter__()
    with (
        rasterio.open(path) as dataset,
        pytest.raises(rioserrors.ParameterError, match="open for reading only; open it with mode"),
    ):
        open_raster(dataset, "r+").__enter__()
    with pytest.raises(rioserrors.ImageOpenError, match=r"Unable to open '.*b.tif'"):
        open_raster(tmp_path / "b.tif", "r").__enter__()


def test_files_that_can_only_be_copied_are_not_changed(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.png", coordinates(1, 20, 30, "uint8"), driver="PNG")
    before = path.read_bytes()
    with rasterio.open(path) as dataset:
        with pytest.raises(rioserrors.ImageOpenError, match="driver PNG cannot be changed"):
            check_changeable(dataset)
        check_band(dataset, 1)
        with pytest.raises(rioserrors.GDALLayerNumberError, match="no band 2; give one from 1 to"):
            check_band(dataset, 2)
    with pytest.raises(rioserrors.ImageOpenError):
        open_raster(path, "r+").__enter__()
    assert path.read_bytes() == before


def test_changes_are_kept_and_an_open_file_stays_open(path: Path) -> None:
    with changing(path) as dataset:
        dataset.update_tags(a="1")
    assert dataset.closed
    with rasterio.open(path, "r+") as dataset:
        with changing(dataset) as same:
            same.update_tags(b="2")
        assert not dataset.closed
    with rasterio.open(path) as dataset:
        assert {"a": "1", "b": "2"}.items() <= dataset.tags().items()


def test_a_change_that_is_lost_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # libtiff has told of one in the meantime
    told = iter([3, 4])
    monkeypatch.setattr(opening, "losses", lambda: next(told))
    monkeypatch.setattr("rios_flows.gdal.losses.losses", lambda: next(told))
    with (
        pytest.raises(rioserrors.ImageWriteError, match=r"Unable to change '.*a.tif': Write error"),
        changing(path) as dataset,
    ):
        dataset.update_tags(a="1")
