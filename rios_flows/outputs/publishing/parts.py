"""Uploading files so that none is seen before all are there."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

logger = logging.getLogger(__name__)

_THREADS = 10

#: Metadata of an object that tells which run has uploaded it.
MARK = "rios-flows-upload"


class PartsOnly:
    """Uploads in parts, and makes objects of them later: boto3 takes it for its client.

    It keeps back the last call of each upload.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._token = secrets.token_hex(8)
        self._lock = Lock()
        self._waiting: dict[str, dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def complete_multipart_upload(self, **arguments: Any) -> None:
        """Remember the last call of an upload."""
        with self._lock:
            self._waiting[arguments["Key"]] = arguments

    def send(self, bucket: str, files: Mapping[str, Path]) -> None:
        """Upload files, each by its key, in the order in which they shall become objects."""
        from s3transfer.manager import TransferConfig, TransferManager

        # in parts, even a small file
        config = TransferConfig(multipart_threshold=1, max_request_concurrency=_THREADS)
        with TransferManager(self, config) as manager:
            # begin all before waiting for the first
            more = {"Metadata": {MARK: self._token}}
            uploads = [manager.upload(str(file), bucket, key, more) for key, file in files.items()]
            for upload in uploads:
                upload.result()
        self._waiting = {key: self._waiting[key] for key in files if key in self._waiting}

    def finish(self) -> None:
        """Make objects of the uploads, the last one when all others are there."""
        *others, last = self._waiting.values()
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="upload") as threads:
            for _ in threads.map(self._complete, others):
                pass
        self._complete(last)

    def abandon(self, errors: tuple[type[Exception], ...]) -> None:
        """Drop what did not become an object; only log the given errors."""
        for key, upload in list(self._waiting.items()):
            where = {name: upload[name] for name in ("Bucket", "Key", "UploadId")}
            try:
                self._client.abort_multipart_upload(**where)
            except errors as error:
                # else it has become an object, and only the answer was lost
                if code_of(error) != "NoSuchUpload":
                    logger.warning("Parts of '%s' stay behind, and cost money: %s", key, error)
            self._waiting.pop(key, None)

    def _complete(self, upload: dict[str, Any]) -> None:
        try:
            self._client.complete_multipart_upload(**upload)
        except Exception:
            # if the answer was lost, boto3 has asked again for an upload that is finished
            if not self._is_there(upload):
                raise
        with self._lock:
            self._waiting.pop(upload["Key"], None)

    def _is_there(self, upload: dict[str, Any]) -> bool:
        """Tell whether an upload has become an object."""
        try:
            found = self._client.head_object(Bucket=upload["Bucket"], Key=upload["Key"])
        except Exception as error:
            logger.debug("Nothing tells whether '%s' is new: %s", upload["Key"], error)
            return False
        return bool(found["Metadata"].get(MARK) == self._token)


def code_of(error: Exception) -> str:
    """Return a store's code for an error."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
