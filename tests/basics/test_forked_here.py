"""What a process knows of itself once it is a forked child."""

from __future__ import annotations

import os

import pytest

from rios_flows.basics import forks
from rios_flows.rioserrors import UnavailableError


@pytest.fixture(autouse=True)
def parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be no child, and forget afterwards what this test has made of the process."""
    for name in ("forked", "connected", "amid_work"):
        monkeypatch.setattr(forks._Here, name, False)
    monkeypatch.setattr(forks, "_at_work", set())
    monkeypatch.setattr(forks, "_handles", set())


def test_threads_of_gdal_are_left_to_the_parent() -> None:
    options = {"COMPRESS": "LZW", "NUM_THREADS": "ALL_CPUS"}
    assert forks.without_threads(options) == options
    assert not forks.forked()
    forks._begin_child()
    assert forks.forked()
    assert forks.without_threads(options) == {"COMPRESS": "LZW", "NUM_THREADS": "1"}
    assert options["NUM_THREADS"] == "ALL_CPUS"
    assert forks.without_threads({"COMPRESS": "LZW"}) == {"COMPRESS": "LZW"}


def test_only_a_child_that_was_forked_amid_work_is_refused() -> None:
    with forks.working():
        pass
    forks._begin_child()
    with forks.working():
        # a child of that child
        forks._begin_child()
    with pytest.raises(UnavailableError, match=r"was forked while a run was .* 'forkserver'"):
        forks.working().__enter__()


def test_connections_are_dropped_once() -> None:
    assert not forks.shares_connections()
    forks._begin_child()
    assert forks.shares_connections()
    assert not forks.shares_connections()


def test_files_that_lock_are_closed_in_a_child() -> None:
    kept, closed = (os.open(os.devnull, os.O_RDONLY) for _ in range(2))
    forks.keep_from_children(kept)
    forks.keep_from_children(closed)
    forks.close(closed)
    forks._begin_child()
    for handle in (kept, closed):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(handle)
