"""Vector layers that are burnt as a whole, once for all who ask."""

from __future__ import annotations

import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.crs import CRS

from rios_flows import rioserrors
from rios_flows.basics.tempfiles import TempfileManager
from rios_flows.controls.options import VectorOptions
from rios_flows.gdal import closing
from rios_flows.geometry.crs import transform_points
from rios_flows.inputs import rasterize, wholeburn
from rios_flows.inputs.rasterizationmgr import RasterizationMgr
from rios_flows.inputs.rasterize import VectorReader
from rios_flows.inputs.vectorplan import plan_vector
from rios_flows.inputs.vectors import open_vector
from tests.support.burnt import (
    GRID,
    UTM,
    polygon,
    random_polygons,
    source_of,
)
from tests.support.vectors import write_vector


@pytest.mark.parametrize("all_touched", [False, True])
def test_a_large_raster_is_put_together_in_strips_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, all_touched: bool
) -> None:
    monkeypatch.setattr(rasterize, "KEPT_FEATURES", 0)
    shapes = random_polygons(40, seed=4)
    path = write_vector(tmp_path / "zones.geojson", shapes, number=np.arange(1, 41))
    options: dict[str, Any] = {
        "burn_attribute": "number",
        "null": 77,
        "all_touched": all_touched,
        "dtype": "int32",
    }
    expected, found = (VectorReader(TempfileManager(str(tmp_path))) for _ in range(2))
    plan = plan_vector(source_of(path, **options), GRID, (64, 64), 0)
    whole = expected.read(plan, 0, 0, 200, 150)
    monkeypatch.setattr(wholeburn, "STRIP_BYTES", 20_000)
    monkeypatch.setattr(wholeburn, "MEMORY_BYTES", 1000)
    monkeypatch.setattr("rios_flows.inputs.features.BATCH", 7)
    np.testing.assert_array_equal(found.read(plan, 0, 0, 200, 150), whole)
    assert list(tmp_path.rglob("*.raw")) == []


def test_the_manager_burns_once_for_all_who_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_vector(tmp_path / "zones.gpkg", random_polygons(20))
    started, release, calls = threading.Event(), threading.Event(), []
    real = wholeburn.burn_whole

    def slow(*given: Any) -> str:
        calls.append(given)
        started.set()
        assert release.wait(30)
        return real(*given)

    monkeypatch.setattr(wholeburn, "burn_whole", slow)
    manager, tempfiles = RasterizationMgr(), TempfileManager(str(tmp_path))
    one = plan_vector(source_of(path), GRID, (64, 64), 0)
    same = plan_vector(open_vector(("again", 3), path, VectorOptions()), GRID, (64, 64), 0)
    other = plan_vector(source_of(path, burn_value=2), GRID, (64, 64), 0)
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(manager.rasterize, path, plan, tempfiles) for plan in [one, same] * 3]
        assert started.wait(30)
        release.set()
        names = {future.result(30) for future in asked}
    assert len(names) == 1
    assert len(calls) == 1
    assert manager.rasterize(path, other, tempfiles) not in names
    assert all(Path(name).exists() for name in names)
    tempfiles.cleanup()
    assert not any(Path(name).exists() for name in names)


def test_the_manager_tells_files_with_the_same_options_apart(tmp_path: Path) -> None:
    left, right = (polygon((col, 0), (col + 50, 0), (col + 50, 50), (col, 50)) for col in (0, 100))
    one = write_vector(tmp_path / "one.gpkg", [left])
    # a layer of another name, in another CRS
    moved = shapely.transform(
        right,
        lambda points: np.column_stack(
            transform_points(UTM, CRS.from_epsg(3577).to_wkt(), points[:, 0], points[:, 1])
        ),
    )
    two = write_vector(tmp_path / "two.gpkg", [moved], "EPSG:3577")
    plan = plan_vector(source_of(one), GRID, (64, 64), 0)
    manager, tempfiles = RasterizationMgr(), TempfileManager(str(tmp_path))
    for path, col in [(one, 0), (two, 100), (one, 0)]:
        with rasterio.open(manager.rasterize(path, plan, tempfiles)) as file:
            found = file.read(1)[plan.margin : -plan.margin, plan.margin : -plan.margin]
        assert (found[:50, col : col + 50] == 1).all()
        assert found.sum() == 2500


def test_a_failed_burn_reaches_all_who_wait_and_may_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_vector(tmp_path / "zones.gpkg", random_polygons(20))
    manager, tempfiles = RasterizationMgr(), TempfileManager(str(tmp_path / "missing"))
    plan = plan_vector(source_of(path), GRID, (64, 64), 0)
    for _ in range(2):
        with pytest.raises(rioserrors.FileOpenError, match="setTempdir"):
            manager.rasterize(path, plan, tempfiles)
    tempfiles.tempdir = str(tmp_path)
    assert Path(manager.rasterize(path, plan, tempfiles)).exists()


def test_a_disk_that_is_full_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_vector(tmp_path / "zones.gpkg", random_polygons(3))

    def full(*_: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wholeburn, "_write", full)
    plan = plan_vector(source_of(path), GRID, (64, 64), 0)
    with pytest.raises(rioserrors.VectorRasterizationError, match=r"zones\.gpkg.*No space left"):
        RasterizationMgr().rasterize(path, plan, TempfileManager(str(tmp_path)))


def test_a_disk_that_is_full_when_the_raster_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_vector(tmp_path / "zones.gpkg", random_polygons(3))
    close = closing.close_written

    def cut_off(dataset: rasterio.io.DatasetWriter) -> None:
        close(dataset)
        os.truncate(dataset.name, os.path.getsize(dataset.name) // 2)

    monkeypatch.setattr(wholeburn, "close_written", cut_off)
    plan = plan_vector(source_of(path), GRID, (64, 64), 0)
    with pytest.raises(rioserrors.VectorRasterizationError, match=r"not whole.*is the disk full"):
        RasterizationMgr().rasterize(path, plan, TempfileManager(str(tmp_path)))


def test_a_plan_survives_pickling(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "zones.gpkg", random_polygons(3), "EPSG:32755")
    plan = plan_vector(source_of(path), GRID, (64, 64), 0)
    assert pickle.loads(pickle.dumps(plan)) == plan
