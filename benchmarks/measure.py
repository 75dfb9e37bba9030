"""Timing in turns, figures against targets, and measuring in processes of their own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pytest_benchmark.fixture import BenchmarkFixture

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Figure:
    """One figure that was measured.

    Attributes
    ----------
    name : str
        What was measured.
    value : float
        What came out.
    unit : str
        Its unit, as "x" for a ratio.
    limit : float or None
        The most that it may be; None where the figure is there to be read only.
    detail : str
        What it was computed from.
    """

    name: str
    value: float
    unit: str
    limit: float | None
    detail: str

    @property
    def reached(self) -> bool:
        """Whether the figure keeps to its limit."""
        return self.limit is None or self.value <= self.limit


@dataclass
class Board:
    """Gathers the figures of a session."""

    figures: list[Figure] = field(default_factory=list)

    def add(
        self, name: str, value: float, unit: str, limit: float | None = None, detail: str = ""
    ) -> None:
        """Keep a figure, and fail the benchmark if it is above its limit."""
        figure = Figure(name, value, unit, limit, detail)
        self.figures.append(figure)
        assert figure.reached, f"{name}: {value:.3f} {unit}, not within {limit} {unit} ({detail})"

    def table(self) -> str:
        """Lay the figures out for a terminal."""
        rows = [("what", "reached", "target", "", "from")]
        rows += [
            (
                figure.name,
                f"{figure.value:.3f} {figure.unit}",
                "-" if figure.limit is None else f"<= {figure.limit:g}",
                "" if figure.limit is None else ("yes" if figure.reached else "MISSED"),
                figure.detail,
            )
            for figure in self.figures
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def save(self, path: Path) -> None:
        """Write the figures as JSON, with what they were measured on."""
        document = {
            "when": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "python": sys.version.split()[0],
            "cpus": os.cpu_count(),
            "load": os.getloadavg(),
            "figures": [{**asdict(figure), "reached": figure.reached} for figure in self.figures],
        }
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Comparison:
    """How long two ways of doing one thing took, in turns (s).

    ``processor`` is the ratio of the processor time that they took, which the machine's other load
    hardly changes; None where it was not measured.
    """

    ours: Sequence[float]
    baseline: Sequence[float]
    processor: float | None = None

    @property
    def ratio(self) -> float:
        """Our median over the baseline's."""
        return statistics.median(self.ours) / statistics.median(self.baseline)

    @property
    def difference(self) -> float:
        """Our median less the baseline's (s)."""
        return statistics.median(self.ours) - statistics.median(self.baseline)

    def __str__(self) -> str:
        text = f"{_spread(self.ours)} against {_spread(self.baseline)}"
        return text if self.processor is None else f"{text}, processor {self.processor:.2f} x"


def _spread(times: Sequence[float]) -> str:
    return f"{statistics.median(times):.2f} s ({min(times):.2f}-{max(times):.2f})"


class Timing(NamedTuple):
    """How long one call took: by the clock, and of all processors (s)."""

    wall: float
    processor: float


def timed(function: Callable[[], object]) -> Timing:
    """Call a function; return how long it took."""
    wall, processor = time.perf_counter(), time.process_time()
    function()
    return Timing(time.perf_counter() - wall, time.process_time() - processor)


def compare(
    benchmark: BenchmarkFixture,
    ours: Callable[[], object],
    baseline: Callable[[], object],
    rounds: int,
) -> Comparison | None:
    """Time two functions in turns, after one round that does not count.

    pytest-benchmark times ``ours``, too; the baseline runs before each of its rounds. Where it is
    disabled, each runs once and there is nothing to compare.
    """
    our_times: list[Timing] = []
    baseline_times: list[Timing] = []

    def before() -> None:
        settle()
        baseline_times.append(timed(baseline))
        settle()

    benchmark.pedantic(  # type: ignore[no-untyped-call]
        lambda: our_times.append(timed(ours)), setup=before, rounds=rounds, warmup_rounds=1
    )
    if benchmark.disabled:
        return None
    our_wall, our_processor = zip(*our_times[1:], strict=True)
    wall, processor = zip(*baseline_times[1:], strict=True)
    return Comparison(
        our_wall, wall, statistics.median(our_processor) / statistics.median(processor)
    )


def settle() -> None:
    """Let the disk finish what one run left to be written, so that the next one does not pay."""
    os.sync()


def in_child(*arguments: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run ``python arguments...`` in the repository; return the JSON of its last line.

    The child's environment gets ``started``, the time at which it was started (s since 1970).
    """
    command = [sys.executable, *arguments]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    inherited["PYTHONPATH"] = str(ROOT)
    variables = {**inherited, **(environment or {}), "BENCH_STARTED": repr(time.time())}
    done = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}"
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def count_on_server(api: str, kind: str) -> int:
    """Ask a Prefect server how many it has of something, as "flow_runs" or "artifacts"."""
    request = urllib.request.Request(
        f"{api}/{kind}/count", data=b"{}", headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(answer.read())


def peak_memory() -> float:
    """Return the most memory that this process has had resident so far (MB).

    ``getrusage`` will not do: a child starts with the figure of the process that started it.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("/proc/self/status tells no VmHWM; this benchmark needs Linux")
