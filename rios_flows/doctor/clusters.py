"""What an existing Dask cluster has for workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rios_flows.basics.errortext import text_of
from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.controls.extraparams import ADDRESS, SECURITY
from rios_flows.doctor.findings import Findings
from rios_flows.rioserrors import JobMgrError
from rios_flows.workers import versions
from rios_flows.workers.launchers import ondask
from rios_flows.workers.launchers.daskcluster import connected


def look_at_dask(found: Findings, style: ConcurrencyStyle, extra: Mapping[str, Any]) -> None:
    """Ask the scheduler for its workers, and these for their versions."""
    client = connected(extra[ADDRESS], extra.get(SECURITY))
    try:
        _, workers, threads = client.run_on_scheduler(ondask.look, [])
        wanted = style.workers_at_once
        enough = threads >= wanted
        found.add(
            "Dask cluster",
            "good" if enough else "note" if workers else "bad",
            f"{extra[ADDRESS]} has {workers} workers with {threads} threads, for {wanted} of ours",
            ""
            if enough
            else "start more Dask workers, or ask for fewer of ours: each of ours "
            "takes a thread as long as the run lasts",
        )
        _compare_scheduler(found, client)
        for place, there in client.run(versions.here, on_error="return").items():
            _compare(found, place, there)
    finally:
        client.close()


def _compare_scheduler(found: Findings, client: Any) -> None:
    told = client.get_versions()
    names = ("distributed", "dask", "cloudpickle")
    here, there = (
        ", ".join(f"{name} {told[side]['packages'][name]}" for name in names)
        for side in ("client", "scheduler")
    )
    same = here == there
    found.add(
        "Dask scheduler",
        "good" if same else "note",
        there if same else f"{there}, and here {here}",
        "" if same else "install the same versions in both places",
    )


def _compare(found: Findings, place: str, there: versions.Versions | BaseException) -> None:
    what = f"Dask worker {place}"
    if isinstance(there, BaseException):
        found.add(
            what,
            "bad",
            f"rios_flows cannot be used there: {type(there).__name__}: {text_of(there)}",
            "install the same rios_flows where Dask's workers run",
        )
        return
    try:
        warning = versions.compare(versions.here(), there, place)
    except JobMgrError as error:
        found.add(what, "bad", text_of(error), "install the same versions in both places")
        return
    if warning:
        found.add(what, "note", warning, "install the same versions in both places")
    else:
        found.add(what, "good", "the same versions as here")
