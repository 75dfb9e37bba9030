"""The lock of an output in S3: an object beside it, created only if there is none."""

from __future__ import annotations

import logging
import secrets
import threading
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime

from rios_flows.outputs.publishing.locks import busy, ended, owner_in, signature
from rios_flows.outputs.publishing.parts import code_of
from rios_flows.outputs.publishing.upload import Bucket

logger = logging.getLogger(__name__)

#: How often an owner shows that it lives, and after what silence it counts as dead (s).
HEARTBEAT = 20.0
SILENCE = 120.0

#: What a store answers that knows no conditions, and one whose condition is not met.
_UNKNOWN = ("NotImplemented", "InvalidArgument", "InvalidRequest", "MethodNotAllowed")
_UNMET = ("PreconditionFailed", "ConditionalRequestConflict", "404", "NoSuchKey")


class RemoteLock:
    """An object that its owner writes again from time to time; raises BlockingIOError if taken."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        key = bucket.key(f".{bucket.name}.rios_flows.lock")
        self._where = {"Bucket": bucket.bucket, "Key": key}
        self._words = signature(token=secrets.token_hex(8))
        self._tag = ""
        self._turn = threading.Lock()
        self._ended = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="output-lock", daemon=True)
        try:
            self._claim()
            if self._tag:
                self._beating.start()
        except BaseException:
            # it may be there although the answer was lost
            self._tag = self._tag or "unknown"
            self.release()
            raise

    def check(self) -> None:
        """Raise OSError if another run has taken it over after a long silence."""
        if self._tag:
            with self._bucket.telling():
                renewed = self._renewed()
            if not renewed:
                raise OSError("another run has taken it over meanwhile")

    def release(self) -> None:
        """Let others in. May be called again."""
        self._ended.set()
        if self._beating.is_alive():
            self._beating.join()
        if not self._tag:
            return
        try:
            if self._found()[0] == self._words:
                self._bucket.client.delete_object(**self._where)
        except self._bucket.errors as error:
            logger.warning("The lock '%s' stays behind: %s", self._where["Key"], error)
        self._tag = ""

    def _claim(self) -> None:
        for _ in range(3):  # meanwhile it may go, or somebody may take it
            try:
                if self._put(IfNoneMatch="*"):
                    self._check_conditions()
                    return
                found, tag, age = self._found()
                if found and not ended(owner_in(found)) and age < SILENCE:
                    raise busy(owner_in(found))
                if found and self._put(IfMatch=tag):
                    return
            except self._bucket.client.exceptions.ClientError as error:
                level = logging.INFO if code_of(error) in _UNKNOWN else logging.WARNING
                logger.log(level, "No lock for '%s': %s", self._bucket.name, error)
                return
        raise busy({})

    def _check_conditions(self) -> None:
        """Go without a lock if the store would write a second one."""
        if self._written(IfNoneMatch="*"):
            self._bucket.client.delete_object(**self._where)
            self._tag = ""
            logger.info("No lock for '%s': the store knows no conditions", self._bucket.name)

    def _put(self, **condition: str) -> bool:
        """Write it, and tell whether it is ours then."""
        if self._written(**condition):
            return True
        # if the answer was lost, boto3 has sent it again, and the store refused its own write
        words, tag, _ = self._found()
        if words != self._words:
            return False
        self._tag = tag
        return True

    def _written(self, **condition: str) -> bool:
        """Write it, and tell whether the condition held."""
        try:
            answer = self._bucket.client.put_object(**self._where, Body=self._words, **condition)
        except self._bucket.client.exceptions.ClientError as error:
            if code_of(error) in _UNMET:
                return False
            raise
        self._tag = answer["ETag"]
        return True

    def _found(self) -> tuple[bytes, str, float]:
        """Return what the lock says, its tag, and its age (s) by the store's own clock."""
        try:
            answer = self._bucket.client.get_object(**self._where)
        except self._bucket.client.exceptions.NoSuchKey:
            return b"", "", 0
        now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        written: datetime = answer["LastModified"]
        with answer["Body"] as body:
            return body.read(), answer["ETag"], (now - written).total_seconds()

    def _renewed(self) -> bool:
        with self._turn:
            return self._put(IfMatch=self._tag)

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT):
            # what fails once may work the next time
            with suppress(*self._bucket.errors):
                if not self._renewed():
                    return
