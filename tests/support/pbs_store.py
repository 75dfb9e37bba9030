"""The jobs of the emulated PBS, as files in a directory."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

#: The name of the server, and of its only host.
SERVER = "vm"

QUEUES = ("workq",)


@dataclass
class Job:
    """One job, subjob or array."""

    id: str
    name: str
    script: str
    variables: dict[str, str]
    out: str
    err: str
    ncpus: int = 1
    walltime: float | None = None
    array: list[str] = field(default_factory=list)
    state: str = "Q"
    comment: str = ""
    exit_status: int | None = None
    host: str = ""


class Refusal(Exception):
    """What a command says when it fails, and its exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Store:
    """The jobs, as files in a directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("jobs", "spool", "home"):
            (folder / name).mkdir(exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def next_number(self) -> int:
        file = self.folder / "sequence"
        number = int(file.read_text()) + 1 if file.exists() else 1
        file.write_text(str(number))
        return number

    def put(self, job: Job) -> None:
        path = self.folder / "jobs" / job.id
        path.with_suffix(".new").write_text(json.dumps(asdict(job)))
        path.with_suffix(".new").rename(path.with_suffix(".json"))

    def get(self, name: str) -> Job:
        """Find a job by its id, also without the server's name."""
        full = name if name.endswith(f".{SERVER}") else f"{name}.{SERVER}"
        try:
            return Job(**json.loads((self.folder / "jobs" / full).with_suffix(".json").read_text()))
        except FileNotFoundError:
            raise Refusal(153, f"Unknown Job Id {full}") from None

    def all(self) -> list[Job]:
        paths = (self.folder / "jobs").glob("*.json")
        jobs = [Job(**json.loads(path.read_text())) for path in paths]
        return sorted(jobs, key=lambda job: [int(word) for word in re.findall(r"\d+", job.id)])

    def forget(self, name: str) -> None:
        (self.folder / "jobs" / name).with_suffix(".json").unlink()
