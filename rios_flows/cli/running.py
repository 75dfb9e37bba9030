"""Runs a job that a file describes, and says what came of it."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable
from typing import Any

from rios_flows import engine
from rios_flows.basics.bars import CUIProgressBar
from rios_flows.basics.streams import is_terminal
from rios_flows.cli.failing import WrongJobError
from rios_flows.controls.associations import OtherInputs
from rios_flows.controls.words import readable
from rios_flows.jobs.description import Call, Description
from rios_flows.jobs.descriptionfiles import read_description
from rios_flows.orchestration.api_settings import needs_server
from rios_flows.reports.recordfiles import write_records
from rios_flows.reports.results import ApplierReturn
from rios_flows.rioserrors import RiosError, UnavailableError


def read(path: str, changes: Iterable[str]) -> tuple[Description, Call]:
    """Read a job and import its function; no other file is opened."""
    try:
        described = read_description(path, changes)
        return described, described.call()
    except RiosError as error:
        raise WrongJobError from error


def run(
    job: tuple[Description, Call], prefect: bool | None, records: str | None = None
) -> dict[str, Any]:
    """Run a job, and return what came of it in words that JSON holds."""
    described, call = job
    if prefect if prefect is not None else _api_is_configured():
        result = _run_as_flow(call)
    else:
        result = _run_in_engine(call)
    if records is not None and result.info is not None:
        write_records(records, result.info._replace(records=result.records), _seconds(result))
    return _summary(described, result)


def _api_is_configured() -> bool:
    try:
        return not needs_server()
    except UnavailableError:
        # no temporary server is allowed: nothing but the engine is left
        return False


def _run_in_engine(call: Call) -> ApplierReturn:
    log = logging.getLogger("rios_flows")
    handler = logging.StreamHandler(sys.stderr)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        return engine.apply(*call)
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def _run_as_flow(call: Call) -> ApplierReturn:
    from rios_flows import applier

    if is_terminal(sys.stderr):
        call.controls.setProgress(CUIProgressBar(sys.stderr))
    return applier.apply(*call)


def _summary(job: Description, result: ApplierReturn) -> dict[str, Any]:
    assert result.info is not None
    return {
        "name": result.info.name,
        "outputs": {name: _facts(entry) for name, entry in job.outfiles.items()},
        "blocks": len(result.info.blocks),
        "seconds": round(_seconds(result), 3),
        "grid": readable(result.workinggrid),
        "otherArgs": [_plain(each) for each in result.otherArgsList if each is not None],
    }


def _seconds(result: ApplierReturn) -> float:
    return sum(result.timings.getDurationsForName("walltime") or ())


def _facts(entry: str | list[str]) -> Any:
    if isinstance(entry, list):
        return [_facts(path) for path in entry]
    size = os.path.getsize(entry) if os.path.isfile(entry) else None
    return {"path": entry, "bytes": size}


def _plain(other: Any) -> Any:
    """Return what JSON can hold of one ``otherArgs``; None for anything else."""
    words = vars(other) if isinstance(other, OtherInputs) else other
    try:
        return json.loads(json.dumps(words))
    except (TypeError, ValueError):
        return None


def text_of(done: dict[str, Any]) -> str:
    """Write for people what came of a job."""
    lines = [f"{done['name']}: {done['blocks']:,} blocks in {done['seconds']:.1f} s"]
    for name, entry in done["outputs"].items():
        for each in entry if isinstance(entry, list) else [entry]:
            size = "" if each["bytes"] is None else f" ({each['bytes'] / 1e6:,.1f} MB)"
            lines.append(f"  {name}: {each['path']}{size}")
    return "\n".join(lines)
