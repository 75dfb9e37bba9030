"""User functions that lose their worker, by all ways in which processes die."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

#: Where a worker must die, as column and row of blocks.
FATAL = (2, 1)


def leave_without_a_word() -> None:
    os._exit(0)


def leave_with_a_code() -> None:
    os._exit(7)


def kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def be_terminated() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def touch_foreign_memory() -> None:
    ctypes.string_at(0)


def use_up_its_processor_time() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1,) * 2)
    while True:
        pass


DEATHS: dict[str, Callable[[], None]] = {
    "exit code 0": leave_without_a_word,
    "exit code 7": leave_with_a_code,
    "SIGKILL": kill_itself,
    "SIGTERM": be_terminated,
    "SIGSEGV": touch_foreign_memory,
}


def count(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    """Double the pixels, and count blocks and pixels in otherArgs."""
    outputs.result = inputs.image * 2
    other["blocks"].append(info.getBlockCount())
    other["sum"] += int(inputs.image.sum(dtype=np.int64))
    # large enough to be sent home now and then only
    other["ballast"][: len(other["blocks"])] += 1


def die_once(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    """Die in the midst of a block, once in all: a file remembers."""
    count(info, inputs, outputs, other)
    mark = Path(other["mark"])
    if info.getBlockCount() == FATAL and not mark.exists():
        mark.touch()
        DEATHS[other["death"]]()


def die_always(info: Any, inputs: Any, outputs: Any, other: Any) -> None:
    """Die at one block, whoever works on it."""
    count(info, inputs, outputs, other)
    if info.getBlockCount() == FATAL:
        DEATHS[other["death"]]()
