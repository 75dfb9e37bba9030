"""Measure the ways of ``benchmarks.compared``, and write ``docs/comparison.md``.

``python -m benchmarks.compare`` takes some minutes; nothing else should run meanwhile.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from benchmarks import compared
from benchmarks.measure import peak_memory
from benchmarks.scenes import bench_directory, stack

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "comparison.md"
SIDE, ROUNDS = 4096, 3
#: The one that the others are compared with comes first.
WAYS: dict[str, tuple[str, Callable[..., None]]] = {
    "rasterio": ("a loop over windows, rasterio", compared.rasterio_loop),
    "dask": ("dask and rioxarray", compared.dask_rioxarray),
    "map_blocks": ("`xarray.map_blocks`", compared.xarray_map_blocks),
    "apply": ("`rf.apply`", compared.rios_flows_apply),
    "defaults": ("`rf.apply`, with statistics and pyramids", compared.rios_flows_defaults),
}
#: What is asked of a run that is to be killed.
RESUME = {"resume": True, "checkpoint_interval": 0.2}
KILLED: dict[str, dict[str, Any]] = {"apply": RESUME, "defaults": RESUME}


@dataclass(frozen=True)
class Left:
    """What is there after a kill, and what the next run does.

    Attributes
    ----------
    output : str
        What is under the final name.
    right : float
        The part of its pixels that are right.
    again, fresh : float
        What the second run takes, and what one that is not killed takes with these options (s).
    kept : float
        The part of all blocks that the second run has from the first one.
    whole : bool
        Whether its output is right.
    """

    output: str
    right: float
    again: float
    fresh: float
    kept: float
    whole: bool


@dataclass(frozen=True)
class Figures:
    """What was measured of one way: times (s), peaks (MB), what kills leave."""

    seconds: Sequence[float]
    peaks: Sequence[float]
    left: Sequence[Left]

    @property
    def time(self) -> float:
        """The median of the times."""
        return statistics.median(self.seconds)

    @property
    def peak(self) -> float:
        """The median of the peaks."""
        return statistics.median(self.peaks)


def child(name: str, target: str, side: str, options: str) -> None:
    """Run one way in this process; print when it begins, its time (s) and its peak (MB)."""
    function, given = WAYS[name][1], json.loads(options)
    with tempfile.TemporaryDirectory() as folder:
        # imports and first uses do not count
        function(*paths(512), str(Path(folder, "small.tif")))
    print("begins", flush=True)
    began = time.perf_counter()
    function(*paths(int(side)), target, **given)
    seconds = time.perf_counter() - began
    # ru_maxrss would begin with the peak of the process that started this one
    print(json.dumps({"seconds": seconds, "peak": peak_memory()}))


def paths(side: int) -> tuple[str, str]:
    """Return the two bands."""
    first, second = map(str, stack(side, 2))
    return first, second


def start(name: str, target: Path, side: int, options: Mapping[str, Any]) -> subprocess.Popen[str]:
    """Start a process for one way, and wait until it begins."""
    command = [sys.executable, "-m", "benchmarks.compare", name, str(target), str(side)]
    process = subprocess.Popen(
        [*command, json.dumps(options)],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    if process.stdout.readline() != "begins\n":
        raise RuntimeError(f"{name} did not begin: exit code {process.wait()}")
    return process


def measured(
    name: str, target: Path, side: int, options: Mapping[str, Any] | None = None
) -> dict[str, float]:
    """Run one way in a process of its own; return its time (s), its peak (MB), what it resumed."""
    process = start(name, target, side, options or {})
    said, log = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{name} failed: exit code {process.returncode}: {log}")
    resumed = re.search(r"Resuming: (\d+) of (\d+) blocks", log)
    return {**json.loads(said), "kept": int(resumed[1]) / int(resumed[2]) if resumed else 0}


def killed(name: str, folder: Path, side: int, seconds: float) -> Left:
    """Kill one way in the middle, look at what is there, and run it again."""
    target, options = folder / "index.tif", KILLED.get(name, {})
    # sooner if it had ended by then: times differ on a busy machine
    for part in (0.5, 0.35, 0.2, 0.1):
        process = start(name, target, side, options)
        time.sleep(seconds * part)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if process.returncode == -signal.SIGKILL:
            break
        target.unlink()
    else:
        raise RuntimeError(f"{name} always ends before it is killed")
    output, right = look(target, side)
    again = measured(name, target, side, options)
    whole = look(target, side)[1] == 1
    fresh = measured(name, folder / "fresh.tif", side, options)["seconds"] if options else seconds
    return Left(output, right, again["seconds"], fresh, again["kept"], whole)


def look(path: Path, side: int) -> tuple[str, float]:
    """Tell what is under a name, and which part of its pixels is right."""
    if not path.exists():
        return "nothing", 0
    try:
        with rasterio.open(path) as dataset:
            right = _right(dataset, expected(side))
    except RasterioError:
        return "a file that does not open", 0
    return ("the whole output" if right == 1 else "a file that opens"), right


def _right(dataset: rasterio.io.DatasetReader, wanted: np.ndarray[Any, Any]) -> float:
    right = 0
    for _, window in dataset.block_windows(1):
        rows, cols = window.toslices()
        try:
            right += int((dataset.read(1, window=window) == wanted[rows, cols]).sum())
        except RasterioError:
            continue
    return right / wanted.size


def expected(side: int) -> np.ndarray[Any, Any]:
    """Compute the index of the whole bands at once."""
    bands = []
    for path in paths(side):
        with rasterio.open(path) as dataset:
            bands.append(dataset.read(1).astype("float32"))
    return np.asarray(compared.index(*bands))


def measure(side: int = SIDE, rounds: int = ROUNDS) -> dict[str, Figures]:
    """Measure all ways in turns, then kill each in turns."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
    left: dict[str, list[Left]] = {name: [] for name in WAYS}
    folder = bench_directory() / f"compare-{os.getpid()}"
    for name in [name for _ in range(rounds) for name in WAYS]:
        with _made(folder):
            found[name].append(measured(name, folder / "index.tif", side))
            if look(folder / "index.tif", side)[1] != 1:
                raise RuntimeError(f"{name} wrote other pixels")
    for name in [name for _ in range(rounds) for name in WAYS]:
        seconds = statistics.median(each["seconds"] for each in found[name])
        with _made(folder):
            left[name].append(killed(name, folder, side, seconds))
    return {
        name: Figures([one["seconds"] for one in each], [one["peak"] for one in each], left[name])
        for name, each in found.items()
    }


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    folder.mkdir()
    try:
        yield
    finally:
        shutil.rmtree(folder)


def lines(function: Callable[..., None]) -> int:
    """Count the lines of a function that are not empty, imports and signature included."""
    return sum(bool(line.strip()) for line in inspect.getsource(function).splitlines())


HEAD = """# Compared with rasterio, dask and xarray

<!-- made by benchmarks/compare.py -->

The same job in four ways: the vegetation index of two bands of {side} x {side} pixels (uint16,
deflate, tiles of 512) as float32, tiled and deflated in the same way. Pixels are equal. It was
measured on a virtual machine of 2 cores, while other programs asked for more than both: small
differences mean nothing, and a way that uses both cores may gain less by them than on a free one.
Ratios are to the loop: the median of {rounds} runs in turns, each in a process of its own. Imports
do not count for the time; they do for the memory, which is that of the whole process.

| | time | peak memory | lines of code |
|---|---:|---:|---:|
"""

MIDDLE = """
Lines are those of each function below; constants that they share are not counted. The loop needs
no library but rasterio, and uses one core; threads of its own or `num_threads` could make it
faster. The others use both cores: dask for chunks of 1024 x 1024 (others may suit it better),
`rf.apply` for its own choice of windows. `rf.apply` leaves out statistics and pyramids in one row,
since the others make none; it makes them unless told not to, as in the last row.

What a table of this job does not show: dask works on clusters, and with xarray whole programs on
labelled arrays can be written, not only functions of blocks. [Workers](workers.md) tells where
`rf.apply` can work.

## After `kill -9` in the middle

Each was killed in the middle, and then run again, {rounds} times. `rf.apply` was called with
`resume=True, checkpoint_interval=0.2`. Neither is its default: without `resume` it begins from the
start, too, and a checkpoint every ten seconds is too late for a job this short.
Resume costs time: a whole run took {cost:.2f} of what it takes without.

| | under the final name | right pixels in it | second run: kept blocks | its time, of a whole run |
|---|---|---:|---:|---:|
"""

TAIL = """
A file that opens and is not whole is the danger: whoever comes next takes it for the output.
`rf.apply` writes under a temporary name and
[renames at the end](decisions/publish-when-complete.md), with or without `resume`; the others can
do that by hand. To [go on](concurrency.md#going-on-after-a-kill) a run needs what the killed one
has kept: the others keep nothing that says which blocks are done, and begin from the start. For
this job resuming does not pay: with so many checkpoints even the second run takes longer than one
without `resume` from the start. It is for functions that take long, with checkpoints far apart.

## The code

```py
"""

END = """```

`python -m benchmarks.compare` measures again and writes this page.
"""


def render(figures: Mapping[str, Figures], side: int, rounds: int) -> str:
    """Write the page."""
    base = figures["rasterio"]
    measures, kills = [], []
    for name, (title, function) in WAYS.items():
        own = figures[name]
        ratios = f"{own.time / base.time:.2f} | {own.peak / base.peak:.2f}"
        measures.append(f"| {title} | {ratios} | {lines(function)} |\n")
        kills.append(f"| {title} | {_told(own.left)} |\n")
    apply = figures["apply"]
    cost = statistics.median(each.fresh for each in apply.left) / apply.time
    middle = MIDDLE.format(rounds=rounds, cost=cost)
    code = inspect.getsource(compared).partition("PROFILE:")
    return "".join(
        [HEAD.format(side=side, rounds=rounds), *measures, middle, *kills, TAIL, *code[1:], END]
    )


def _told(left: Sequence[Left]) -> str:
    """Write the cells of what kills have left."""
    outputs = " or ".join(sorted({each.output for each in left}))
    right = statistics.median(each.right for each in left)
    again = statistics.median(each.again / each.fresh for each in left)
    kept = statistics.median(each.kept for each in left)
    wrong = "" if all(each.whole for each in left) else ", and is wrong"
    shown = "-" if outputs == "nothing" else f"{right:.0%}"
    return f"{outputs} | {shown} | {kept:.0%} | {again:.0%}{wrong}"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(*sys.argv[1:])
    else:
        PAGE.write_text(render(measure(), SIDE, ROUNDS))
