"""Outputs in S3, on a stand-in for it on loopback."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
import rasterio
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from rios_flows import engine, rioserrors
from rios_flows.basics.errortext import outputs_after
from rios_flows.outputs.publishing import remotelock, upload
from rios_flows.outputs.publishing.locks import signature
from rios_flows.outputs.publishing.parts import PartsOnly
from rios_flows.outputs.publishing.remotelock import RemoteLock
from rios_flows.outputs.publishing.upload import Bucket
from tests.support.copies import Copy
from tests.support.rasters import Array
from tests.support.styles import STYLES


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def settings(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_S3_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    # credentials of these tests come through rasterio.Env alone
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return {
        "AWS_S3_ENDPOINT": endpoint,
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
    }


@pytest.fixture
def session() -> Any:
    return boto3.Session("key", "secret", region_name="us-east-1")


@pytest.fixture
def client(endpoint: str, session: Any) -> Any:
    client = session.client("s3", endpoint_url=f"http://{endpoint}")
    client.create_bucket(Bucket="maps")
    for item in client.list_objects_v2(Bucket="maps").get("Contents", ()):
        client.delete_object(Bucket="maps", Key=item["Key"])
    return client


def keys(client: Any) -> set[str]:
    return {item["Key"] for item in client.list_objects_v2(Bucket="maps").get("Contents", ())}


def scene(size: int = 300) -> Array:
    return np.random.default_rng(0).integers(1, 30000, (1, size, size)).astype("int16")


@pytest.fixture
def job(tmp_path: Path) -> Copy:
    job = Copy(tmp_path, scene())
    job.outfiles.result = "s3://maps/2026/out.tif"
    (tmp_path / "scratch").mkdir()
    job.controls.setTempdir(str(tmp_path / "scratch"))
    return job


def run(job: Copy, session: Any, settings: dict[str, Any]) -> None:
    with rasterio.Env(session=rasterio.session.AWSSession(session), **settings):
        job.run(STYLES["threads 2-2"])


def fetched(client: Any, job: Copy, key: str) -> Array:
    client.download_file("maps", key, str(job.path))
    with rasterio.open(job.path) as dataset:
        assert dataset.tags(1)["STATISTICS_MINIMUM"]
        pixels: Array = dataset.read()
        return pixels


def test_an_output(job: Copy, client: Any, session: Any, settings: dict[str, Any]) -> None:
    job.controls.setDefaultHistogram(True)
    run(job, session, settings)
    assert keys(client) == {"2026/out.tif", "2026/out.tif.aux.xml"}
    np.testing.assert_array_equal(fetched(client, job, "2026/out.tif"), job.pixels)
    assert list((job.path.parent / "scratch").iterdir()) == []
    # the next one has no side-car file
    job.controls.setDefaultHistogram(False)
    run(job, session, settings)
    assert keys(client) == {"2026/out.tif"}


def test_a_large_output_goes_in_parts(
    job: Copy, client: Any, session: Any, settings: dict[str, Any]
) -> None:
    job.pixels = scene(300)
    big = Copy(job.path.parent, scene(2600))
    big.outfiles.result = "/vsis3/maps/big.tif"
    big.controls.setWindowSize(512, 512)
    big.controls.setTempdir(str(job.path.parent / "scratch"))
    run(big, session, settings)
    # the name of an object that came in parts tells how many there were
    assert client.head_object(Bucket="maps", Key="big.tif")["ETag"].strip('"').endswith("-2")
    np.testing.assert_array_equal(fetched(client, big, "big.tif"), big.pixels)


def test_a_store_is_uploaded_whole(
    job: Copy, client: Any, session: Any, settings: dict[str, Any]
) -> None:
    client.put_object(Bucket="maps", Key="out.zarr/stale", Body=b"of the old one")
    client.put_object(Bucket="maps", Key="out.zarr.txt", Body=b"another file")
    job.outfiles.result = "s3://maps/out.zarr"
    run(job, session, settings)
    found = keys(client)
    assert "out.zarr/stale" not in found
    assert {"out.zarr.txt", "out.zarr/.zgroup", "out.zarr/out/.zarray"} <= found


def test_a_failed_run_uploads_nothing(
    job: Copy, client: Any, session: Any, settings: dict[str, Any]
) -> None:
    client.put_object(Bucket="maps", Key="2026/out.tif", Body=b"the old one")

    def fails(info: Any, inputs: Any, outputs: Any) -> None:
        raise ValueError("too bad")

    with (
        rasterio.Env(session=rasterio.session.AWSSession(session), **settings),
        pytest.raises(rioserrors.WorkerExceptionError),
    ):
        job.run(function=fails)
    assert client.get_object(Bucket="maps", Key="2026/out.tif")["Body"].read() == b"the old one"
    assert list((job.path.parent / "scratch").iterdir()) == []


@pytest.mark.parametrize("name", ["s3://nowhere/out.tif", "s3://maps", "s3://maps/"])
def test_a_bucket_that_is_not_there(
    job: Copy, client: Any, session: Any, settings: dict[str, Any], name: str
) -> None:
    job.outfiles.result = name
    with pytest.raises(rioserrors.ImageOpenError, match=f"Unable to create '{name}'"):
        run(job, session, settings)
    assert list((job.path.parent / "scratch").iterdir()) == []


def test_a_bucket_that_goes_meanwhile(
    job: Copy, client: Any, session: Any, settings: dict[str, Any]
) -> None:
    real = job.function
    client.create_bucket(Bucket="brief")
    job.outfiles.result = "s3://brief/out.tif"

    def spoils(info: Any, inputs: Any, outputs: Any) -> None:
        real(info, inputs, outputs)
        if info.isLastBlock():
            client.delete_object(Bucket="brief", Key=".out.tif.rios_flows.lock")
            client.delete_bucket(Bucket="brief")

    with (
        rasterio.Env(session=rasterio.session.AWSSession(session), **settings),
        pytest.raises(rioserrors.ImageWriteError, match=r"'s3://brief/out\.tif'"),
    ):
        job.run(function=spoils)
    assert list((job.path.parent / "scratch").iterdir()) == []


LOCK = "2026/.out.tif.rios_flows.lock"


def test_a_lock_lies_beside_it_meanwhile(
    job: Copy, client: Any, session: Any, settings: dict[str, Any]
) -> None:
    seen: list[set[str]] = []

    def second(info: Any, inputs: Any, outputs: Any) -> None:
        job.function(info, inputs, outputs)
        if info.isFirstBlock():
            seen.append(keys(client))
            with pytest.raises(
                rioserrors.ImageOpenError,
                match=f"Unable to create 's3://.*another run is writing it .process {os.getpid()} ",
            ):
                run(job, session, settings)

    with rasterio.Env(session=rasterio.session.AWSSession(session), **settings):
        job.run(STYLES["none"], second)
    assert seen == [{LOCK}]
    assert keys(client) == {"2026/out.tif"}
    run(job, session, settings)


@pytest.mark.parametrize("fate", ["dead", "silent", "alive"])
def test_a_lock_that_was_left(
    job: Copy,
    client: Any,
    session: Any,
    settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    fate: str,
) -> None:
    words = {"host": "elsewhere", "pid": 1, "since": "some day", "token": "of another"}
    if fate == "dead":
        done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=-1)
        words |= {**json.loads(signature()), "pid": int(done.stdout)}
    client.put_object(Bucket="maps", Key=LOCK, Body=json.dumps(words).encode())
    if fate == "silent":
        monkeypatch.setattr(remotelock, "SILENCE", 0.0)
    if fate == "alive":
        with pytest.raises(rioserrors.ImageOpenError, match="process 1 on elsewhere, since some"):
            run(job, session, settings)
        assert keys(client) == {LOCK}
    else:
        run(job, session, settings)
        assert keys(client) == {"2026/out.tif"}


def bucket(session: Any, settings: dict[str, Any], name: str = "s3://maps/2026/out.tif") -> Bucket:
    with rasterio.Env(session=rasterio.session.AWSSession(session), **settings):
        return Bucket(name, "result")


def test_the_owner_of_a_lock_shows_life_until_it_is_lost(
    client: Any, session: Any, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remotelock, "HEARTBEAT", 0.02)
    mine = bucket(session, settings)
    beats: list[str] = []
    real = mine.client.put_object

    def put(**named: Any) -> Any:
        beats.append(named["Key"])
        return real(**named)

    mine.client.put_object = put
    lock = RemoteLock(mine)
    end = time.monotonic() + 10
    while len(beats) < 5 and time.monotonic() < end:
        time.sleep(0.01)
    assert set(beats[:5]) == {LOCK}
    lock.check()
    client.put_object(Bucket="maps", Key=LOCK, Body=b"of another")
    with pytest.raises(OSError, match="taken it over"):
        lock.check()
    lock.release()
    lock.release()
    assert client.get_object(Bucket="maps", Key=LOCK)["Body"].read() == b"of another"
    mine.close()


@pytest.mark.parametrize("answer", ["heedless", "NotImplemented", "AccessDenied"])
def test_a_store_that_knows_no_conditions(
    client: Any,
    session: Any,
    settings: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    answer: str,
) -> None:
    mine = bucket(session, settings)
    real = mine.client.put_object

    def put(IfNoneMatch: str, **named: Any) -> Any:
        if answer == "heedless":
            return real(**named)
        raise ClientError({"Error": {"Code": answer}}, "PutObject")

    mine.client.put_object = put
    with caplog.at_level(logging.INFO, "rios_flows"):
        lock = RemoteLock(mine)
    [record] = [record for record in caplog.records if record.name.startswith("rios_flows")]
    assert record.getMessage().startswith("No lock for 'out.tif': ")
    assert record.levelno == (logging.WARNING if answer == "AccessDenied" else logging.INFO)
    assert keys(client) == set()
    lock.check()
    lock.release()
    mine.close()


def test_all_outputs_or_none(
    job: Copy,
    client: Any,
    session: Any,
    settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(parts: PartsOnly, upload: Any) -> None:
        raise OSError("the line is cut")

    client.put_object(Bucket="maps", Key="2026/out.tif", Body=b"the old one")
    folder = job.path.parent
    job.outfiles.local = folder / "local.tif"
    (folder / "local.tif").write_text("the old one")

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        job.function(info, inputs, outputs)
        outputs.local = outputs.result

    monkeypatch.setattr(PartsOnly, "_complete", fails)
    with (
        rasterio.Env(session=rasterio.session.AWSSession(session), **settings),
        pytest.raises(rioserrors.ImageWriteError, match=r"'s3://.*the line is cut"),
    ):
        job.run(function=function)
    assert (folder / "local.tif").read_text() == "the old one"
    assert client.get_object(Bucket="maps", Key="2026/out.tif")["Body"].read() == b"the old one"
    # nothing that is to be paid for
    assert "Uploads" not in client.list_multipart_uploads(Bucket="maps")
    assert keys(client) == {"2026/out.tif"}
    assert list((folder / "scratch").iterdir()) == []


@pytest.mark.parametrize("code", ["InternalError", "AccessDenied"])
def test_side_car_files_that_cannot_be_removed(
    client: Any,
    session: Any,
    settings: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    code: str,
) -> None:
    def delete(**named: Any) -> Any:
        return {"Errors": [{"Key": "2026/out.tif.ovr", "Code": code, "Message": "no way"}]}

    mine = bucket(session, settings)
    mine.client.delete_objects = delete
    if code == "AccessDenied":
        mine.remove(["out.tif.ovr"])
        assert "2026/out.tif.ovr: AccessDenied no way" in caplog.text
    else:
        with pytest.raises(OSError, match=r"2026/out\.tif\.ovr: InternalError no way"):
            mine.remove(["out.tif.ovr"])
    mine.close()


def test_connections_are_closed(
    job: Copy,
    client: Any,
    session: Any,
    settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[str] = []
    real = Bucket.close

    def close(bucket: Bucket) -> None:
        real(bucket)
        closed.append(bucket.name)

    monkeypatch.setattr(Bucket, "close", close)
    run(job, session, settings)
    assert closed == ["out.tif"]
    job.outfiles.result = "s3://nowhere/out.tif"
    with pytest.raises(rioserrors.ImageOpenError):
        run(job, session, settings)
    assert len(closed) == 2


def test_not_with_resume(job: Copy) -> None:
    job.controls.setResume(True)
    with pytest.raises(rioserrors.ParameterError, match=r"setResume: 's3://.*cannot be resumed"):
        engine.prepare(job.function, job.infiles, job.outfiles, controls=job.controls)


def test_without_boto3(job: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(rioserrors.UnavailableError, match=r"install rios_flows\[aws\]"):
        job.run()


def test_settings_in_the_words_of_boto3() -> None:
    options = upload.client_options(
        {
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_SESSION_TOKEN": "c",
            "AWS_REGION": "eu-west-1",
            "AWS_S3_ENDPOINT": "storage.example.org",
        }
    )
    assert options == {
        "aws_access_key_id": "a",
        "aws_secret_access_key": "b",
        "aws_session_token": "c",
        "region_name": "eu-west-1",
        "endpoint_url": "https://storage.example.org",
    }
    assert upload.client_options({}) == {}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("on strike")])
def test_an_error_between_two_outputs_tells_which_are_new(
    job: Copy,
    client: Any,
    session: Any,
    settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    job.outfiles.second = "s3://maps/2026/second.tif"
    job.outfiles.third = "s3://maps/2026/third.tif"

    def function(info: Any, inputs: Any, outputs: Any) -> None:
        job.function(info, inputs, outputs)
        outputs.second = outputs.third = outputs.result

    def fails(bucket: Bucket) -> None:
        if bucket.name == "second.tif":
            raise error
        real(bucket)

    real = Bucket.finish
    monkeypatch.setattr(Bucket, "finish", fails)
    with (
        rasterio.Env(session=rasterio.session.AWSSession(session), **settings),
        pytest.raises((KeyboardInterrupt, rioserrors.ImageWriteError)) as caught,
    ):
        job.run(STYLES["none"], function)
    assert keys(client) == {"2026/out.tif"}
    assert outputs_after(caught.value) == (
        "Outputs: 's3://maps/2026/out.tif', 's3://maps/2026/second.tif' may be new; "
        "all else is as it was before."
    )
