"""Inputs that are not plain local files: S3, HTTP, archives and virtual rasters."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
import rasterio
import rasterio.shutil
import shapely
from rasterio.session import AWSSession

from rios_flows import rioserrors
from rios_flows.basics.defaults import BOUNDS_FROM_REFERENCE
from rios_flows.gdal import settings as gdalenv
from tests.support.inputs import Grid, controls_of, nearest, run, texture
from tests.support.rasters import Array
from tests.support.stores import S3, Store, bytes_sent, s3_service, serving
from tests.support.styles import STYLES
from tests.support.vectors import write_vector

GRID = Grid(300000.0, 2800000.0, 30.0, 1024, 1024)
#: One block of it.
PART = Grid(300000.0 + 30 * 512, 2800000.0 - 30 * 256, 30.0, 128, 128)
PIXELS = texture(GRID, dtype="uint16")
TILES = {"tiled": True, "blockxsize": 128, "blockysize": 128}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    GRID.raster(folder / "image.tif", PIXELS, **TILES)
    PART.raster(folder / "part.tif", texture(PART))
    return folder


@pytest.fixture(scope="module")
def service(files: Path) -> Iterator[S3]:
    with s3_service() as service:
        client = boto3.client(
            "s3",
            endpoint_url=f"http://{service.address}",
            region_name="us-east-1",
            aws_access_key_id="name",
            aws_secret_access_key="secret",
        )
        client.create_bucket(Bucket="scenes")
        client.upload_file(str(files / "image.tif"), "scenes", "2026/image.tif")
        client.close()
        yield service


@pytest.fixture
def s3(service: S3) -> Iterator[S3]:
    """The service, with the credentials for it in the caller's environment of rasterio."""
    session = AWSSession(
        aws_access_key_id="name", aws_secret_access_key="secret", region_name="us-east-1"
    )
    settings = {
        "AWS_S3_ENDPOINT": service.address,
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        # what an earlier test has read is not read again otherwise
        "CPL_VSIL_CURL_NON_CACHED": "/vsis3/scenes",
    }
    with rasterio.Env(session, **settings):
        service.requests.clear()
        yield service


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["s3://scenes/2026/image.tif", "/vsis3/scenes/2026/image.tif"])
def test_s3_with_the_credentials_of_the_caller(
    tmp_path: Path, s3: S3, style: str, name: str
) -> None:
    found, _ = run(tmp_path, controls_of(style, 256), image=name)
    np.testing.assert_array_equal(found, PIXELS)
    assert s3.requests


@pytest.mark.parametrize("warped", [False, True])
@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_a_block_does_not_read_the_whole_object(
    tmp_path: Path, files: Path, s3: S3, style: str, warped: bool
) -> None:
    target = PART._replace(xmin=PART.xmin + 10) if warped else PART
    reference = target.raster(tmp_path / "part.tif", texture(PART))
    controls = controls_of(style, 128)
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    controls.setReferenceImage(str(reference))
    found, _ = run(tmp_path, controls, image="s3://scenes/2026/image.tif")
    expected, sure = nearest(GRID, PIXELS, target)
    if warped:
        assert sure.all()
    np.testing.assert_array_equal(found, expected)
    size = (files / "image.tif").stat().st_size
    assert size > 2**21
    sent = bytes_sent(s3.requests, "image.tif")
    # 1 tile of 64, or it and the 8 around it, and the directory, all in pages of 16 KiB
    assert 2 * 128 * 128 <= sent < size / (5 if warped else 8)
    assert len([request for request in s3.requests if request.method == "GET"]) < 16


def test_an_object_that_is_missing(tmp_path: Path, s3: S3) -> None:
    with pytest.raises(rioserrors.FileOpenError, match=r"s3://scenes/2026/nowhere\.tif.*'image'"):
        run(tmp_path, controls_of(), image="s3://scenes/2026/nowhere.tif")


@pytest.fixture
def store(files: Path) -> Iterator[Store]:
    with serving(files) as store, rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        yield store


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_http_in_ranges(tmp_path: Path, files: Path, store: Store, style: str) -> None:
    address = f"http://{store.address}/image.tif"
    controls = controls_of(style, 128)
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    controls.setReferenceImage(str(files / "part.tif"))
    for name in (address, f"/vsicurl/{address}"):
        found, _ = run(tmp_path, controls, image=name)
        np.testing.assert_array_equal(found, PIXELS[:, 256:384, 512:640])
    assert bytes_sent(store.requests, "image.tif") < (files / "image.tif").stat().st_size / 8


@pytest.mark.filterwarnings("ignore:HTTP response code")  # pyogrio's, which looks for a vector
@pytest.mark.parametrize(
    ("answers", "error", "message"),
    [
        (0, rioserrors.FileOpenError, "Operation too slow"),
        (4, rioserrors.ImageReadError, r"image\.tif.*'image'.*block row"),
    ],
    ids=["at once", "after some blocks"],
)
def test_a_server_that_falls_silent(
    tmp_path: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    answers: int,
    error: type[Exception],
    message: str,
) -> None:
    monkeypatch.setitem(gdalenv.PATIENCE, "GDAL_HTTP_LOW_SPEED_TIME", 1)
    store.silent_after = answers
    controls = controls_of("threads 2-2", 128)
    controls.setBlockRetries(io=0)
    start = time.monotonic()
    with pytest.raises(error, match=message):
        run(tmp_path, controls, image=f"http://{store.address}/image.tif")
    assert time.monotonic() - start < 15


@pytest.mark.parametrize(
    "name",
    [
        "http://{}/image.tif",
        "/vsicurl/http://{}/zones.gpkg",
        "/vsizip/vsicurl/http://{}/a.zip/b.tif",
    ],
)
def test_a_silent_server_is_waited_for_once(
    tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    # GDAL would look for other files there, too, and for a raster and then a vector
    monkeypatch.setitem(gdalenv.PATIENCE, "GDAL_HTTP_LOW_SPEED_TIME", 1)
    with serving(files) as store:
        store.silent_after = 0
        path = name.format(store.address)
        for times in (1, 2):  # nothing is remembered of what was not answered
            with pytest.raises(rioserrors.FileOpenError, match=r"'image'.*Operation too slow"):
                run(tmp_path, controls_of(), image=path)
            assert store.unanswered == times


def test_a_file_that_a_server_does_not_have(tmp_path: Path, store: Store) -> None:
    address = f"http://{store.address}/nowhere.tif"
    with pytest.raises(rioserrors.FileOpenError, match=r"nowhere\.tif.*'image'"):
        run(tmp_path, controls_of(), image=address)


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
@pytest.mark.parametrize("name", ["zip://{}!inner/image.tif", "/vsizip/{}/inner/image.tif"])
@pytest.mark.parametrize("warped", [False, True])
def test_a_raster_in_an_archive(
    tmp_path: Path, files: Path, style: str, name: str, warped: bool
) -> None:
    archive = tmp_path / "scenes.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(files / "image.tif", "inner/image.tif")
    target = PART._replace(xmin=PART.xmin + 10) if warped else PART
    controls = controls_of(style, 100)
    controls.setFootprintType(BOUNDS_FROM_REFERENCE)
    controls.setReferenceImage(str(target.raster(tmp_path / "part.tif", texture(PART))))
    found, _ = run(tmp_path, controls, image=name.format(archive))
    np.testing.assert_array_equal(found, PIXELS[:, 256:384, 512:640])


ZONE = shapely.box(PART.xmin, PART.ymax - 30 * 40, PART.xmin + 30 * 50, PART.ymax)


def shown(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.zones


def in_zone() -> Array:
    expected = np.zeros((1, 128, 128), np.uint8)
    expected[:, :40, :50] = 1
    return expected


def test_a_vector_in_an_archive(tmp_path: Path, files: Path) -> None:
    plain = write_vector(tmp_path / "zones.geojson", [ZONE], GRID.crs)
    with zipfile.ZipFile(tmp_path / "zones.zip", "w") as file:
        file.write(plain, "zones.geojson")
    for name in (f"/vsizip/{tmp_path}/zones.zip/zones.geojson", f"zip://{tmp_path}/zones.zip"):
        found, _ = run(tmp_path, controls_of(), shown, image=files / "part.tif", zones=name)
        np.testing.assert_array_equal(found, in_zone())


@pytest.mark.parametrize("style", STYLES)
def test_a_virtual_raster(tmp_path: Path, files: Path, style: str) -> None:
    with rasterio.open(files / "image.tif") as file:
        rasterio.shutil.copy(file, tmp_path / "image.vrt", driver="VRT")
    found, _ = run(tmp_path, controls_of(style, 300), image=tmp_path / "image.vrt")
    np.testing.assert_array_equal(found, PIXELS)
