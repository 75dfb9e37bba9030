"""The process that does what is left when this one has gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rios_flows.workers.launchers import undertaker as module
from rios_flows.workers.launchers.commands import Command
from rios_flows.workers.launchers.undertaker import Undertaker
from tests.support.queues import shadow, wait_until


def test_does_what_is_due_in_order_but_not_what_is_settled(tmp_path: Path) -> None:
    log = tmp_path / "a log"
    undertaker = Undertaker()
    for word in ("one", "two words", "$HOME", "9[].vm", "one"):
        undertaker.due("sh", "-c", 'echo "$1" >>"$0"', str(log), word)
    undertaker.settled("sh", "-c", 'echo "$1" >>"$0"', str(log), "$HOME")
    undertaker.settled("never", "due")
    time.sleep(0.2)
    assert not log.exists()
    undertaker.close()
    assert log.read_text().splitlines() == ["one", "two words", "9[].vm"]


def test_a_file_whose_name_is_no_text(tmp_path: Path) -> None:
    file = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    undertaker = Undertaker()
    undertaker.due("touch", file)
    undertaker.close()
    assert os.path.exists(file)
    with Command(("od", "-An", "-tx1"), "a\udcff") as running:
        assert running.answer(10).out.split() == ["61", "ff"]


@pytest.mark.alone
def test_nothing_is_due(tmp_path: Path) -> None:
    start = time.monotonic()
    undertaker = Undertaker()
    undertaker.due("touch", str(tmp_path / "x"))
    undertaker.settled("touch", str(tmp_path / "x"))
    undertaker.close()
    assert time.monotonic() - start < 2
    assert not list(tmp_path.iterdir())


def test_what_fails_is_tried_again(tmp_path: Path) -> None:
    tries, done = tmp_path / "tries", tmp_path / "done"
    undertaker = Undertaker()
    script = 'echo >>"$0"; [ $(wc -l <"$0") = 2 ] && touch "$1"'
    undertaker.due("sh", "-c", script, str(tries), str(done))
    undertaker.due("touch", str(tmp_path / "other"))
    undertaker.close()
    assert done.exists()
    assert (tmp_path / "other").exists()
    assert tries.read_text() == "\n\n"


def test_what_fails_for_long_is_tried_until_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a cluster of Fargate goes only when its tasks have gone, a minute later
    assert sum(module._PAUSES) > 120
    monkeypatch.setattr(module, "_PAUSES", [0] * len(module._PAUSES))
    tries = tmp_path / "tries"
    undertaker = Undertaker()
    undertaker.due("sh", "-c", 'echo >>"$0"; [ $(wc -l <"$0") = 7 ]', str(tries))
    undertaker.close()
    assert tries.read_text() == "\n" * 7


def test_what_stays_in_the_end_is_told_the_log_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAUSES", [0, 0])
    told = tmp_path / "told"
    shadow(tmp_path / "bin", "logger", f"echo \"$*\" >>'{told}'")
    undertaker = Undertaker()
    undertaker.due("false", "what stays")
    undertaker.due("true", "what goes")
    for words in ("Invalid job id specified", "Job has finished 9.vm", "Unknown Job Id 9"):
        undertaker.due("sh", "-c", f"echo {words} >&2; exit 1")
    undertaker.close()
    (line,) = told.read_text().splitlines()
    assert line.endswith("left undone by a run that has ended: false 'what stays'")


def test_close_does_not_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.3)
    undertaker = Undertaker()
    undertaker.due("sleep", "1")
    undertaker.due("touch", str(tmp_path / "late"))
    undertaker.close()
    assert "Still busy" in caplog.text
    wait_until((tmp_path / "late").exists)
    for process in module._busy:
        process.wait(10)


SCRIPT = r"""
import os, sys, time
from rios_flows.workers.launchers.undertaker import Undertaker
undertaker = Undertaker()
undertaker.due("touch", sys.argv[1])
if sys.argv[2] == "forked" and os.fork() == 0:
    os.write(1, b"child\n")
    time.sleep(20)
    os._exit(0)
os.write(1, b"ready\n")
time.sleep(20)
"""


@pytest.mark.parametrize("forked", ["", "forked"])
def test_kill_of_the_process_and_of_its_group(tmp_path: Path, forked: str) -> None:
    done = tmp_path / "done"
    command = [sys.executable, "-c", SCRIPT, str(done), forked]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        words = {process.stdout.readline() for _ in range(2 if forked else 1)}
        assert b"ready\n" in words
        assert not done.exists()
        process.kill()
        wait_until(done.exists, 5)
        # a child that was forked is no reason to wait
        os.killpg(process.pid, 9)


def test_gone_undertaker_harms_nobody() -> None:
    undertaker = Undertaker()
    undertaker._process.kill()
    undertaker._process.wait()
    undertaker.due("true")
    undertaker.close()
