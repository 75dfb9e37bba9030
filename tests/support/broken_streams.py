"""A job in a process whose standard streams are broken in one way; its result says how it went."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from rios_flows.basics import bars as cuiprogress
from tests.support.jobs import SmallJob
from tests.support.unsteady import Unsteady

PROGRESS = (
    *(None, cuiprogress.SilentProgress, cuiprogress.CUIProgressBar),
    *(cuiprogress.GDALProgressBar, cuiprogress.LogProgressBar),
)


class ToLog:
    """As many programs put in the place of a stream."""

    def write(self, text: str) -> None:
        pass

    def flush(self) -> None:
        pass


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def closed() -> Any:
    stream = io.StringIO()
    stream.close()
    return stream


def closed_pipe() -> Any:
    read, write = os.pipe()
    os.close(read)
    return os.fdopen(write, "w", buffering=1)


def closed_terminal() -> Any:
    read, write = os.pipe()
    os.close(read)
    return Terminal(open(write, "wb", buffering=0), "ascii", write_through=True)


KINDS: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "closed": closed,
    "to a log": ToLog,
    "no stream": object,
    "ascii": lambda: io.TextIOWrapper(io.BytesIO(), "ascii"),
    "ascii terminal": lambda: Terminal(io.BytesIO(), "ascii"),
    "closed pipe": closed_pipe,
    "closed terminal": closed_terminal,
}


def function(job: SmallJob) -> Unsteady:
    # warnings go to the log
    job.controls.setBlockRetries(userFunction=1, delay=0)
    return Unsteady(1)


def run(folder: Path, module: str, every_progress: bool) -> bool:
    """Run the job, with each progress object or the first; True where its pixels are right."""
    apply = import_module(module).apply
    for make in PROGRESS if every_progress else PROGRESS[:1]:
        job = SmallJob(folder)
        job.controls.setJobName("Böschung █")
        if make is not None:
            shown = make()
            shown.setLabelText("Böschung █")
            job.controls.setProgress(shown)
        apply(function(job), job.infiles, job.outfiles, controls=job.controls)
        if not (job.result() == job.pixels * 2).all():
            return False
    return True


if __name__ == "__main__":
    folder, module, kind = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    if kind in KINDS:
        sys.stdout, sys.stderr = KINDS[kind](), KINDS[kind]()
    given = sys.stdout, sys.stderr
    right = run(folder, module, every_progress="engine" in module)
    same = (sys.stdout, sys.stderr) == given
    (folder / "done").write_text(f"{right} {same}")
    # Python's own way to end would try to flush
    os._exit(0)
