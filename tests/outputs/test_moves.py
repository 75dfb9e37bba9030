"""Old files are replaced by new ones wholly or not at all, whatever fails, and at every moment."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rios_flows.outputs.publishing.moves import Moves

MAIN = "out.tif"
BESIDE = ("out.tif.aux.xml", "out.tif.ovr", "out.tif.msk")

#: What there is before, and what is to come; a directory is a dict.
LAYOUTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing old": ({}, {MAIN: "new", "out.tif.aux.xml": "new"}),
    "one file": ({MAIN: "old"}, {MAIN: "new"}),
    "files beside the old": ({MAIN: "old", **dict.fromkeys(BESIDE, "old")}, {MAIN: "new"}),
    "files beside the new": ({MAIN: "old"}, {MAIN: "new", BESIDE[0]: "new", BESIDE[1]: "new"}),
    "files beside both": (
        {MAIN: "old", BESIDE[0]: "old", BESIDE[2]: "old"},
        {MAIN: "new", BESIDE[0]: "new", BESIDE[1]: "new"},
    ),
    "only files beside": ({BESIDE[0]: "old"}, {MAIN: "new"}),
    "directories": ({MAIN: {"a": "old", "b": "old"}}, {MAIN: {"a": "new"}}),
    "a directory for a file": ({MAIN: "old", BESIDE[0]: "old"}, {MAIN: {"a": "new"}}),
    "a file for a directory": ({MAIN: {"a": "old"}}, {MAIN: "new"}),
}

#: Whatever changes something on disk.
CALLS = ("replace", "link", "unlink", "mkdir", "fsync")


def fill(folder: Path, content: dict[str, Any]) -> None:
    folder.mkdir()
    for name, inside in content.items():
        if isinstance(inside, dict):
            fill(folder / name, inside)
        else:
            (folder / name).write_text(inside)


def read(folder: Path) -> dict[str, Any]:
    return {
        path.name: read(path) if path.is_dir() else path.read_text() for path in folder.iterdir()
    }


class Output:
    """An output that is about to be published."""

    def __init__(self, folder: Path, layout: str) -> None:
        self.old, self.new = LAYOUTS[layout]
        self.place, self.scratch = folder / "place", folder / "scratch"
        fill(self.place, self.old)
        self.scratch.mkdir()
        fill(self.scratch / "new", self.new)

    def move(self) -> Moves:
        moves = Moves.planned(self.scratch, self.place, MAIN, set(BESIDE) - self.new.keys())
        try:
            moves.set_aside()
            moves.move_in()
        except BaseException:
            moves.undo()
            raise
        return moves

    def recover(self) -> None:
        left = Moves.left_behind(self.scratch, self.place, MAIN)
        if left is not None:
            left.undo()
        assert Moves.left_behind(self.scratch, self.place, MAIN) is None

    def seen(self) -> dict[str, Any]:
        return read(self.place)


class Fault:
    """Does something instead of one call that changes what is on disk, or of all from there on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, action: Callable[[], None]) -> None:
        self.calls, self.at, self.last = 0, 0, 0
        self._action = action
        for name in CALLS:
            monkeypatch.setattr(os, name, self._around(getattr(os, name)))

    def set(self, first: int, last: int) -> None:
        self.calls, self.at, self.last = 0, first, last

    def _around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def around(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            if self.at <= self.calls <= self.last:
                self._action()
            return real(*arguments, **named)

        return around


def refuse() -> None:
    raise OSError("on strike")


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_new_in_the_place_of_old(tmp_path: Path, layout: str) -> None:
    output = Output(tmp_path, layout)
    output.move().commit()
    assert output.seen() == output.new
    output.recover()
    assert output.seen() == output.new


def test_undone_it_is_as_before(tmp_path: Path, layout: str) -> None:
    output = Output(tmp_path, layout)
    moves = output.move()
    moves.undo()
    moves.undo()
    assert output.seen() == output.old
    assert read(output.scratch / "old") == {}


@pytest.mark.parametrize("action", [refuse, interrupt])
def test_any_call_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, action: Callable[[], None]
) -> None:
    fault = Fault(monkeypatch, action)
    failures = 0
    for number in range(1, 100):
        fault.set(0, 0)
        (tmp_path / str(number)).mkdir()
        output = Output(tmp_path / str(number), layout)
        fault.set(number, number)
        try:
            moves = output.move()
        except (OSError, KeyboardInterrupt):
            failures += 1
            assert output.seen() == output.old
            output.recover()
            assert output.seen() == output.old
        else:
            assert output.seen() == output.new
            if fault.calls < number:
                break
            fault.set(0, 0)
            moves.undo()
            assert output.seen() == output.old
    assert failures >= 2


def test_all_calls_fail_from_some_point_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    fault = Fault(monkeypatch, refuse)
    for number in range(1, 100):
        fault.set(0, 0)
        (tmp_path / str(number)).mkdir()
        output = Output(tmp_path / str(number), layout)
        fault.set(number, 10**6)
        try:
            output.move()
        except OSError:
            # what could not be put back is not lost, and the next run puts it back
            fault.set(0, 0)
            output.recover()
            assert output.seen() == output.old
        else:
            assert output.seen() == output.new
            if fault.calls < number:
                break
    assert number > 3


def die() -> None:
    os._exit(9)


@pytest.mark.parametrize("committed", [True, False])
def test_killed_at_any_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, committed: bool
) -> None:
    deaths = 0
    for number in range(1, 100):
        (tmp_path / str(number)).mkdir()
        output = Output(tmp_path / str(number), layout)
        if not killed(monkeypatch, output, number, committed):
            break
        deaths += 1
        seen = output.seen()
        # what is seen belongs together
        if MAIN in seen:
            assert seen in (output.old, output.new)
        if layout == "one file":
            assert MAIN in seen
        undone = Moves.left_behind(output.scratch, output.place, MAIN) is not None
        output.recover()
        assert output.seen() == (output.old if undone or MAIN not in seen else seen)
    assert deaths >= 4


def killed(monkeypatch: pytest.MonkeyPatch, output: Output, number: int, committed: bool) -> bool:
    """Publish an output, or undo that, in a process that dies at some call; tell if it did."""
    pid = os.fork()
    if pid == 0:
        try:
            Fault(monkeypatch, die).set(number, number)
            moves = output.move()
            (moves.commit if committed else moves.undo)()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


def test_one_file_is_never_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = Output(tmp_path, "one file")
    seen = []
    fault = Fault(monkeypatch, lambda: seen.append((output.place / MAIN).read_text()))
    fault.set(1, 10**6)
    moves = output.move()
    moves.undo()
    assert set(seen) == {"old", "new"}


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*arguments: Any) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", link)
    output = Output(tmp_path, "one file")
    moves = output.move()
    assert output.seen() == output.new
    moves.undo()
    assert output.seen() == output.old


def test_what_was_put_there_since_a_kill_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output = Output(tmp_path, "files beside both")
    output.move()  # and no more
    (output.place / MAIN).write_text("of another program")
    os.utime(output.place / MAIN, (1, 1))
    with caplog.at_level(logging.WARNING):
        output.recover()
    assert output.seen() == {**output.old, MAIN: "of another program"}
    assert "out.tif' stays" in caplog.text


def test_a_journal_that_was_cut_off(tmp_path: Path) -> None:
    output = Output(tmp_path, "one file")
    (output.scratch / "publishing").write_text(json.dumps({"new": {}})[:-2])
    output.recover()
    assert output.seen() == output.old
