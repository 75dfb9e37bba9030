"""New columns of HFA files that others change meanwhile."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rios_flows import rat, rioserrors
from tests.support.newcolumns import HALF, ROWS, TEXT, WHOLE, Job, three


def add_the_same(path: Path) -> None:
    rat.writeColumn(path, "half", np.zeros(ROWS))


def add_another(path: Path) -> None:
    rat.writeColumn(path, "other", np.arange(ROWS) * 3)


def add_rows(path: Path) -> None:
    rat.writeColumn(path, "longer", np.arange(ROWS + 50))


def put_another_file(path: Path) -> None:
    copy = path.with_name("copy.img")
    shutil.copy(path, copy)
    os.replace(copy, path)


def add_another_elsewhere(path: Path) -> None:
    script = "import sys; from rios_flows import rat; rat.writeColumn(sys.argv[1], 'y', [1] * 9)"
    subprocess.run([sys.executable, "-c", script, path], check=True, timeout=60)


@pytest.mark.parametrize(
    "change", [add_the_same, add_another, add_another_elsewhere, add_rows, put_another_file]
)
def test_changes_meanwhile_are_kept(job: Job, change: Any) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        three(info, inputs, outputs)
        if info.blockNdx == 1:
            change(job.path)

    job.run(function)
    more = 50 if change is add_rows else 0
    assert job.read("number") == [*range(ROWS), *[0] * more]
    assert job.read("half") == HALF + [0] * more
    assert job.read("text") == TEXT + [b""] * more
    assert job.read("whole") == WHOLE + [0] * more
    if change is add_another:
        assert job.read("other") == [row * 3 for row in range(ROWS)]
    if change is add_another_elsewhere:
        assert job.read("y")[:10] == [1] * 9 + [0]
    if change is add_rows:
        assert job.read("longer") == list(range(ROWS + 50))


def test_a_failure_leaves_what_others_have_added(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        three(info, inputs, outputs)
        if info.blockNdx == 1:
            add_another(job.path)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        job.run(function)
    assert job.names == ["number", "other"]
    assert job.read("other") == [row * 3 for row in range(ROWS)]


def test_a_file_that_is_written_anew_meanwhile(job: Job) -> None:
    def function(info: Any, inputs: Any, outputs: Any) -> None:
        three(info, inputs, outputs)
        if info.blockNdx == 2:
            # longer than before, and in the same place
            job.path.write_bytes(old + b"x" * 90_000)

    old = job.path.read_bytes()

    with pytest.raises(rioserrors.ImageWriteError, match="was written anew while the function"):
        job.run(function)
