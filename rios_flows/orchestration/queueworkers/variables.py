"""What a work pool asks of its jobs: variables with a schema, and configurations of them."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from prefect.utilities.processutils import command_to_string
from prefect.workers.base import BaseJobConfiguration, BaseVariables
from pydantic import BaseModel, Field

#: Names of partitions and queues go onto a line of the job's script.
_NAME = r"^[\w.,@+-]+$"


def ignored(template: Mapping[str, Any], given: Iterable[str]) -> list[str]:
    """Say which job variables a work pool does not know; Prefect leaves them out without a word."""
    known = (template.get("variables") or {}).get("properties") or {}
    said = []
    for name in dict.fromkeys(given):
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.6)
            said.append(f"{name!r}" + (f" (did you mean {near[0]!r}?)" if near else ""))
    return said


class QueueFields(BaseModel):
    """What the jobs of every queue have.

    Not the environment and the command: Prefect has fields of its own for them.
    """

    walltime: int | None = Field(
        default=None,
        ge=1,
        description="Longest time that a job may run, in minutes: 90, not 01:30:00.",
    )
    memory: int | None = Field(
        default=None, ge=1, description="How much memory a job has, in MiB: 4096, not 4GB."
    )
    cpus: int | None = Field(
        default=None,
        ge=1,
        title="Processors",
        description="Number of processors of a job, on one node.",
    )


class ScriptFields(QueueFields):
    """What the jobs of queues have whose jobs are scripts."""

    options: list[str] = Field(
        default_factory=list,
        description="Further options of the queue's command; each is a line of the job's script.",
        examples=[["--account=forest", "--constraint=avx512"]],
    )
    init_commands: list[str] = Field(
        default_factory=list,
        title="Initial commands",
        description="Lines of the shell at the start of a job.",
        examples=[["module load gdal", "export OMP_NUM_THREADS=1"]],
    )
    working_dir: Path | None = Field(
        default=None,
        title="Working directory",
        description=(
            "Where a job runs, and where relative file names count from: a directory that all "
            "nodes see. The home directory if empty."
        ),
    )
    command_prefix: str = Field(
        default="", description="Text before the command line of a flow run, such as srun or nice."
    )
    command_suffix: str = Field(
        default="", description="Text behind the command line of a flow run."
    )
    job_folder: Path | None = Field(
        default=None,
        title="Folder for jobs",
        description=(
            "Where the logs of jobs are, and what their scripts read: a directory that the worker "
            "and all nodes see. queue-jobs in the worker's PREFECT_HOME if empty."
        ),
    )


class SlurmFields(ScriptFields):
    """What the jobs of Slurm have."""

    partition: str | None = Field(
        default=None, pattern=_NAME, description="Partition of Slurm; its default if empty."
    )


class PbsFields(ScriptFields):
    """What the jobs of PBS have."""

    queue: str | None = Field(
        default=None, pattern=_NAME, description="Queue of PBS; its default if empty."
    )


class AwsBatchFields(QueueFields):
    """What the jobs of AWS Batch have."""

    job_queue: str = Field(description="Job queue of AWS Batch: its name or ARN.")
    job_definition: str = Field(
        description=(
            "Job definition of AWS Batch, as name, name:revision or ARN. Its container has Python "
            "with rios_flows, and what the flow needs."
        )
    )


class QueueConfiguration(QueueFields, BaseJobConfiguration):
    """How a job is to be, for one flow run."""

    @staticmethod
    def _base_flow_run_command() -> str:
        """Return what runs a flow run in its job: with this Python, since nodes see it too."""
        return command_to_string(
            [sys.executable, "-m", "rios_flows.orchestration.queueworkers.job"]
        )


class ScriptConfiguration(ScriptFields, QueueConfiguration):
    """How a job is to be that is a script."""

    def directives(self) -> list[str]:
        """Return options of the queue's command, by which a job gets what it asks for."""
        raise NotImplementedError


class SlurmConfiguration(SlurmFields, ScriptConfiguration):
    """How a job of Slurm is to be."""

    def directives(self) -> list[str]:
        """Return options of sbatch."""
        asked = {
            "partition": self.partition,
            "time": self.walltime,
            "mem": self.memory and f"{self.memory}M",
            "ntasks": self.cpus and 1,
            "cpus-per-task": self.cpus,
        }
        return [f"--{name}={value}" for name, value in asked.items() if value] + self.options


class PbsConfiguration(PbsFields, ScriptConfiguration):
    """How a job of PBS is to be."""

    def directives(self) -> list[str]:
        """Return options of qsub; a job is never run again by itself."""
        chunk = [f"ncpus={self.cpus}"] * bool(self.cpus) + [f"mem={self.memory}mb"] * bool(
            self.memory
        )
        minutes = self.walltime or 0
        return [
            "-r n",
            *[f"-q {self.queue}"] * bool(self.queue),
            *[f"-l walltime={minutes // 60:02}:{minutes % 60:02}:00"] * bool(minutes),
            *[f"-l {':'.join(['select=1', *chunk])}"] * bool(chunk),
            *self.options,
        ]


class AwsBatchConfiguration(AwsBatchFields, QueueConfiguration):
    """How a job of AWS Batch is to be."""

    @staticmethod
    def _base_flow_run_command() -> str:
        """Return what runs a flow run in its container."""
        return "python -m rios_flows.orchestration.queueworkers.job"


class SlurmVariables(SlurmFields, BaseVariables):
    """What can be said of a job of Slurm in a work pool, a deployment, or for one flow run."""


class PbsVariables(PbsFields, BaseVariables):
    """What can be said of a job of PBS in a work pool, a deployment, or for one flow run."""


class AwsBatchVariables(AwsBatchFields, BaseVariables):
    """What can be said of a job of AWS Batch in a work pool, a deployment, or for a flow run."""
