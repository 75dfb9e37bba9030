"""Looks at all that compute workers of a style need, before a run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from rios_flows.controls.concurrency import (
    CW_AWSBATCH,
    CW_ECS,
    CW_PBS,
    CW_SLURM,
    CW_SUBPROC,
    ON_DASK,
    ON_POOL,
    ConcurrencyStyle,
    processors,
)
from rios_flows.doctor.findings import Finding, Findings
from rios_flows.orchestration.pools.offering import pools_for
from rios_flows.rioserrors import ParameterError
from rios_flows.workers import hiring, versions
from rios_flows.workers.network.channel import NetworkDataChannel
from rios_flows.workers.network.connecting import connect

#: Looks at a queue for a style, whose extra parameters are without those for the network.
Look = Callable[[Findings, ConcurrencyStyle, Mapping[str, Any]], None]

#: Less room for temporary files is worth a word (bytes).
LEAST_SPACE = 2**30

#: File systems that other machines never see.
_LOCAL = ("tmpfs", "ramfs", "overlay", "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs")

#: Longest wait for a connection from this machine to itself (s).
_CONNECTION = 5.0


def examine(
    style: ConcurrencyStyle,
    tempdir: str | os.PathLike[str] = ".",
    attempt: bool = False,
    patience: float = 120.0,
) -> list[Finding]:
    """Look at what the compute workers of a style need; nothing of it needs Prefect but a pool.

    Parameters
    ----------
    style : ConcurrencyStyle
        With compute workers outside this process.
    tempdir : path
        As the control of this name; by default the working directory.
    attempt : bool
        Whether to start a worker and have it say hello: a job in a queue.
    patience : float
        Longest wait for that (s).

    Returns
    -------
    list of Finding
        What was looked at, each with its remedy where it is not good.

    Raises
    ------
    ParameterError
        If the style has no compute workers outside this process.
    """
    refuse_without_processes(style)
    found = Findings()
    here = asdict(versions.here())
    told = ", ".join(f"{name} {value}" for name, value in here.items() if name != "byte_order")
    found.add("versions", "good", told)
    _look_at_folder(found, style, Path(tempdir))
    with pools_for(()):
        _look_further(found, style, Path(tempdir) if attempt else None, patience)
    return found


def refuse_without_processes(style: ConcurrencyStyle) -> None:
    """Raise ParameterError if a style has no compute workers outside this process."""
    style.check()
    if not style.has_processes:
        raise ParameterError(
            f"computeWorkerKind={style.computeWorkerKind}: its workers are in this process, and "
            "need nothing else; choose a kind that has them elsewhere"
        )


def _look_further(
    found: Findings, style: ConcurrencyStyle, folder: Path | None, patience: float
) -> None:
    """Look at what differs between kinds; with a folder, have a worker tried."""
    if style.launcher == CW_SUBPROC:
        _look_at_processors(found, style)
    else:
        _look_at_network_and_queue(found, style)
    if folder is not None and not found.bad:
        from rios_flows.doctor.trying import try_worker

        try_worker(found, style, folder, patience)
    elif folder is not None:
        found.add("a worker", "note", "not tried", "mend what is bad first")


def _look_at_folder(found: Findings, style: ConcurrencyStyle, folder: Path) -> None:
    what = "tempdir"
    try:
        with tempfile.TemporaryDirectory(prefix="rios_doctor_", dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        found.add(
            what,
            "bad",
            f"{folder.absolute()}: {error.strerror or error}",
            "give a directory in which this user may write: the control tempdir",
        )
        return
    roomy = free >= LEAST_SPACE
    found.add(
        what,
        "good" if roomy else "note",
        f"{folder.absolute()}, {free / 2**30:,.1f} GiB free",
        "" if roomy else "make room, or set the control tempdir to a directory that has it",
    )
    kind = _file_system(folder)
    if style.launcher != CW_SUBPROC and hiring.sees_tempdir(style) and kind in _LOCAL:
        found.add(
            "shared directory",
            "note",
            f"{folder.absolute()} is on {kind}, which other machines may not see",
            "set tempdir to a directory that compute nodes see, or haveSharedTemp=False; to know "
            "for certain, have a worker tried",
        )


def _file_system(folder: Path) -> str:
    """Return the type of the file system that a directory is on; empty if it is not known."""
    best = "", ""
    try:
        lines = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        _, place, kind, *_ = line.split(" ")
        place = place.encode().decode("unicode_escape")
        if folder.resolve().is_relative_to(place) and len(place) >= len(best[0]):
            best = place, kind
    return best[1]


def _look_at_processors(found: Findings, style: ConcurrencyStyle) -> None:
    there, wanted = processors(), style.workers_at_once
    found.add(
        "processors",
        "good" if wanted <= there else "note",
        f"{there}, for at most {wanted} workers",
        "" if wanted <= there else f"ask for at most {there} workers: more take turns",
    )


def _look_at_network_and_queue(found: Findings, style: ConcurrencyStyle) -> None:
    with found.of("parameters"):
        network, extra = hiring.network_and_extra(style)
        _look_at_network(found, network)
        with found.of(style.launcher):
            look: Look = resolve_name(f"rios_flows.doctor.{_LOOKS[style.launcher]}")
            look(found, style, extra)


def _look_at_network(found: Findings, network: Mapping[str, Any]) -> None:
    what = "ports for workers"
    with found.of(what):
        channel = NetworkDataChannel(
            {}, hostname=network.get("interface"), portnum=network.get("ports")
        )
        try:
            connect(channel.addressStr(), _CONNECTION).close()
        finally:
            channel.shutdown()
        alone = channel.hostname.startswith("127.") or channel.hostname == "::1"
        found.add(
            what,
            "note" if alone else "good",
            f"{channel.hostname}:{channel.portnum} is free, and reached from here",
            "no other machine reaches this address: give interface in computeWorkerExtraParams, "
            "if workers are to come from elsewhere"
            if alone
            else "",
        )


#: Who knows a place that has a queue; imported where a style has workers there.
_LOOKS: Mapping[str, str] = {
    CW_SLURM: "queues:look_at_slurm",
    CW_PBS: "queues:look_at_pbs",
    ON_DASK: "clusters:look_at_dask",
    ON_POOL: "pools:look_at_pool",
    CW_ECS: "ecs:look_at_ecs",
    CW_AWSBATCH: "awsbatch:look_at_batch",
}
