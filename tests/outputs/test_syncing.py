"""Files are brought to disk, also while something else is done."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from threading import Barrier

import pytest

from rios_flows.outputs.publishing import syncing


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the inodes that were brought to disk."""
    inodes: list[int] = []
    fsync = os.fsync

    def noting(handle: int) -> None:
        fsync(handle)
        inodes.append(os.fstat(handle).st_ino)

    monkeypatch.setattr(os, "fsync", noting)
    return inodes


def test_a_directory_is_synced_file_by_file(tmp_path: Path, synced: list[int]) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    files = [tmp_path / "x", deep / "y"]
    for file in files:
        file.write_bytes(b"pixels")
    syncing.sync(tmp_path)
    assert sorted(synced) == sorted(file.stat().st_ino for file in files)


def test_the_files_of_a_directory_are_synced_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        (tmp_path / str(number)).write_bytes(b"pixels")
    together = Barrier(2, timeout=20)
    monkeypatch.setattr(os, "fsync", lambda handle: together.wait())
    syncing.sync(tmp_path)


def test_one_file_of_a_directory_cannot_be_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(syncing.BATCH + 3):
        (tmp_path / str(number)).touch()
    bad = (tmp_path / str(syncing.BATCH)).stat().st_ino

    def full(handle: int) -> None:
        if os.fstat(handle).st_ino == bad:
            raise OSError("the disk is gone")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="gone"):
        syncing.sync(tmp_path)


def test_a_file_is_synced_meanwhile(tmp_path: Path, synced: list[int]) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"pixels")
    with syncing.syncing(str(file)):
        pass
    assert synced == [file.stat().st_ino]


def test_an_error_that_the_system_tells_once_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([OSError("the disk was gone")])

    def once(handle: int) -> None:
        for error in answers:
            raise error

    monkeypatch.setattr(os, "fsync", once)
    file = tmp_path / "x"
    file.write_bytes(b"pixels")
    with pytest.raises(OSError, match="gone"), syncing.syncing(str(file)):
        pass
    syncing.sync(file)


def test_an_error_meanwhile_does_not_hide_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(ValueError, match="first"), syncing.syncing(str(tmp_path)):
        raise ValueError("first")


@pytest.mark.parametrize(
    ("number", "told"), [(errno.EIO, True), (errno.ENOSPC, True), (errno.EINVAL, False)]
)
def test_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: bool
) -> None:
    monkeypatch.setattr(os, "fsync", failing(number))
    with pytest.raises(OSError, match="Errno") if told else nullcontext():
        syncing.sync_directory(str(tmp_path))


def failing(number: int) -> Callable[[int], None]:
    def fail(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    return fail
