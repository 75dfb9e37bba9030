"""Checks a style of concurrency that is given by the name of a kind, or by a job."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rios_flows.cli.failing import given
from rios_flows.controls.concurrency import (
    CW_AWSBATCH,
    CW_ECS,
    CW_PBS,
    CW_SLURM,
    CW_SUBPROC,
    ConcurrencyStyle,
)
from rios_flows.controls.controls import ApplierControls
from rios_flows.doctor.examining import examine, refuse_without_processes
from rios_flows.doctor.findings import Finding
from rios_flows.jobs.descriptionfiles import read_description
from rios_flows.rioserrors import FileOpenError, ParameterError

#: The kinds by the words of the command line.
KINDS = {
    "subproc": CW_SUBPROC,
    "slurm": CW_SLURM,
    "pbs": CW_PBS,
    "dask": CW_SUBPROC,
    "ecs": CW_ECS,
    "awsbatch": CW_AWSBATCH,
    "pool": CW_SUBPROC,
}

#: What the option of a kind becomes in its extra parameters.
_OPTIONS: dict[tuple[str, str], Callable[[str], dict[str, Any]]] = {
    ("slurm", "partition"): lambda name: {"sbatchOptions": [f"--partition={name}"]},
    ("pbs", "queue"): lambda name: {"qsubOptions": [f"-q {name}"]},
    ("awsbatch", "queue"): lambda name: {"jobQueue": name},
    ("dask", "address"): lambda name: {"address": name},
    ("pool", "pool"): lambda name: {"workPool": name},
    ("ecs", "pool"): lambda name: {"workPool": name},
    ("awsbatch", "pool"): lambda name: {"workPool": name},
}

#: Options without which a kind is none.
_NEEDED = {"dask": "address", "pool": "workPool"}


class Asked(NamedTuple):
    """What the command line says of a style.

    Attributes
    ----------
    kind : str or None
        One of :data:`KINDS`; None for that of the job.
    options : mapping
        Of the command line, by name: ``partition``, ``queue``, ``address``, ``pool``.
    params, job : str or None
        Files: extra parameters in JSON, and a job.
    workers : int
        How many there are to be.
    shared : bool
        Whether they see the temporary directory.
    tempdir : str or None
        That directory, if not the job's.
    """

    kind: str | None
    options: Mapping[str, str | None]
    params: str | None = None
    job: str | None = None
    workers: int = 1
    shared: bool = True
    tempdir: str | None = None


def look(asked: Asked, attempt: bool, patience: float) -> list[Finding]:
    """Look at what the workers need."""
    with given():
        controls = _of_job(asked.job) if asked.job else ApplierControls()
        style = _style(asked, controls.concurrency)
        refuse_without_processes(style)
    return examine(style, asked.tempdir or controls.tempdir, attempt, patience)


def _of_job(path: str) -> ApplierControls:
    return read_description(path).call().controls


def _style(asked: Asked, of_job: ConcurrencyStyle) -> ConcurrencyStyle:
    if asked.kind is None:
        return of_job
    if asked.kind not in KINDS:
        raise ParameterError(f"There is no kind {asked.kind!r}: it is one of {', '.join(KINDS)}")
    extra = _extra(asked)
    needed = _NEEDED.get(asked.kind)
    if needed and needed not in extra:
        option = "pool" if needed == "workPool" else needed
        raise ParameterError(f"{asked.kind} needs --{option}, or {needed} in the file of --params")
    return ConcurrencyStyle(
        numComputeWorkers=asked.workers,
        computeWorkerKind=KINDS[asked.kind],
        computeWorkerExtraParams=extra or None,
        computeWorkersRead=True,
        haveSharedTemp=asked.shared,
    )


def _extra(asked: Asked) -> dict[str, Any]:
    extra = _read(asked.params) if asked.params else {}
    for name, value in asked.options.items():
        if value is None:
            continue
        made = _OPTIONS.get((str(asked.kind), name))
        if made is None:
            kinds = ", ".join(kind for kind, option in _OPTIONS if option == name)
            raise ParameterError(f"--{name} is for {kinds}; give {asked.kind}'s own with --params")
        for key, told in made(value).items():
            given = extra.get(key)
            # options of a queue may be several; the last one counts
            lines = [given] if isinstance(given, str) else list(given or ())
            extra[key] = [*lines, *told] if isinstance(told, list) else told
    return extra


def _read(path: str) -> dict[str, Any]:
    try:
        extra = json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise FileOpenError(f"Unable to read the parameters '{path}': {error}") from error
    except ValueError as error:
        raise ParameterError(f"'{path}' is no JSON: {error}") from error
    if not isinstance(extra, dict):
        raise ParameterError(
            f"'{path}' must hold a JSON object: the keys of computeWorkerExtraParams"
        )
    return extra
