"""Runs a job that a file describes, and says what came of it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import Any

from rios_flows import engine
from rios_flows.basics.bars import CUIProgressBar
from rios_flows.basics.streams import is_terminal
from rios_flows.cli.failing import given
from rios_flows.jobs.description import Call, Description
from rios_flows.jobs.descriptionfiles import read_description
from rios_flows.jobs.recordsfile import place_for_records
from rios_flows.orchestration.api_settings import needs_server
from rios_flows.reports.amounts import counted, scaled
from rios_flows.reports.results import ApplierReturn
from rios_flows.rioserrors import UnavailableError


def read(path: str, changes: Iterable[str], records: str | None = None) -> tuple[Description, Call]:
    """Read a job and import its function; no other file is opened.

    Its records are kept where the command line says, if it does.
    """
    with given():
        described = read_description(path, changes)
        call = described.call()
        if records is not None:
            call.controls.setRecordsFile(records)
            place_for_records(records, call.infiles, call.outfiles)
        return described, call


def run(job: tuple[Description, Call], prefect: bool | None) -> dict[str, Any]:
    """Run a job, and return what came of it in words that JSON holds."""
    _, call = job
    if prefect if prefect is not None else _api_is_configured():
        result = _run_as_flow(call)
    else:
        result = _run_in_engine(call)
    return result.summary()


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


def text_of(done: dict[str, Any]) -> str:
    """Write for people what came of a job."""
    lines = [f"{done['name']}: {counted(done['blocks'], 'block')} in {done['seconds']:.1f} s"]
    for each in done["outputs"]:
        checksum = "" if each["checksum"] is None else f", {each['checksum']}"
        lines.append(f"  {each['name']}: {each['path']} ({scaled(each['bytes'], 'B')}{checksum})")
    return "\n".join(lines)
