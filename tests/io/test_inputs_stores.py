"""Inputs that are not plain local files: S3, HTTP, archives and virtual rasters."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pyogrio
import pytest
import rasterio
import rasterio.shutil
import shapely
from rasterio.session import AWSSession

from rios_flows import rioserrors
from rios_flows.defaults import BOUNDS_FROM_REFERENCE
from rios_flows.fileinfo import VectorFileInfo
from rios_flows.inputs import rasterize
from tests.inputs import Grid, controls_of, nearest, run, texture
from tests.rasters import Array
from tests.stores import S3, Store, bytes_sent, s3_service, serving
from tests.styles import STYLES
from tests.vectors import write_vector

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


ZONE = shapely.box(PART.xmin, PART.ymax - 30 * 40, PART.xmin + 30 * 50, PART.ymax)


def shown(info: Any, inputs: Any, outputs: Any) -> None:
    outputs.result = inputs.zones


def in_zone() -> Array:
    expected = np.zeros((1, 128, 128), np.uint8)
    expected[:, :40, :50] = 1
    return expected


@pytest.fixture(params=["zones.gpkg", "zones.geojson"])
def vector(request: pytest.FixtureRequest, files: Path) -> str:
    write_vector(files / request.param, [ZONE], GRID.crs)
    return str(request.param)


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
@pytest.mark.parametrize("all_touched", [False, True])
def test_a_vector_in_s3_with_the_credentials_of_the_caller(
    tmp_path: Path, files: Path, s3: S3, vector: str, style: str, all_touched: bool
) -> None:
    put(s3, files / vector, f"{style}/{vector}")
    controls = controls_of(style, 50)
    controls.setAlltouched(all_touched)
    names = [f"s3://scenes/{style}/{vector}", f"/vsis3/scenes/{style}/{vector}"]
    # with the name of a key of its own, which every request has to bear
    session = AWSSession(
        aws_access_key_id=f"key-of-{all_touched}",
        aws_secret_access_key="secret",
        region_name="us-east-1",
    )
    with keys_of(s3) as keys:
        for name in names:
            with rasterio.Env(session):
                found, _ = run(tmp_path, controls, shown, image=files / "part.tif", zones=name)
            np.testing.assert_array_equal(found, in_zone())
    assert keys == {f"key-of-{all_touched}"}
    # and nothing of it is left in pyogrio's GDAL
    for option in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_S3_ENDPOINT"):
        assert pyogrio.get_gdal_config_option(option) is None


def test_what_a_vector_in_s3_holds(files: Path, s3: S3) -> None:
    put(s3, write_vector(files / "info.gpkg", [ZONE], GRID.crs), "info.gpkg")
    with keys_of(s3) as keys:
        info = VectorFileInfo("/vsis3/scenes/info.gpkg")
    assert info["info"].featureCount == 1
    assert keys == {"name"}


def test_a_vector_in_s3_that_is_missing(tmp_path: Path, files: Path, s3: S3) -> None:
    name = "s3://scenes/nowhere.gpkg"
    with pytest.raises(rioserrors.FileOpenError, match=r"nowhere\.gpkg' \(input 'zones'\)"):
        run(tmp_path, controls_of(), shown, image=files / "part.tif", zones=name)


def put(service: S3, file: Path | str, key: str) -> None:
    """Put a file into the bucket."""
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{service.address}",
        region_name="us-east-1",
        aws_access_key_id="name",
        aws_secret_access_key="secret",
    )
    client.upload_file(str(file), "scenes", key)
    client.close()


@contextmanager
def keys_of(service: S3) -> Iterator[set[str]]:
    """Note which keys sign the requests meanwhile."""
    keys: set[str] = set()
    application = service._application

    def noted(environ: dict[str, Any], start_response: Any) -> Any:
        signed = environ.get("HTTP_AUTHORIZATION", "Credential=nobody/")
        keys.add(signed.partition("Credential=")[2].partition("/")[0])
        return application(environ, start_response)

    service._application = noted
    try:
        yield keys
    finally:
        service._application = application


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


@pytest.mark.parametrize("style", ["none", "threads 2-2"])
def test_a_vector_by_http(
    tmp_path: Path, files: Path, store: Store, vector: str, style: str
) -> None:
    address = f"http://{store.address}/{vector}"
    for name in (address, f"/vsicurl/{address}"):
        controls = controls_of(style, 50)
        found, _ = run(tmp_path, controls, shown, image=files / "part.tif", zones=name)
        np.testing.assert_array_equal(found, in_zone())
    assert bytes_sent(store.requests, vector)


def test_windows_of_a_large_vector_by_http_are_read_in_ranges(
    tmp_path: Path, files: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rasterize, "KEPT_FEATURES", 0)
    rng = np.random.default_rng(1)
    corners = rng.uniform(-300, 300, (60_000, 2)) * 1000 + [PART.xmin, PART.ymax]
    far = shapely.box(*corners.T, *(corners + 900).T)
    far = far[shapely.distance(far, ZONE) > 8000]
    write_vector(files / "large.gpkg", [*far, ZONE], GRID.crs)
    size = (files / "large.gpkg").stat().st_size
    assert size > 2**23
    name = f"http://{store.address}/large.gpkg"
    found, _ = run(tmp_path, controls_of(window=64), shown, image=files / "part.tif", zones=name)
    np.testing.assert_array_equal(found, in_zone())
    assert 0 < bytes_sent(store.requests, "large.gpkg") < size / 2


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
