"""Vectors in stores: S3 and HTTP, with the credentials of the caller."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from rasterio.session import AWSSession

from rios_flows import rioserrors
from rios_flows.files.info import VectorFileInfo
from rios_flows.inputs import rasterize
from tests.support.inputs import Grid, controls_of, run, texture
from tests.support.rasters import Array
from tests.support.store_process import StoreProcess, store_process
from tests.support.vectors import write_vector

GRID = Grid(300000.0, 2800000.0, 30.0, 128, 128)
ZONE = shapely.box(GRID.xmin, GRID.ymax - 30 * 40, GRID.xmin + 30 * 50, GRID.ymax)
FORMATS = ["zones.gpkg", "zones.geojson"]


def shown(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.zones


def in_zone() -> Array:
    expected = np.zeros((1, 128, 128), np.uint8)
    expected[:, :40, :50] = 1
    return expected


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    GRID.raster(folder / "image.tif", texture(GRID))
    for name in FORMATS:
        write_vector(folder / name, [ZONE], GRID.crs)
    return folder


@pytest.fixture(scope="module")
def service(files: Path) -> Iterator[StoreProcess]:
    with store_process("s3", files) as service:
        client = boto3.client(
            "s3",
            endpoint_url=f"http://{service.address}",
            region_name="us-east-1",
            aws_access_key_id="name",
            aws_secret_access_key="secret",
        )
        client.create_bucket(Bucket="scenes")
        for name in FORMATS:
            client.upload_file(str(files / name), "scenes", name)
        client.close()
        yield service


@pytest.fixture
def s3(service: StoreProcess) -> Iterator[StoreProcess]:
    settings = {
        "AWS_S3_ENDPOINT": service.address,
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        # what an earlier test has read is not read again otherwise
        "CPL_VSIL_CURL_NON_CACHED": "/vsis3/scenes",
    }
    service.noted()
    with rasterio.Env(**settings):
        yield service


def session_of(key: str) -> AWSSession:
    return AWSSession(
        aws_access_key_id=key, aws_secret_access_key="secret", region_name="us-east-1"
    )


@pytest.mark.parametrize("vector", FORMATS)
@pytest.mark.parametrize("style", ["none", "threads 2-2"])
@pytest.mark.parametrize("all_touched", [False, True])
def test_s3_with_the_credentials_of_the_caller(
    tmp_path: Path, files: Path, s3: StoreProcess, vector: str, style: str, all_touched: bool
) -> None:
    controls = controls_of(style, 50)
    controls.setAlltouched(all_touched)
    # two runs, each with a key of its own, which every request has to bear
    for key, name in [("anna", f"s3://scenes/{vector}"), ("berta", f"/vsis3/scenes/{vector}")]:
        with rasterio.Env(session_of(key)):
            found, _ = run(tmp_path, controls, shown, image=files / "image.tif", zones=name)
        np.testing.assert_array_equal(found, in_zone())
        assert s3.noted()["keys"] == [key]
    # and nothing of it is left in pyogrio's GDAL
    for option in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_S3_ENDPOINT"):
        assert pyogrio.get_gdal_config_option(option) is None


def test_what_a_file_in_s3_holds(s3: StoreProcess) -> None:
    with rasterio.Env(session_of("clara")):
        info = VectorFileInfo("/vsis3/scenes/zones.gpkg")
    assert info["zones"].featureCount == 1
    assert s3.noted()["keys"] == ["clara"]


def test_an_object_that_is_missing(tmp_path: Path, files: Path, s3: StoreProcess) -> None:
    name = "s3://scenes/nowhere.gpkg"
    words = r"nowhere\.gpkg' \(input 'zones'\)"
    with (
        rasterio.Env(session_of("doris")),
        pytest.raises(rioserrors.FileOpenError, match=words),
    ):
        run(tmp_path, controls_of(), shown, image=files / "image.tif", zones=name)


@pytest.fixture
def store(files: Path) -> Iterator[StoreProcess]:
    with (
        store_process("http", files) as store,
        rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
    ):
        yield store


@pytest.mark.parametrize("vector", FORMATS)
@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_http(tmp_path: Path, files: Path, store: StoreProcess, vector: str, style: str) -> None:
    address = f"http://{store.address}/{vector}"
    for name in (address, f"/vsicurl/{address}"):
        controls = controls_of(style, 50)
        found, _ = run(tmp_path, controls, shown, image=files / "image.tif", zones=name)
        np.testing.assert_array_equal(found, in_zone())
    assert store.noted()["sent"][f"/{vector}"] > 0


def test_windows_of_a_large_layer_are_read_in_ranges(
    tmp_path: Path, files: Path, store: StoreProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rasterize, "KEPT_FEATURES", 0)
    rng = np.random.default_rng(1)
    corners = rng.uniform(-300, 300, (60_000, 2)) * 1000 + [GRID.xmin, GRID.ymax]
    boxes = shapely.box(*corners.T, *(corners + 900).T)
    far = boxes[shapely.distance(boxes, ZONE) > 8000]
    write_vector(files / "large.gpkg", [*far, ZONE], GRID.crs)
    size = (files / "large.gpkg").stat().st_size
    assert size > 2**23
    name = f"http://{store.address}/large.gpkg"
    image = files / "image.tif"
    found, _ = run(tmp_path, controls_of(window=64), shown, image=image, zones=name)
    np.testing.assert_array_equal(found, in_zone())
    assert 0 < store.noted()["sent"]["/large.gpkg"] < size / 2
