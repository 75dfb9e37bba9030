"""Workers as jobs of Slurm, by sbatch, squeue and scancel."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from rios_flows.controls.concurrency import CW_SLURM
from rios_flows.workers.launchers.batch import BatchLauncher, Keeper, Submission
from rios_flows.workers.launchers.book import Seen, signal_name
from rios_flows.workers.launchers.extra import option_value
from rios_flows.workers.launchers.launcher import Order, State, state_of_unknown_word
from rios_flows.workers.launchers.script import job_name, script

#: Slurm's states of jobs.
_STATES: dict[str, State] = {
    **dict.fromkeys(
        ("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD"),
        "pending",
    ),
    **dict.fromkeys(("SPECIAL_EXIT", "EXPEDITING", "POWER_UP_NODE"), "pending"),
    **dict.fromkeys(
        ("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"),
        "running",
    ),
    **dict.fromkeys(("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "DEADLINE"), "ended"),
    **dict.fromkeys(("NODE_FAIL", "BOOT_FAIL", "LAUNCH_FAILED", "RECONFIG_FAIL"), "ended"),
    **dict.fromkeys(("OUT_OF_MEMORY", "PREEMPTED", "REVOKED"), "ended"),
}


class SlurmLauncher(BatchLauncher):
    """Starts, watches and stops jobs of Slurm."""

    kind: ClassVar[str] = CW_SLURM
    queue: ClassVar[str] = "Slurm"
    submit: ClassVar[str] = "sbatch"
    cancel: ClassVar[str] = "scancel"
    kill: ClassVar[tuple[str, ...]] = ("scancel", "--signal=KILL", "--full")

    def __init__(self, order: Order, undertaker: Keeper) -> None:
        super().__init__(order, undertaker)
        self._ends: dict[str, str] = {}

    def one_array(self, numbers: Sequence[int]) -> bool:
        """Return True: Slurm takes any indices."""
        return True

    def submission(self, numbers: Sequence[int], name: str) -> Submission:
        """Return what submits a job or an array."""
        array = len(numbers) > 1
        log = self._log(
            "%a" if array else str(numbers[0]), Path(str(self._logs).replace("%", "%%"))
        )
        command = [
            *("sbatch", "--parsable", "--no-requeue"),
            *(f"--job-name={name}", f"--output={log}", f"--error={log}"),
        ]
        if array:
            command.append(f"--array={','.join(map(str, numbers))}")
        number = '"$SLURM_ARRAY_TASK_ID"' if array else str(numbers[0])
        told = number if self.order.numbered else ""
        text = script("#SBATCH", self.extra, self.order.command, told)
        return Submission(tuple(command), text, self._environment())

    def member(self, submission: str, number: int) -> str:
        """Return the id of one job of an array."""
        return f"{submission}_{number}"

    def find(self, name: str) -> list[str]:
        """Return jobs and arrays of a name that print to the order's logs."""
        answer = self.ask("squeue", "--noheader", f"--name={name}", "--format=%F")
        if answer.code:
            raise answer.failure("Slurm does not tell which jobs there are", "trying again")
        named = dict.fromkeys(answer.out.split())
        shown = {job: self.ask("scontrol", "--oneliner", "show", "job", job) for job in named}
        return [job for job, told in shown.items() if self.order.folder.name in told.out]

    def log_of(self, job: str, number: int) -> Path:
        """Return the file that a job prints to."""
        return self._log(str(number), self._logs.absolute())

    def look(self, submissions: Sequence[str]) -> dict[str, Seen]:
        """Ask Slurm for jobs and arrays."""
        answer = self.ask(
            *("squeue", "--noheader", "--array", "--states=all", "--format=%i|%T|%N|%r"),
            f"--jobs={','.join(submissions)}",
        )
        if answer.code and "Invalid job id" not in answer.err:
            raise answer.failure("Slurm does not tell how jobs are", "trying again")
        rows = [line.split("|", 3) for line in answer.out.splitlines() if line.count("|") >= 3]
        return {job: self._seen(job, *told) for job, *told in rows}

    def close(self) -> None:
        """Cancel all jobs that are left, wait for their end, and remove logs from elsewhere."""
        super().close()
        if not self.order.shared:
            for number in self.numbers:
                self.log_of("", number).unlink(missing_ok=True)

    @property
    def _logs(self) -> Path:
        # without a common directory, the one where a job runs: where it was submitted, if possible
        return self.order.folder.absolute() if self.order.shared else Path()

    def _log(self, number: str, folder: Path) -> Path:
        # where other runs may print, too, a name of this run alone
        own = "" if self.order.shared else f"-{self.order.folder.name}"
        return folder / f"{job_name(self.order.name)}{own}-{number}.log"

    def _seen(self, job: str, state: str, host: str, reason: str) -> Seen:
        known = _STATES.get(state) or state_of_unknown_word(self.queue, state)
        if known == "pending":
            return Seen("pending", "" if reason == "None" else reason)
        if known == "running":
            return Seen("running", "" if state == "RUNNING" else state, host)
        return Seen("ended", self._end(job, state), host)

    def _end(self, job: str, state: str) -> str:
        if state == "COMPLETED":
            return "exit code 0"
        if state != "FAILED":
            return state
        # squeue's reason is NonZeroExitCode, or worse: JobLaunchFailure for any signal; an array
        # is looked at as long as one of its jobs lives
        if job in self._ends:
            return self._ends[job]
        told = self.ask("scontrol", "--oneliner", "show", "job", job)
        match = re.search(r" ExitCode=(\d+):(\d+) ", told.out)
        if match is None:
            return state
        code, number = map(int, match.groups())
        end = signal_name(number) or (f"exit code {code}" if code else "not launched")
        self._ends[job] = end
        return end

    def _environment(self) -> dict[str, str]:
        """Return sbatch's own: a job gets all of it, unless the user has said what it gets."""
        environment = dict(self.order.environment)
        export = os.environ.get("SBATCH_EXPORT", option_value(self.extra.options, "--export"))
        if export is not None and not export.upper().startswith("ALL"):
            given = [] if export.upper() in ("NONE", "NIL") else [export]
            environment["SBATCH_EXPORT"] = ",".join([*given, *self.order.environment])
        return environment
