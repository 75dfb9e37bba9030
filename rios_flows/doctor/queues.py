"""What Slurm and PBS say of the jobs that a run would submit; none is submitted."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.doctor.findings import Findings
from rios_flows.workers.launchers.batch import BatchLauncher
from rios_flows.workers.launchers.commands import Command
from rios_flows.workers.launchers.extra import option_value, origin_of_options
from rios_flows.workers.launchers.launcher import Order
from rios_flows.workers.launchers.pbs import PbsLauncher
from rios_flows.workers.launchers.slurm import SlurmLauncher
from rios_flows.workers.launchers.undertaker import Undertaker

B = TypeVar("B", bound=BatchLauncher)

#: Longest wait for Slurm to say what it would do (s).
_PATIENCE = 60.0


def look_at_slurm(found: Findings, style: ConcurrencyStyle, extra: Mapping[str, Any]) -> None:
    """Have sbatch say whether it would take the job of a worker."""
    with _launcher(SlurmLauncher, style, extra) as launcher:
        version = launcher.ask("sbatch", "--version")
        if version.code:
            advice = "see whether this machine belongs to the cluster, and its slurm.conf"
            raise version.failure("Slurm cannot be used here", advice)
        found.add("Slurm", "good", version.out.strip())
        sent = launcher.submission([0], "rios_doctor")
        program, *options = sent.command
        command = (program, "--test-only", *options)
        with Command(command, sent.script, sent.environment) as running:
            answer = running.answer(_PATIENCE)
        advice = f"see {origin_of_options(launcher.kind, extra)}"
        if answer.code:
            raise answer.failure("Slurm would not take the job of a worker", advice)
        said = " ".join(answer.err.split()).removeprefix("sbatch: ")
        found.add("a worker's job", "good", f"Slurm would take it: {said}")


def look_at_pbs(found: Findings, style: ConcurrencyStyle, extra: Mapping[str, Any]) -> None:
    """Have PBS say whether there is such a queue: of other options qsub alone tells."""
    with _launcher(PbsLauncher, style, extra) as launcher:
        queue = option_value(launcher.extra.options, "-q")
        answer = launcher.ask("qstat", "-Q", "-f", *([queue] if queue else []))
        if answer.code:
            advice = f"see {origin_of_options(launcher.kind, extra)}"
            raise answer.failure("PBS does not tell of its queues", advice)
        names = [line.split()[1] for line in answer.out.splitlines() if line.startswith("Queue:")]
        found.add("PBS", "good", f"it has {'the queue' if queue else 'queues'} {', '.join(names)}")
        for state in ("enabled", "started"):
            if queue and f"{state} = False" in answer.out:
                found.add(
                    f"queue {queue}",
                    "bad" if state == "enabled" else "note",
                    "it takes no jobs" if state == "enabled" else "it starts no jobs now",
                    "choose another queue with qsubOptions, or ask who runs it",
                )
        found.add(
            "a worker's job",
            "note",
            "PBS looks at the other options only when a job is submitted",
            "to know, have a worker tried",
        )


@contextmanager
def _launcher(kind: type[B], style: ConcurrencyStyle, extra: Mapping[str, Any]) -> Iterator[B]:
    """Give the launcher of a run, which checks the extra parameters, and submits nothing."""
    with tempfile.TemporaryDirectory(prefix="rios_doctor_") as folder:
        undertaker = Undertaker()
        try:
            command = (sys.executable, "-m", "rios_flows.workers")
            order = Order("rios_doctor", command, {}, Path(folder), extra, style.haveSharedTemp)
            yield kind(order, undertaker)
        finally:
            undertaker.close()
