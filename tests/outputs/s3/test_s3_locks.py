"""The lock that lies beside an output in S3 while it is written."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from typing import Any

import pytest
import rasterio
from botocore.exceptions import ClientError

from rios_flows import rioserrors
from rios_flows.outputs.publishing import remotelock
from rios_flows.outputs.publishing.locks import signature
from rios_flows.outputs.publishing.remotelock import RemoteLock
from tests.support.copies import Copy
from tests.support.s3 import bucket, keys, run
from tests.support.styles import STYLES

LOCK = "2026/.out.tif.rios_flows.lock"


def test_a_lock_lies_beside_it_meanwhile(
    job: Copy, client: Any, session: Any, settings: dict[str, Any]
) -> None:
    seen: list[set[str]] = []

    def second(info: Any, inputs: Any, outputs: Any) -> None:
        job.function(info, inputs, outputs)
        if info.isFirstBlock():
            seen.append(keys(client))
            with pytest.raises(
                rioserrors.ImageOpenError,
                match=f"Unable to create 's3://.*another run is writing it .process {os.getpid()} ",
            ):
                run(job, session, settings)

    with rasterio.Env(session=rasterio.session.AWSSession(session), **settings):
        job.run(STYLES["none"], second)
    assert seen == [{LOCK}]
    assert keys(client) == {"2026/out.tif"}
    run(job, session, settings)


@pytest.mark.parametrize("fate", ["dead", "silent", "alive"])
def test_a_lock_that_was_left(
    job: Copy,
    client: Any,
    session: Any,
    settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    fate: str,
) -> None:
    words = {"host": "elsewhere", "pid": 1, "since": "some day", "token": "of another"}
    if fate == "dead":
        done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=-1)
        words |= {**json.loads(signature()), "pid": int(done.stdout)}
    client.put_object(Bucket="maps", Key=LOCK, Body=json.dumps(words).encode())
    if fate == "silent":
        monkeypatch.setattr(remotelock, "SILENCE", 0.0)
    if fate == "alive":
        with pytest.raises(rioserrors.ImageOpenError, match="process 1 on elsewhere, since some"):
            run(job, session, settings)
        assert keys(client) == {LOCK}
    else:
        run(job, session, settings)
        assert keys(client) == {"2026/out.tif"}


def test_the_owner_of_a_lock_shows_life_until_it_is_lost(
    client: Any, session: Any, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remotelock, "HEARTBEAT", 0.02)
    mine = bucket(session, settings)
    beats: list[str] = []
    real = mine.client.put_object

    def put(**named: Any) -> Any:
        beats.append(named["Key"])
        return real(**named)

    mine.client.put_object = put
    lock = RemoteLock(mine)
    end = time.monotonic() + 10
    while len(beats) < 5 and time.monotonic() < end:
        time.sleep(0.01)
    assert set(beats[:5]) == {LOCK}
    lock.check()
    client.put_object(Bucket="maps", Key=LOCK, Body=b"of another")
    with pytest.raises(OSError, match="taken it over"):
        lock.check()
    lock.release()
    lock.release()
    assert client.get_object(Bucket="maps", Key=LOCK)["Body"].read() == b"of another"
    mine.close()


@pytest.mark.parametrize("answer", ["heedless", "NotImplemented", "AccessDenied"])
def test_a_store_that_knows_no_conditions(
    client: Any,
    session: Any,
    settings: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    answer: str,
) -> None:
    mine = bucket(session, settings)
    real = mine.client.put_object

    def put(IfNoneMatch: str, **named: Any) -> Any:
        if answer == "heedless":
            return real(**named)
        raise ClientError({"Error": {"Code": answer}}, "PutObject")

    mine.client.put_object = put
    with caplog.at_level(logging.INFO, "rios_flows"):
        lock = RemoteLock(mine)
    [record] = [record for record in caplog.records if record.name.startswith("rios_flows")]
    assert record.getMessage().startswith("No lock for 'out.tif': ")
    assert record.levelno == (logging.WARNING if answer == "AccessDenied" else logging.INFO)
    assert keys(client) == set()
    lock.check()
    lock.release()
    mine.close()
