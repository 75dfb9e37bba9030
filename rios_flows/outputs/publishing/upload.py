"""Outputs in S3: uploaded once they are complete, since an object cannot change later."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
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
    """The bucket of one output; uses the settings of ``rasterio.Env``, else those boto3 finds."""

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
        """Turn errors into an ImageOpenError that names the output."""
        caught: tuple[type[Exception], ...] = (*self.errors, OSError, ValueError)
        try:
            yield
        except caught as error:
            raise rioserrors.ImageOpenError(f"{self._where}: {error}") from error

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Turn errors of boto3 into an OSError."""
        try:
            yield
        except self.errors as error:
            raise OSError(str(error)) from error

    def key(self, name: str) -> str:
        """Return the key of a file beside the output."""
        return f"{self._folder}/{name}" if self._folder else name

    def send(self, paths: Iterable[Path]) -> None:
        """Upload files and directories, in this order; :meth:`finish` makes objects of them."""
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
        """Make objects of what was sent, or raise OSError."""
        with self.telling():
            self._parts.finish()
            self._delete(self._stale)

    def abandon(self) -> None:
        """Drop what has not become an object. May be called again."""
        self._parts.abandon(self.errors)

    def remove(self, names: Collection[str]) -> None:
        """Remove files beside the output, if they exist."""
        with self.telling():
            self._delete({self.key(name) for name in names})

    def close(self) -> None:
        """Close the connections. May be called again."""
        self.client.close()

    def _check(self) -> None:
        """Fail now and not after hours; a user who may only put objects gets 403 here."""
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
        objects = [{"Key": key} for key in sorted(keys)]
        for start in range(0, len(objects), 1000):
            some = {"Objects": objects[start : start + 1000], "Quiet": True}
            answer = self.client.delete_objects(Bucket=self.bucket, Delete=some)
            for error in answer.get("Errors", ()):
                said = f"{error.get('Key')}: {error.get('Code')} {error.get('Message', '')}"
                if error.get("Code") != "AccessDenied":
                    raise OSError(f"a file of the old output could not be removed: {said}")
                # a user who may only put objects cannot know whether there is one
                logger.warning("If there is one of the old output, this file stays: %s", said)


def client_options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Put GDAL's settings for S3 into the words of boto3."""
    words = {
        "aws_access_key_id": "AWS_ACCESS_KEY_ID",
        "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
        "aws_session_token": "AWS_SESSION_TOKEN",
        "region_name": "AWS_REGION",
    }
    options = {name: settings[gdal] for name, gdal in words.items() if settings.get(gdal)}
    if settings.get("AWS_S3_ENDPOINT"):
        scheme = "http" if _off(settings.get("AWS_HTTPS")) else "https"
        options["endpoint_url"] = f"{scheme}://{settings['AWS_S3_ENDPOINT']}"
    if _off(settings.get("AWS_VIRTUAL_HOSTING")):
        from botocore.config import Config

        options["config"] = Config(s3={"addressing_style": "path"})
    return options


def _settings() -> dict[str, Any]:
    """Return GDAL's settings: those of the environment, unless ``rasterio.Env`` has others."""
    return dict(os.environ) | (rasterio.env.getenv() if rasterio.env.hasenv() else {})


def _off(value: Any) -> bool:
    return value is not None and str(value).upper() in _FALSE
