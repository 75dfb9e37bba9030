"""Attribute tables that GDAL itself writes: of open datasets, and of what is no file on a disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from rios_flows import rat, rioserrors
from rios_flows.gdal.pamoptions import option_that_hides
from tests.support.rasters import coordinates, write_raster

THIRD = 0.1 + 0.2


def raster(path: Path, driver: str = "GTiff") -> Path:
    return write_raster(path, coordinates(1, 9, 9, "uint8"), driver=driver)


@pytest.mark.parametrize(
    ("name", "values"), [("a", [THIRD]), ("a", [" x", "y"]), (" a", [1]), ("a", ["x\n", "y "])]
)
def test_what_gdal_changes_is_told(
    tmp_path: Path, name: str, values: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    with rasterio.open(raster(tmp_path / "a.tif"), "r+") as dataset:
        rat.writeColumn(dataset, name, values)
    kept = (name, values)
    found = rat.readColumn(tmp_path / "a.tif", name.strip(), useStringDType=True)
    same = (name.strip(), found[: len(values)].tolist()) == kept
    assert (f"changes column '{name}'" in caplog.text) is not same
    assert ("write it by the file's name when that is closed" in caplog.text) is not same


def test_of_a_virtual_raster(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source, virtual = raster(tmp_path / "a.tif"), tmp_path / "a.vrt"
    rasterio.shutil.copy(source, virtual, driver="VRT")
    rat.writeColumn(virtual, "a", [THIRD])
    assert "changes column 'a'" in caplog.text
    assert "to keep all, use HFA or GTiff" in caplog.text


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("driver", ["RST", "VICAR", "RRASTER"])
def test_formats_that_lose_it(tmp_path: Path, driver: str) -> None:
    path = raster(tmp_path / {"RST": "a.rst", "VICAR": "a.vic", "RRASTER": "a.grd"}[driver], driver)
    words = r"cannot keep an attribute table .* copy it to HFA or GTiff"
    with rasterio.open(path, "r+") as dataset:
        for place in (path, dataset):
            with pytest.raises(rioserrors.ImageWriteError, match=words):
                rat.writeColumn(place, "a", [1])


@pytest.mark.parametrize(
    "option", [{"GDAL_PAM_ENABLED": "no"}, {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}]
)
def test_options_that_hide_what_is_there(tmp_path: Path, option: dict[str, str]) -> None:
    path = raster(tmp_path / "a.tif")
    rat.writeColumn(path, "old", [1, 2])
    ((name, value),) = option.items()
    with rasterio.Env(**option):
        assert option_that_hides() == f"{name}={value}"
        with rasterio.open(path, "r+") as dataset:
            for place in (path, dataset):
                with pytest.raises(rioserrors.ImageWriteError, match=rf"{name}={value}; leave"):
                    rat.writeColumn(place, "new", [3])
    assert option_that_hides() is None
    assert rat.getColumnNames(path) == ["old"]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_new_file_has_nothing_to_hide(tmp_path: Path) -> None:
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        options: dict[str, Any] = {"driver": "GTiff", "dtype": "uint8", "count": 1}
        with rasterio.open(tmp_path / "a.tif", "w", width=9, height=9, **options) as dataset:
            dataset.write(np.ones((1, 9, 9), np.uint8))
            rat.writeColumnToBand(rasterio.band(dataset, 1), "a", [1, 2])
    assert rat.readColumn(tmp_path / "a.tif", "a")[:2].tolist() == [1, 2]
