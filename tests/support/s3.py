"""Outputs in S3, and what lies in a bucket."""

from __future__ import annotations

from typing import Any

import numpy as np
import rasterio

from rios_flows.outputs.publishing.upload import Bucket
from tests.support.copies import Copy
from tests.support.rasters import Array
from tests.support.styles import STYLES


def keys(client: Any) -> set[str]:
    return {item["Key"] for item in client.list_objects_v2(Bucket="maps").get("Contents", ())}


def scene(size: int = 300) -> Array:
    return np.random.default_rng(0).integers(1, 30000, (1, size, size)).astype("int16")


def run(job: Copy, session: Any, settings: dict[str, Any]) -> None:
    with rasterio.Env(session=rasterio.session.AWSSession(session), **settings):
        job.run(STYLES["threads 2-2"])


def fetched(client: Any, job: Copy, key: str) -> Array:
    client.download_file("maps", key, str(job.path))
    with rasterio.open(job.path) as dataset:
        assert dataset.tags(1)["STATISTICS_MINIMUM"]
        pixels: Array = dataset.read()
        return pixels


def bucket(session: Any, settings: dict[str, Any], name: str = "s3://maps/2026/out.tif") -> Bucket:
    with rasterio.Env(session=rasterio.session.AWSSession(session), **settings):
        return Bucket(name, "result")
