"""Large files that are removed are freed later; nothing else is held, and nothing stays open."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from rios_flows.outputs.publishing import removal
from rios_flows.outputs.publishing.removal import freed_later


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(removal, "_LARGE", 1000)
    made = tmp_path / "made"
    made.mkdir()
    return made


def add(directory: Path, name: str, size: int = 1000) -> Path:
    path = directory / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(size))
    return path


def held(directory: Path) -> list[str]:
    """Return the files below a directory that this process has open, removed ones included."""
    found = []
    for handle in os.listdir("/proc/self/fd"):
        try:
            path = os.readlink(f"/proc/self/fd/{handle}")
        except OSError:
            continue  # the listing's own
        if path.startswith(str(directory)):
            found.append(os.path.relpath(path, directory))
    return sorted(found)


def wait_for_threads() -> None:
    for thread in threading.enumerate():
        if thread.name == "free":
            thread.join(10)


def test_large_files_outlive_their_names(directory: Path) -> None:
    for name in ("old/a.tif", "b.tif"):
        add(directory, name)
    add(directory, "small", 999)
    with freed_later(directory):
        assert held(directory) == ["b.tif", "old/a.tif"]
        shutil.rmtree(directory)
        assert held(directory) == ["b.tif (deleted)", "old/a.tif (deleted)"]
    wait_for_threads()
    assert held(directory) == []


def test_a_file_with_another_name_is_not_held(directory: Path, tmp_path: Path) -> None:
    os.link(add(directory, "a.tif"), tmp_path / "published.tif")
    (directory / "link").symlink_to(tmp_path / "published.tif")
    with freed_later(directory):
        assert held(tmp_path) == []


def test_not_all_of_many_are_held(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_MOST", 3)
    for number in range(5):
        add(directory, str(number))
    with freed_later(directory):
        assert len(held(directory)) == 3
    wait_for_threads()
    assert held(directory) == []


def test_nothing_there(tmp_path: Path) -> None:
    threads = threading.active_count()
    with freed_later(tmp_path / "missing") as files:
        files.let_go()
    assert threading.active_count() == threads


def test_nothing_stays_open_after_an_error(directory: Path) -> None:
    add(directory, "a.tif")
    with pytest.raises(KeyboardInterrupt), freed_later(directory):
        raise KeyboardInterrupt
    wait_for_threads()
    assert held(directory) == []


def test_without_a_further_thread(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    add(directory, "a.tif")
    with freed_later(directory):
        shutil.rmtree(directory)
    assert held(directory) == []
