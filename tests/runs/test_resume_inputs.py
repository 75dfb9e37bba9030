"""The files that inputs are made of: what changes in any of them is noticed."""

from __future__ import annotations

import os
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import boto3
import numpy as np
import pytest
import rasterio
import rasterio.shutil
import shapely
from rasterio.session import AWSSession

from rios_flows.controls.options import InputOptions, VectorOptions
from rios_flows.inputs.sources import open_source
from rios_flows.inputs.vectors import open_vector
from rios_flows.runs.resume.files import input_states
from tests.support.rasters import coordinates, write_raster
from tests.support.stores import Store, s3_service, serving
from tests.support.vectors import write_vector

KEY = ("image", None)
PIXELS = coordinates(1, 40, 30, "uint16")
#: GDAL looks for files beside a remote one while it keeps Python from answering.
ALONE = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
SHAPES = [shapely.box(300000, 5999000, 300500, 6000000)]


def rasters(*paths: str | Path) -> dict[str, object]:
    return input_states(open_source(KEY, str(path), InputOptions()) for path in paths)


def vectors(*paths: str | Path) -> dict[str, object]:
    return input_states(open_vector(KEY, str(path), VectorOptions()) for path in paths)


def touch(path: Path) -> None:
    """Let a file look as if it had been written later, and with content of the same size."""
    later = time.time_ns() + 10**9
    os.utime(path, ns=(later, later))


def changes(states: Callable[[], dict[str, object]], change: Callable[[], object]) -> set[str]:
    """Return the names of the files that a change concerns; without it none is told."""
    before = states()
    assert states() == before
    change()
    after = states()
    return {
        os.path.basename(name)
        for name in {*before, *after}
        if before.get(name, ...) != after.get(name, ...)
    }


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_raster(tmp_path / "in.tif", PIXELS)


def packed(files: list[Path], archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w") as target:
        for file in files:
            target.write(file, file.name)
    return archive


def virtual(path: Path, source: str, relative: bool = False) -> Path:
    """Write a virtual raster that names another file just so."""
    path.write_text(
        '<VRTDataset rasterXSize="30" rasterYSize="40"><SRS>EPSG:32755</SRS>'
        "<GeoTransform>300000, 30, 0, 6000000, 0, -30</GeoTransform>"
        '<VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        f'<SourceFilename relativeToVRT="{int(relative)}">{source}</SourceFilename>'
        '<SourceBand>1</SourceBand><SrcRect xOff="0" yOff="0" xSize="30" ySize="40"/>'
        '<DstRect xOff="0" yOff="0" xSize="30" ySize="40"/>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    return path


def test_a_local_file(image: Path) -> None:
    assert changes(lambda: rasters(image), lambda: touch(image)) == {"in.tif"}
    write_raster(image, PIXELS, tiled=True, blockxsize=16, blockysize=16)
    size = image.stat().st_size
    before = rasters(image)
    times = (image.stat().st_atime_ns, image.stat().st_mtime_ns)
    write_raster(image, PIXELS)
    os.utime(image, ns=times)
    assert image.stat().st_size != size
    assert rasters(image) != before


@pytest.mark.parametrize("ending", [".aux.xml", ".ovr", ".msk"])
def test_a_file_beside_it(image: Path, ending: str) -> None:
    beside = Path(f"{image}{ending}")

    def add() -> None:
        if ending == ".aux.xml":
            beside.write_text("<PAMDataset/>")
        else:
            shutil.copy(image, beside)

    assert changes(lambda: rasters(image), add) == {beside.name}
    assert changes(lambda: rasters(image), lambda: touch(beside)) == {beside.name}
    assert changes(lambda: rasters(image), beside.unlink) == {beside.name}


def test_other_files_around_are_no_matter(image: Path) -> None:
    (image.parent / "in.txt").touch()
    assert changes(lambda: rasters(image), lambda: touch(image.parent / "in.txt")) == set()


@pytest.mark.parametrize(
    "form", ["zip://{}!in.tif", "/vsizip/{}/in.tif", "/vsizip/{{{}}}/in.tif", "/vsizip/{}"]
)
def test_a_file_in_an_archive(image: Path, form: str) -> None:
    archive = packed([image], image.with_name("all.zip"))
    path = form.format(archive)
    before = rasters(path)
    assert rasters(path) == before
    write_raster(image, PIXELS + 1)
    packed([image], archive)
    touch(archive)
    assert rasters(path) != before


def test_a_file_in_an_archive_beside_the_working_directory(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed([image], image.with_name("all.zip"))
    monkeypatch.chdir(image.parent)
    path = "/vsizip/all.zip/in.tif"
    before = rasters(path)
    assert rasters(path) == before
    touch(image.with_name("all.zip"))
    assert rasters(path) != before


def test_the_sources_of_a_virtual_raster(image: Path) -> None:
    inner = virtual(image.with_name("inner.vrt"), "in.tif", relative=True)
    outer = virtual(image.with_name("outer.vrt"), str(inner))
    assert changes(lambda: rasters(outer), lambda: touch(image)) == {"in.tif"}
    beside = image.with_name("in.tif.aux.xml")
    add = "<PAMDataset/>"
    assert changes(lambda: rasters(outer), lambda: beside.write_text(add)) == {beside.name}
    assert changes(lambda: rasters(outer), lambda: touch(inner)) == {"inner.vrt"}
    text = outer.read_text()
    assert changes(lambda: rasters(text), lambda: touch(image)) == {"in.tif"}


def test_a_virtual_raster_of_a_file_in_an_archive(image: Path) -> None:
    archive = packed([image], image.with_name("all.zip"))
    outer = virtual(image.with_name("outer.vrt"), f"/vsizip/{archive}/in.tif")
    before = rasters(outer)
    touch(archive)
    assert rasters(outer) != before


def test_a_part_of_a_file(image: Path) -> None:
    path = f"GTIFF_DIR:1:{image}"
    assert changes(lambda: rasters(path), lambda: touch(image)) == {"in.tif"}


def test_a_store_of_many_files(tmp_path: Path) -> None:
    store = write_raster(tmp_path / "in.zarr", PIXELS, driver="Zarr")
    before = rasters(store)
    (tmp_path / "in.zarr" / ".out.tif.rios_flows").mkdir()
    (tmp_path / "in.zarr" / ".out.tif.rios_flows" / "journal").touch()
    assert rasters(store) == before
    chunk = next(path for path in store.rglob("0*") if path.is_file())
    touch(chunk)
    assert rasters(store) != before


@pytest.mark.parametrize("ending", ["shp", "shx", "dbf", "prj", "cpg"])
def test_the_files_of_a_shapefile(tmp_path: Path, ending: str) -> None:
    path = Path(write_vector(tmp_path / "in.shp", SHAPES, number=[1]))
    assert changes(lambda: vectors(path), lambda: touch(tmp_path / f"in.{ending}")) == {
        f"in.{ending}"
    }


def test_a_directory_of_shapefiles(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    write_vector(tmp_path / "all" / "in.shp", SHAPES, number=[1])
    path = tmp_path / "all"
    assert changes(lambda: vectors(path), lambda: touch(path / "in.dbf")) == {"all"}


@pytest.mark.parametrize("form", ["zip://{}!in.shp", "/vsizip/{}/in.shp", "/vsizip/{}", "{}"])
def test_a_shapefile_in_an_archive(tmp_path: Path, form: str) -> None:
    write_vector(tmp_path / "in.shp", SHAPES, number=[1])
    archive = packed(sorted(tmp_path.glob("in.*")), tmp_path / "all.zip")
    path = form.format(archive)
    before = vectors(path)
    assert vectors(path) == before
    touch(archive)
    assert vectors(path) != before


def test_reading_a_geopackage_does_not_change_it(tmp_path: Path) -> None:
    path = Path(write_vector(tmp_path / "in.gpkg", SHAPES, number=[1]))
    assert changes(lambda: vectors(path), lambda: touch(path)) == {"in.gpkg"}
    assert changes(lambda: vectors(path), lambda: Path(f"{path}-journal").write_bytes(b"")) == set()


@pytest.mark.parametrize("relative", [True, False])
def test_the_sources_of_a_virtual_layer(tmp_path: Path, relative: bool) -> None:
    path = Path(write_vector(tmp_path / "in.shp", SHAPES, number=[1]))
    layer = tmp_path / "in.vrt"
    layer.write_text(
        '<OGRVRTDataSource><OGRVRTLayer name="in">'
        f'<SrcDataSource relativeToVRT="{int(relative)}">{path.name if relative else path}'
        "</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    )
    assert changes(lambda: vectors(layer), lambda: touch(tmp_path / "in.dbf")) == {"in.dbf"}


class Dated(Store):
    """Tells when a file was last changed."""

    def respond(self, path: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = super().respond(path, wanted)
        if status < 400:
            headers["ETag"] = f'"{(self.folder / path.lstrip("/")).stat().st_mtime_ns}"'
        return status, headers, body


def test_a_file_by_http(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = packed([image], image.with_name("all.zip"))
    monkeypatch.setattr("tests.support.stores.Store", Dated)
    with serving(image.parent) as store, rasterio.Env(**ALONE):
        plain = f"http://{store.address}/in.tif"
        inside = f"zip+http://{store.address}/all.zip!in.tif"
        outer = virtual(image.with_name("outer.vrt"), f"/vsicurl/{plain}")
        for path, changed in ((plain, image), (inside, archive), (outer, image)):
            before = rasters(path)
            assert rasters(path) == before
            touch(changed)
            os.utime(changed, ns=(1, changed.stat().st_mtime_ns + 10**9))
            assert rasters(path) != before


def test_a_store_that_tells_nothing_of_changes(
    image: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(image.parent) as store, rasterio.Env(**ALONE):
        path = f"http://{store.address}/in.tif"
        # nobody can go on from a journal that may be of other content
        assert rasters(path) != rasters(path)
    assert caplog.messages[0] == (
        f"Nothing tells whether '/vsicurl/{path}' changes, so that no later run can go on from "
        "this one"
    )


def test_an_object_in_s3(image: Path) -> None:
    keys = {"aws_access_key_id": "name", "aws_secret_access_key": "secret"}
    with s3_service() as service:
        client = boto3.client(
            "s3", endpoint_url=f"http://{service.address}", region_name="us-east-1", **keys
        )
        client.create_bucket(Bucket="scenes")
        client.upload_file(str(image), "scenes", "in.tif")
        settings = {
            "AWS_S3_ENDPOINT": service.address,
            "AWS_HTTPS": "NO",
            "AWS_VIRTUAL_HOSTING": "FALSE",
            **ALONE,
        }
        with rasterio.Env(AWSSession(region_name="us-east-1", **keys), **settings):
            before = rasters("s3://scenes/in.tif")
            assert rasters("s3://scenes/in.tif") == before
            write_raster(image, np.flip(PIXELS))
            client.upload_file(str(image), "scenes", "in.tif")
            assert rasters("s3://scenes/in.tif") != before
        client.close()


def test_what_is_only_in_memory(image: Path) -> None:
    with rasterio.MemoryFile(image.read_bytes()) as file:
        assert rasters(file.name) != rasters(file.name)
