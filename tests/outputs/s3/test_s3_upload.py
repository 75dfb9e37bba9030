"""Talking to S3: settings, connections, and what may not be removed."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from rios_flows import rioserrors
from rios_flows.outputs.publishing import upload
from rios_flows.outputs.publishing.upload import Bucket
from tests.support.copies import Copy
from tests.support.s3 import bucket, run


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
