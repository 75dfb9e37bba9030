"""A flow to deploy: the green-red vegetation index of two bands, block by block.

    prefect deployment run vegetation-index/landsat \\
        -p 'bands={"green": "B3.tif", "red": "B4.tif"}' -p output=index.tif

``prefect.yaml`` deploys it; ``deployments/README.md`` says how.
"""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

import numpy as np
import rasterio
from prefect import flow
from prefect.logging import get_run_logger
from pydantic import BaseModel, ConfigDict, Field, model_validator
from rasterio.session import AWSSession

from rios_flows import applier
from rios_flows.orchestration.deployed import require_version
from rios_flows.orchestration.flow import apply_in_this_run

#: The rios_flows that this flow is part of; another one may be installed where it runs.
MADE_FOR = "0.1.0"

#: Factor of the index, to store it in integers.
SCALE = 10_000

#: Values of pixels without an index: a band has no value, or both are 0.
NODATA = {"int16": -32768, "float32": -9999}


class Bands(BaseModel):
    """The two bands, on one pixel grid."""

    model_config = ConfigDict(extra="forbid")

    green: str = Field(min_length=1, description="Raster of the green band, path or URL.")
    red: str = Field(min_length=1, description="Raster of the red band, path or URL.")
    fill: float = Field(default=0, description="Nodata value of files that declare none.")


class Concurrency(BaseModel):
    """How many threads read and compute. One more thread writes."""

    model_config = ConfigDict(extra="forbid")

    read_workers: int = Field(
        default=2, ge=0, le=64, description="Threads that read ahead; 0 to read when needed."
    )
    compute_workers: int = Field(
        default=2,
        ge=0,
        le=256,
        description="Threads that compute, at most one per processor; 0 to compute while writing.",
    )

    @model_validator(mode="after")
    def _feed_the_computers(self) -> Concurrency:
        if self.compute_workers and not self.read_workers:
            raise ValueError("compute_workers need at least one of read_workers")
        return self

    def style(self) -> applier.ConcurrencyStyle:
        """Return a ConcurrencyStyle, limited to the processors of this machine."""
        return applier.ConcurrencyStyle(
            numReadWorkers=self.read_workers,
            # more threads than processors are refused, and the caller may not know their number
            numComputeWorkers=min(self.compute_workers, os.cpu_count() or 1),
            computeWorkerKind=applier.CW_THREADS if self.compute_workers else applier.CW_NONE,
        )


def green_red_index(info: Any, inputs: Any, outputs: Any, settings: Any) -> None:
    """Compute (green - red) / (green + red) of one block."""
    known = np.ones(inputs.green.shape, bool)
    for band in (inputs.green, inputs.red):
        nodata = info.getNoDataValueFor(band)
        known &= band != (settings.fill if nodata is None else nodata)
    green, red = inputs.green.astype(np.float32), inputs.red.astype(np.float32)
    total = green + red
    known &= total != 0
    index = np.divide(green - red, total, out=np.zeros_like(total), where=known)
    if settings.dtype == "int16":
        index = np.rint(index * SCALE)
    outputs.index = np.where(known, index, NODATA[settings.dtype]).astype(settings.dtype)


def credentials_of(block: str | None) -> rasterio.Env:
    """Open a rasterio environment with the credentials of an AwsCredentials block, or a plain one.

    The block's endpoint counts too, for stores that speak S3 elsewhere.
    """
    if block is None:
        return rasterio.Env()
    from prefect_aws import AwsCredentials

    credentials: Any = AwsCredentials.load(block)
    endpoint = credentials.aws_client_parameters.endpoint_url
    settings = {}
    if endpoint:
        scheme, _, host = endpoint.rstrip("/").partition("://")
        settings = {
            "AWS_S3_ENDPOINT": host,
            "AWS_HTTPS": "YES" if scheme == "https" else "NO",
            "AWS_VIRTUAL_HOSTING": "FALSE",
        }
    return rasterio.Env(AWSSession(credentials.get_boto3_session()), **settings)


@flow(name="vegetation-index", flow_run_name="vegetation index to {output}")
def vegetation_index(
    bands: Bands,
    output: Annotated[str, Field(min_length=1)],
    dtype: Literal["int16", "float32"] = "int16",
    block_size: Annotated[int, Field(ge=16, le=8192)] = 512,
    concurrency: Concurrency = Concurrency(),  # noqa: B008 - it never changes
    aws_credentials: str | None = None,
    resume: bool = False,
) -> Any:
    """Compute the green-red vegetation index, (green - red) / (green + red), of two bands.

    Args:
        bands: The two bands, on one pixel grid.
        output: GeoTIFF to write.
        dtype: Type of its pixels; int16 holds the index times 10,000.
        block_size: Side of a block (pixels).
        concurrency: How many threads read and compute.
        aws_credentials: Name of an AwsCredentials block for bands in S3; needs rios_flows[aws].
        resume: Record finished blocks beside the output, and continue where a killed run ended.
    """
    if warning := require_version(MADE_FOR):
        get_run_logger().warning(warning)
    infiles, outfiles = applier.FilenameAssociations(), applier.FilenameAssociations()
    infiles.green, infiles.red = bands.green, bands.red
    outfiles.index = output
    settings = applier.OtherInputs()
    settings.dtype, settings.fill = dtype, bands.fill

    controls = applier.ApplierControls()
    controls.setWindowSize(block_size, block_size)
    controls.setOutputDriverName("GTiff")
    controls.setStatsIgnore(NODATA[dtype])
    controls.setLayerNames(["green-red vegetation index"])
    controls.setConcurrencyStyle(concurrency.style())
    controls.setResume(resume)

    with credentials_of(aws_credentials):
        # not applier.apply, which would be a subflow run: this run has the lanes and the result
        return apply_in_this_run(green_red_index, infiles, outfiles, settings, controls)
