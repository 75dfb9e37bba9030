"""Outputs in S3: uploaded whole once they are complete, since nothing changes there later."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rasterio.env

from rios_flows import rioserrors
from rios_flows.outputs.publishing.parts import PartsOnly
from rios_flows.outputs.publishing.remotepaths import PREFIXES

logger = logging.getLogger(__name__)

_FALSE = ("NO", "FALSE", "OFF", "0")


class Bucket:
    """The bucket of one output, and the output's place in it.

    Credentials, region and endpoint are those of the caller's ``rasterio.Env``, else those that
    boto3 finds by itself.
    """

    def __init__(self, path: str, label: str) -> None:
        prefix = next(prefix for prefix in PREFIXES if path.startswith(prefix))
        self.bucket, _, key = path.removeprefix(prefix).partition("/")
        self._folder, _, self.name = key.rpartition("/")
        self._where = f"Unable to create '{path}' (output '{label}')"
        if not self.bucket or not self.name:
            raise rioserrors.ImageOpenError(f"{self._where}: a name is s3://bucket/key")
        try:
            import boto3
        except ImportError as error:
            raise rioserrors.UnavailableError(
                f"{self._where}: boto3 is not installed; install rios_flows[aws], or write to a "
                "local file"
            ) from error
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        self.errors: tuple[type[Exception], ...] = (Boto3Error, BotoCoreError, ClientError)
        with self.opening():
            self.client: Any = boto3.client("s3", **client_options(_settings()))
            self._check()
        self._parts = PartsOnly(self.client)
        self._stale: set[str] = set()

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Turn what goes wrong into an ImageOpenError that names the output."""
        caught: tuple[type[Exception], ...] = (*self.errors, OSError, ValueError)
        try:
            yield
        except caught as error:
            raise rioserrors.ImageOpenError(f"{self._where}: {error}") from error

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Turn what boto3 raises into an OSError."""
        try:
            yield
        except self.errors as error:
            raise OSError(str(error)) from error

    def key(self, name: str) -> str:
        """Return the key of something beside the output."""
        return f"{self._folder}/{name}" if self._folder else name

    def send(self, paths: Sequence[Path]) -> None:
        """Upload files and all of directories, in this order; :meth:`finish` lets them be seen."""
        sent: dict[str, Path] = {}
        with self.telling():
            for path in paths:
                files = sorted(path.rglob("*")) if path.is_dir() else [path]
                new = {
                    self.key(str(file.relative_to(path.parent))): file
                    for file in files
                    if file.is_file()
                }
                if path.is_dir():
                    self._stale |= self._listed(f"{self.key(path.name)}/") - new.keys()
                sent |= new
            self._parts.send(self.bucket, sent)

    def finish(self) -> None:
        """Let what was sent become objects, or raise OSError."""
        with self.telling():
            self._parts.finish()
            self._delete(self._stale)

    def abandon(self) -> None:
        """Drop what was sent and did not become an object. May be called again."""
        self._parts.abandon(self.errors)

    def remove(self, names: Collection[str]) -> None:
        """Remove files beside the output, where they are there."""
        with self.telling():
            self._delete({self.key(name) for name in names})

    def close(self) -> None:
        """Close the connections. May be called again."""
        self.client.close()

    def _check(self) -> None:
        """Fail now and not after hours; who may only put objects is not let look."""
        try:
            self.client.head_bucket(Bucket=self.bucket)
        except self.errors as error:
            answer = getattr(error, "response", {}).get("ResponseMetadata", {})
            if answer.get("HTTPStatusCode") != 403:
                self.close()
                raise

    def _listed(self, prefix: str) -> set[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        return {item["Key"] for page in pages for item in page.get("Contents", ())}

    def _delete(self, keys: Collection[str]) -> None:
        for some in _in_parts(sorted(keys), 1000):
            answer = self.client.delete_objects(
                Bucket=self.bucket,
                Delete={"Objects": [{"Key": key} for key in some], "Quiet": True},
            )
            for error in answer.get("Errors", ()):
                said = f"{error.get('Key')}: {error.get('Code')} {error.get('Message', '')}"
                if error.get("Code") != "AccessDenied":
                    raise OSError(f"a file of the old output could not be removed: {said}")
                # who may only put objects cannot tell either whether there is one
                logger.warning("If there is one of the old output, this file stays: %s", said)


def client_options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Put GDAL's settings for S3, as of ``rasterio.Env``, into the words of boto3."""
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
