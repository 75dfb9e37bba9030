"""A local place for an output in S3: nothing is there before all is, and nothing stays behind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import rasterio

from rios_flows.outputs.publishing.remotestaging import RemotePlace
from rios_flows.outputs.publishing.upload import Bucket
from rios_flows.rioserrors import ImageOpenError
from tests.support.s3 import keys

LOCK = "2026/.out.tif.rios_flows.lock"


@pytest.fixture
def place(client: Any, session: Any, settings: dict[str, Any], tmp_path: Path) -> RemotePlace:
    with rasterio.Env(session=rasterio.session.AWSSession(session), **settings):
        return RemotePlace("s3://maps/2026/out.tif", "a", str(tmp_path))


def fill(place: RemotePlace) -> None:
    (place.path / "new").mkdir()
    for name in ("out.tif", "out.tif.ovr"):
        (place.path / "new" / name).write_bytes(name.encode() * 3)


def test_files_appear_at_once_and_stale_ones_go(place: RemotePlace, client: Any) -> None:
    assert place.name == "out.tif"
    client.put_object(Bucket="maps", Key="2026/out.tif.msk", Body=b"of the old one")
    fill(place)
    place.prepare(["out.tif.msk"])
    assert keys(client) == {LOCK, "2026/out.tif.msk"}
    place.move_in()
    assert keys(client) == {LOCK, "2026/out.tif", "2026/out.tif.ovr"}
    assert client.get_object(Bucket="maps", Key="2026/out.tif")["Body"].read() == b"out.tif" * 3
    place.commit()
    place.release()
    assert keys(client) == {"2026/out.tif", "2026/out.tif.ovr"}
    assert not place.path.exists()


def test_what_was_only_sent_is_dropped(place: RemotePlace, client: Any, tmp_path: Path) -> None:
    fill(place)
    place.prepare([])
    place.undo()
    place.release()
    # once more, after an interruption
    place.release()
    assert keys(client) == set()
    assert "Uploads" not in client.list_multipart_uploads(Bucket="maps")
    assert os.listdir(tmp_path) == []


def test_the_output_itself_comes_last(place: RemotePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.path / "new").mkdir()
    for name in ("out.tif", "out.tif.aux.xml", "aaa", "zzz"):
        (place.path / "new" / name).touch()
    sent: list[str] = []
    monkeypatch.setattr(Bucket, "send", lambda _, paths: sent.extend(path.name for path in paths))
    place.prepare([])
    assert sorted(sent) == ["aaa", "out.tif", "out.tif.aux.xml", "zzz"]
    assert sent[-1] == "out.tif"
    place.release()


def test_another_run_is_kept_out(
    place: RemotePlace, session: Any, settings: dict[str, Any], tmp_path: Path, client: Any
) -> None:
    before = sorted(tmp_path.iterdir())
    with (
        rasterio.Env(session=rasterio.session.AWSSession(session), **settings),
        pytest.raises(ImageOpenError, match="another run is writing it"),
    ):
        RemotePlace("s3://maps/2026/out.tif", "a", str(tmp_path))
    assert sorted(tmp_path.iterdir()) == before
    assert keys(client) == {LOCK}
    place.release()


def test_nothing_is_published_once_the_lock_is_lost(place: RemotePlace, client: Any) -> None:
    fill(place)
    place.prepare([])
    client.put_object(Bucket="maps", Key=LOCK, Body=b"of another")
    with pytest.raises(OSError, match="taken it over"):
        place.move_in()
    assert keys(client) == {LOCK}
    place.release()


def test_others_are_let_in_where_parts_cannot_be_dropped(
    place: RemotePlace, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no answer that anyone knows")

    fill(place)
    monkeypatch.setattr(place._bucket, "abandon", fail)
    with pytest.raises(RuntimeError, match="no answer"):
        place.release()
    assert keys(client) == set()
    assert not place.path.exists()
