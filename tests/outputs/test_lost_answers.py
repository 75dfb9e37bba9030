"""A store does what it is asked, but its answer is lost, and boto3 asks again."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
import rasterio
from botocore.exceptions import ConnectionClosedError

from rios_flows import rioserrors
from rios_flows.outputs.publishing import remotelock
from rios_flows.outputs.publishing.remotelock import RemoteLock
from rios_flows.outputs.publishing.upload import Bucket
from tests.support.copies import Copy
from tests.support.stores import S3, s3_service

LOCK = "2026/.out.tif.rios_flows.lock"


@pytest.fixture(scope="module")
def service() -> Iterator[S3]:
    with s3_service() as service:
        yield service


@pytest.fixture
def store(service: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_S3_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    # asked once more, and not four times with growing pauses
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    session = boto3.Session("key", "secret", region_name="us-east-1")
    settings = {
        "AWS_S3_ENDPOINT": service.address,
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
    }
    with rasterio.Env(session=rasterio.session.AWSSession(session), **settings):
        yield service
    assert service.dropping == []


@pytest.fixture
def client(store: S3) -> Any:
    session = boto3.Session("key", "secret", region_name="us-east-1")
    client = session.client("s3", endpoint_url=f"http://{store.address}")
    client.create_bucket(Bucket="maps")
    for key in keys(client):
        client.delete_object(Bucket="maps", Key=key)
    return client


@pytest.fixture
def bucket(client: Any) -> Iterator[Bucket]:
    bucket = Bucket("s3://maps/2026/out.tif", "result")
    yield bucket
    bucket.close()


@pytest.fixture
def job(tmp_path: Path) -> Copy:
    pixels = np.random.default_rng(0).integers(1, 30000, (1, 100, 100)).astype("int16")
    job = Copy(tmp_path, pixels)
    job.outfiles.result = "s3://maps/2026/out.tif"
    (tmp_path / "scratch").mkdir()
    job.controls.setTempdir(str(tmp_path / "scratch"))
    return job


def keys(client: Any) -> set[str]:
    return {item["Key"] for item in client.list_objects_v2(Bucket="maps").get("Contents", ())}


def body(client: Any, key: str) -> bytes:
    found: bytes = client.get_object(Bucket="maps", Key=key)["Body"].read()
    return found


@pytest.mark.parametrize("left", [False, True], ids=["free", "of a silent one"])
def test_a_lock(
    store: S3, client: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, left: bool
) -> None:
    if left:
        words = {"host": "elsewhere", "pid": 1, "since": "some day", "token": "of another"}
        client.put_object(Bucket="maps", Key=LOCK, Body=json.dumps(words).encode())
        monkeypatch.setattr(remotelock, "SILENCE", -1.0)
    store.dropping.append(("PUT", LOCK))
    lock = RemoteLock(bucket)
    assert json.loads(body(client, LOCK))["token"] == json.loads(lock._words)["token"]
    store.dropping.append(("PUT", LOCK))
    lock.check()
    monkeypatch.setattr(remotelock, "SILENCE", 120.0)
    with pytest.raises(BlockingIOError):
        RemoteLock(bucket)
    assert keys(client) == {LOCK}
    lock.check()
    store.dropping.append(("DELETE", LOCK))
    lock.release()
    assert keys(client) == set()


def test_a_tag_that_is_another_each_time(client: Any, bucket: Bucket) -> None:
    # as where the store encrypts: what was written again is not told by the old tag
    lock = RemoteLock(bucket)
    real = bucket.client.put_object
    lost = iter([True])

    def put(**named: Any) -> Any:
        if next(lost, False):
            client.put_object(Bucket="maps", Key=LOCK, Body=named["Body"])
            named["IfMatch"] = '"another"'
        return real(**named)

    bucket.client.put_object = put
    lock.check()
    client.put_object(Bucket="maps", Key=LOCK, Body=b"of another")
    with pytest.raises(OSError, match="taken it over"):
        lock.check()
    lock.release()
    assert keys(client) == {LOCK}


def test_a_lock_of_which_nothing_is_heard(client: Any, bucket: Bucket) -> None:
    real = bucket.client.put_object

    def put(**named: Any) -> Any:
        real(**named)
        raise ConnectionClosedError(endpoint_url="http://store")

    bucket.client.put_object = put
    with pytest.raises(ConnectionClosedError):
        RemoteLock(bucket)
    assert keys(client) == set()


@pytest.mark.parametrize("name", ["out.tif", "out.zarr"])
def test_publishing(
    job: Copy, store: S3, client: Any, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    client.put_object(Bucket="maps", Key="2026/out.tif", Body=b"the old one")
    job.outfiles.result = f"s3://maps/2026/{name}"
    # that which makes an object of the parts, and that which removes what is stale
    store.dropping += [("POST", f"{name}?uploadId="), ("POST", "/maps?delete")]
    if name == "out.zarr":
        client.put_object(Bucket="maps", Key="2026/out.zarr/stale", Body=b"of the old one")
        store.dropping[0] = ("POST", ".zarray?uploadId=")
    with caplog.at_level(logging.WARNING, "rios_flows"):
        job.run()
    assert not [record for record in caplog.records if record.name.startswith("rios_flows")]
    assert not [key for key in keys(client) if "stale" in key or "lock" in key]
    assert "Uploads" not in client.list_multipart_uploads(Bucket="maps")
    if name == "out.tif":
        client.download_file("maps", "2026/out.tif", str(job.path))
        with rasterio.open(job.path) as dataset:
            np.testing.assert_array_equal(dataset.read(), job.pixels)


@pytest.mark.parametrize("looks", [True, False], ids=["may look", "may not look"])
def test_an_upload_that_somebody_has_ended(
    job: Copy,
    client: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    looks: bool,
) -> None:
    client.put_object(Bucket="maps", Key="2026/out.tif", Body=b"the old one")
    real = Bucket.finish

    def finish(bucket: Bucket) -> None:
        for upload in client.list_multipart_uploads(Bucket="maps")["Uploads"]:
            where = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
            client.abort_multipart_upload(Bucket="maps", **where)
        if not looks:
            bucket.client.head_object = refuse
        real(bucket)

    def refuse(**named: Any) -> Any:
        raise bucket_error("403")

    def bucket_error(code: str) -> Exception:
        error: Exception = client.exceptions.ClientError({"Error": {"Code": code}}, "HeadObject")
        return error

    monkeypatch.setattr(Bucket, "finish", finish)
    with pytest.raises(rioserrors.ImageWriteError, match="NoSuchUpload"):
        job.run()
    assert body(client, "2026/out.tif") == b"the old one"
    # there is nothing to be paid for
    assert "stay behind" not in caplog.text
