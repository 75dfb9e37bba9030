"""A stand-in for S3 on loopback, and a job whose output goes there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.support.copies import Copy
from tests.support.s3 import scene


@pytest.fixture(scope="module")
def endpoint(services: None) -> Iterator[str]:
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


@pytest.fixture
def job(tmp_path: Path) -> Copy:
    job = Copy(tmp_path, scene())
    job.outfiles.result = "s3://maps/2026/out.tif"
    (tmp_path / "scratch").mkdir()
    job.controls.setTempdir(str(tmp_path / "scratch"))
    return job
