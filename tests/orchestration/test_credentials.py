"""Bands in S3, with the credentials of a prefect-aws block named in the flow's parameters."""

from __future__ import annotations

from pathlib import Path

import boto3
import numpy as np
import pytest
import rasterio
from prefect_aws import AwsCredentials
from prefect_aws.client_parameters import AwsClientParameters
from pydantic import SecretStr

from flows.vegetation_index import Bands, Concurrency, vegetation_index
from tests.orchestration.served import Api
from tests.support.rasters import write_raster
from tests.support.store_process import store_process

pytestmark = [pytest.mark.prefect]


def test_bands_in_s3_with_the_credentials_of_a_block(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_S3_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    green, red = np.array([[[3, 9, 5]]], np.uint16), np.array([[[1, 3, 5]]], np.uint16)
    # elsewhere: rasterio keeps Python's lock while GDAL asks it for side-car files
    with store_process("s3", folder) as service:
        block = AwsCredentials(
            aws_access_key_id="name",
            aws_secret_access_key=SecretStr("secret"),
            region_name="us-east-1",
            aws_client_parameters=AwsClientParameters(endpoint_url=f"http://{service.address}"),
        )
        block.save("scenes", overwrite=True)
        client = boto3.Session("name", "secret", region_name="us-east-1").client(
            "s3", endpoint_url=f"http://{service.address}"
        )
        client.create_bucket(Bucket="scenes")
        for name, pixels in (("green.tif", green), ("red.tif", red)):
            client.upload_file(str(write_raster(folder / name, pixels)), "scenes", name)
        client.close()
        vegetation_index(
            Bands(green="s3://scenes/green.tif", red="s3://scenes/red.tif"),
            "index.tif",
            block_size=16,
            concurrency=Concurrency(read_workers=1, compute_workers=0),
            aws_credentials="scenes",
        )
    with rasterio.open("index.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), [[5000, 5000, 0]])
