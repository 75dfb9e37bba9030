from __future__ import annotations

import faulthandler
import io
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows.structures import CW_SUBPROC, ConcurrencyStyle
from rios_flows.workers.lines import Lines
from tests.support.jobs import SmallJob


def test_text_and_bytes_become_whole_lines() -> None:
    said: list[tuple[str, ...]] = []
    lines = Lines("stderr", lambda *what: said.append(what))
    print("one\ntw", file=lines, end="")
    lines.buffer.write("o \u00e9".encode()[:-1])
    assert lines.buffer.write(b"\xa9\nthr\xff") == 6
    lines.send_rest()
    assert said == [("print", "stderr", text) for text in ("one", "two \u00e9", r"thr\xff")]


def test_it_looks_like_the_stream_that_it_stands_for() -> None:
    lines = Lines("stdout", lambda *_: None)
    own = sys.__stdout__
    assert own is not None
    assert lines.fileno() == lines.buffer.fileno() == own.fileno()
    assert (lines.name, lines.mode, lines.encoding) == ("<stdout>", "w", "utf-8")
    assert (lines.writable(), lines.isatty(), lines.readable()) == (True, False, False)
    lines.reconfigure(line_buffering=True)
    assert lines.detach() is lines.buffer


def test_without_a_file_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "__stdout__", None)
    with pytest.raises(io.UnsupportedOperation):
        Lines("stdout", lambda *_: None).fileno()


def test_functions_that_want_more_of_a_stream_than_to_print(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def speak(info: Any, inputs: Any, outputs: Any) -> None:
        outputs.result = inputs.image * 2
        if info.getBlockCount() == (1, 1):
            faulthandler.enable()
            sys.stdout.buffer.write(b"by bytes\n")
            subprocess.run(["echo", "by a child"], stdout=sys.stdout, check=True)
            os.write(sys.stderr.fileno(), b"by its number\n")
            sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="ascii")
            sys.stdout.write("by another one\n")

    job = SmallJob(tmp_path, ConcurrencyStyle(1, 1, CW_SUBPROC))
    caplog.set_level(logging.INFO)
    job.run(speak)
    np.testing.assert_array_equal(job.result(), job.pixels * 2)
    said = [record.getMessage().partition(": ")[2] for record in caplog.records]
    for text in ("by bytes", "by a child", "by its number", "by another one"):
        assert said.count(text) == 1
