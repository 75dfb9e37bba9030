"""Outputs in S3, on a stand-in for it on loopback."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rasterio

from rios_flows import engine, rioserrors
from rios_flows.basics.errortext import outputs_after
from rios_flows.outputs.publishing.parts import PartsOnly
from rios_flows.outputs.publishing.upload import Bucket
from tests.support.copies import Copy
from tests.support.s3 import fetched, keys, run, scene
from tests.support.styles import STYLES


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


def test_not_with_resume(job: Copy) -> None:
    job.controls.setResume(True)
    with pytest.raises(rioserrors.ParameterError, match=r"setResume: 's3://.*cannot be resumed"):
        engine.prepare(job.function, job.infiles, job.outfiles, controls=job.controls)


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
