"""Outputs in S3: uploaded whole once they are complete, since nothing changes there later."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import rasterio.env

from rios_flows import rioserrors

#: How names of such outputs begin; the second is GDAL's way to say it.
PREFIXES = ("s3://", "/vsis3/")

_FALSE = ("NO", "FALSE", "OFF", "0")


def is_remote(path: str) -> bool:
    """Tell whether an output goes to S3."""
    return path.startswith(PREFIXES)


class Bucket:
    """The bucket of one output, and the output's place in it.

    Credentials, region and endpoint are those of the caller's ``rasterio.Env``, else those that
    boto3 finds by itself.

    Parameters
    ----------
    path : str
        As "s3://bucket/folder/out.tif".
    label : str
        What messages call the output.

    Attributes
    ----------
    name : str
        The output's name, without its folder.

    Raises
    ------
    UnavailableError
        If boto3 is not installed.
    ImageOpenError
        If there is no such bucket, or it cannot be reached.
    """

    def __init__(self, path: str, label: str) -> None:
        prefix = next(prefix for prefix in PREFIXES if path.startswith(prefix))
        self._bucket, _, key = path.removeprefix(prefix).partition("/")
        self._folder, _, self.name = key.rpartition("/")
        where = f"Unable to create '{path}' (output '{label}')"
        if not self._bucket or not self.name:
            raise rioserrors.ImageOpenError(f"{where}: a name is s3://bucket/key")
        try:
            import boto3
        except ImportError as error:
            raise rioserrors.UnavailableError(
                f"{where}: boto3 is not installed; install rios_flows[aws], or write to a local "
                "file"
            ) from error
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        self._errors = (Boto3Error, BotoCoreError, ClientError)
        try:
            self._client: Any = boto3.client("s3", **client_options(_settings()))
            self._check()
        except (*self._errors, ValueError) as error:
            raise rioserrors.ImageOpenError(f"{where}: {error}") from error

    def put(self, path: Path) -> None:
        """Upload a file, or all of a directory, beside the output or as the output.

        Raises
        ------
        OSError
            If that fails.
        """
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        keys = [self._key(str(file.relative_to(path.parent))) for file in files]
        try:
            for file, key in zip(files, keys, strict=True):
                # in several parts where it is large
                self._client.upload_file(str(file), self._bucket, key)
            if not path.is_file():
                self._delete(self._listed(f"{self._key(path.name)}/") - set(keys))
        except self._errors as error:
            raise OSError(str(error)) from error

    def remove(self, names: Collection[str]) -> None:
        """Remove files beside the output, where they are there.

        Raises
        ------
        OSError
            If that fails.
        """
        try:
            self._delete({self._key(name) for name in names})
        except self._errors as error:
            raise OSError(str(error)) from error

    def _key(self, name: str) -> str:
        return f"{self._folder}/{name}" if self._folder else name

    def _check(self) -> None:
        """Fail now and not after hours; who may only put objects is not let look."""
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except self._errors as error:
            answer = getattr(error, "response", {}).get("ResponseMetadata", {})
            if answer.get("HTTPStatusCode") != 403:
                raise

    def _listed(self, prefix: str) -> set[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        return {item["Key"] for page in pages for item in page.get("Contents", ())}

    def _delete(self, keys: Collection[str]) -> None:
        for some in _in_parts(sorted(keys), 1000):
            self._client.delete_objects(
                Bucket=self._bucket,
                Delete={"Objects": [{"Key": key} for key in some], "Quiet": True},
            )


def client_options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Put GDAL's settings for S3 into the words of boto3.

    Parameters
    ----------
    settings : mapping
        As of ``rasterio.Env``: ``AWS_ACCESS_KEY_ID``, ``AWS_REGION``, ``AWS_S3_ENDPOINT`` and so
        on.
    """
    options: dict[str, Any] = {}
    for ours, theirs in (
        ("AWS_ACCESS_KEY_ID", "aws_access_key_id"),
        ("AWS_SECRET_ACCESS_KEY", "aws_secret_access_key"),
        ("AWS_SESSION_TOKEN", "aws_session_token"),
        ("AWS_REGION", "region_name"),
    ):
        if settings.get(ours):
            options[theirs] = settings[ours]
    if settings.get("AWS_S3_ENDPOINT"):
        scheme = "http" if _off(settings.get("AWS_HTTPS")) else "https"
        options["endpoint_url"] = f"{scheme}://{settings['AWS_S3_ENDPOINT']}"
    if _off(settings.get("AWS_VIRTUAL_HOSTING")):
        from botocore.config import Config

        options["config"] = Config(s3={"addressing_style": "path"})
    return options


def _settings() -> dict[str, Any]:
    """Return GDAL's settings: those of the environment, and over them those of ``rasterio.Env``."""
    settings: dict[str, Any] = dict(os.environ)
    if rasterio.env.hasenv():
        settings |= rasterio.env.getenv()
    return settings


def _off(value: Any) -> bool:
    return value is not None and str(value).upper() in _FALSE


def _in_parts(items: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
