"""Workers as jobs of PBS (OpenPBS, PBS Pro), by qsub, qstat and qdel."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from rios_flows.controls.concurrency import CW_PBS
from rios_flows.workers.launchers.batch import BatchLauncher, Submission
from rios_flows.workers.launchers.book import Seen, signal_name
from rios_flows.workers.launchers.extra import option_value
from rios_flows.workers.launchers.launcher import State, state_of_unknown_word
from rios_flows.workers.launchers.script import script

#: PBS's states of jobs; E is exiting, S and U are suspended, B is an array, X is one of its jobs
#: that has ended.
_STATES: dict[str, State] = {
    **dict.fromkeys("QHWTM", "pending"),
    **dict.fromkeys("RESUB", "running"),
    **dict.fromkeys("FXC", "ended"),
}

#: Exit statuses that PBS itself gives a job.
_KILLED = {
    -24: "killed: too many processors",
    -25: "killed: too many processors",
    -26: "killed: too much virtual memory",
    -27: "killed: too much memory",
    -28: "killed: too much processor time",
    -29: "killed: walltime",
}


class PbsLauncher(BatchLauncher):
    """Starts, watches and stops jobs of PBS."""

    kind: ClassVar[str] = CW_PBS
    queue: ClassVar[str] = "PBS"
    submit: ClassVar[str] = "qsub"
    cancel: ClassVar[str] = "qdel"
    kill: ClassVar[tuple[str, ...]] = ("qsig", "-s", "KILL")

    def one_array(self, numbers: Sequence[int]) -> bool:
        """Return whether the numbers follow one another."""
        return list(numbers) == list(range(numbers[0], numbers[0] + len(numbers)))

    def submission(self, numbers: Sequence[int], name: str) -> Submission:
        """Return what submits a job or an array."""
        array = len(numbers) > 1
        command = ["qsub", "-N", name, "-j", "oe", "-o", f"{self.order.folder.absolute()}/"]
        if array:
            command += ["-J", f"{numbers[0]}-{numbers[-1]}"]
        environment = self._environment()
        if environment:
            # the names alone: qsub takes the values from its own environment
            command += ["-v", ",".join(environment)]
        number = '"$PBS_ARRAY_INDEX"' if array else str(numbers[0])
        text = script("#PBS", self.extra, self.order.command, number if self.order.numbered else "")
        return Submission(tuple(command), text, environment)

    def member(self, submission: str, number: int) -> str:
        """Return the id of one job of an array."""
        return submission.replace("[]", f"[{number}]")

    def find(self, name: str) -> list[str]:
        """Return jobs and arrays of a name that print to the order's folder."""
        answer = self.ask("qstat", "-f")
        if answer.code:
            raise answer.failure("PBS does not tell which jobs there are", "trying again")
        return [
            job
            for job, told in _records(answer.out)
            if told.get("Job_Name") == name
            and self.order.folder.name in told.get("Output_Path", "")
        ]

    def log_of(self, job: str, number: int) -> Path:
        """Return the file that a job prints to; it appears when the job has ended."""
        return self.order.folder / f"{job}.OU"

    def look(self, submissions: Sequence[str]) -> dict[str, Seen]:
        """Ask PBS for jobs and arrays."""
        answer = self.ask("qstat", "-x", "-f", "-t", *submissions)
        # the server's name is as long as qsub told it
        server = submissions[0].partition(".")[2]
        seen = {
            f"{job.partition('.')[0]}.{server}".rstrip("."): _seen(told)
            for job, told in _records(answer.out)
        }
        # an empty answer without these words may be that of a server in trouble
        if "Unknown Job Id" not in answer.err and (answer.code or not seen):
            raise answer.failure("PBS does not tell how jobs are", "trying again")
        return seen

    def _environment(self) -> dict[str, str]:
        """Return the variables of a job: ours, and those that the user has asked for."""
        environment = {}
        given = option_value(self.extra.options, "-v")
        for item in re.split(r"(?<!\\),", given or ""):
            name, equals, value = item.partition("=")
            if equals:
                environment[name] = value.replace("\\,", ",")
            elif name:
                environment[name] = os.environ.get(name, "")
        return {**environment, **self.order.environment}


def _records(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Read what qstat tells of each job."""
    # long values go on in lines that begin with a tab
    whole = text.replace("\n\t", "")
    for told in re.split(r"^Job Id: *", whole, flags=re.MULTILINE)[1:]:
        job, _, attributes = told.partition("\n")
        found = re.findall(r"^ +(\S+) = (.*)$", attributes, flags=re.MULTILINE)
        yield job.strip(), dict(found)


def _seen(attributes: dict[str, str]) -> Seen:
    host = attributes.get("exec_host", "").partition("/")[0]
    comment = attributes.get("comment", "")
    word = attributes.get("job_state", "")
    state = _STATES.get(word) or state_of_unknown_word(PbsLauncher.queue, word)
    if state == "pending":
        return Seen(state, comment)
    if state == "running":
        return Seen(state, "" if word in _STATES else word, host)
    return Seen("ended", _end(attributes.get("Exit_status", ""), comment), host)


def _end(status: str, comment: str) -> str:
    if not re.fullmatch(r"-?\d+", status):
        # cancelled before it ran
        return comment or "ended without an exit status"
    code = int(status)
    if code < 0:
        return f"{_KILLED.get(code, 'ended by PBS')} (exit status {code})"
    # PBS adds 256 to a signal, a shell 128
    return signal_name(code - 256) or signal_name(code - 128) or f"exit code {code}"
