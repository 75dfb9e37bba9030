"""What jobs need on this machine: findings, each with its remedy."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import tempfile
from collections.abc import Iterator
from importlib import metadata

import rasterio
from rasterio.drivers import raster_driver_extensions

from rios_flows.controls.concurrency import processors
from rios_flows.doctor.examining import LEAST_SPACE
from rios_flows.doctor.findings import Finding
from rios_flows.formats.known import USUAL
from rios_flows.rioserrors import JobMgrError
from rios_flows.version import __version__

_LEAST_FILES = 1024
_SUBMIT = {"sbatch": "CW_SLURM", "qsub": "CW_PBS"}
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def examine() -> list[Finding]:
    """Look at everything."""
    looks = (_versions, _drivers, _server, _ports, _space, _files, _threads, _queues)
    return [finding for look in looks for finding in look()]


def _versions() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    python = f"{platform.python_version()}, GDAL {rasterio.__gdal_version__}"
    yield Finding("rios_flows", "good", f"{__version__}, Python {python}")
    for text in metadata.requires("rios_flows") or ():
        needed = Requirement(text)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            there = metadata.version(needed.name)
        except metadata.PackageNotFoundError:
            there = ""
        good = bool(there) and needed.specifier.contains(there, prereleases=True)
        wanted = f"{needed.name}{needed.specifier}"
        yield Finding(
            needed.name,
            "good" if good else "bad",
            there or "not installed",
            "" if good else f"rios_flows needs {needed.specifier}: pip install '{wanted}'",
        )


def _drivers() -> Iterator[Finding]:
    with rasterio.Env() as env:
        there = set(env.drivers()) | set(raster_driver_extensions().values())
    for driver in USUAL:
        yield Finding(
            f"driver {driver}",
            "good" if driver in there else "note",
            "there" if driver in there else "not in this GDAL",
            "" if driver in there else "install a GDAL that has it, or choose another driver",
        )


def _server() -> Iterator[Finding]:
    from rios_flows.orchestration import api_settings, asking

    url = api_settings.configured_url()
    if url is None:
        yield Finding(
            "Prefect API",
            "note",
            "none is configured",
            "`rios-flows run` takes the engine, and apply() starts a server for itself; to see "
            "runs later, `prefect server start` and set PREFECT_API_URL",
        )
        return
    why = asking.why_unreachable(url)
    if not why:
        yield from _server_version(asking.version_of(url))
        yield from _protection(asking.is_csrf_protected(url))
    shown = api_settings.without_password(url)
    yield Finding(
        "Prefect API",
        "bad" if why else "good",
        f"{shown} {'does not answer: ' + why if why else 'answers'}",
        "start it with `prefect server start`, or correct or unset PREFECT_API_URL" if why else "",
    )


def _server_version(there: str) -> Iterator[Finding]:
    """Compare the server with Prefect here; one with a password does not tell its version."""
    from packaging.version import Version

    here = metadata.version("prefect")
    if not there:
        return
    newer, older = Version(here), Version(there)
    good = (newer.major, newer.minor) == (older.major, older.minor)
    yield Finding(
        "Prefect server",
        "good" if good else "bad",
        there if good else f"{there}, and {here} here",
        "" if good else f"run both in the same version, as: pip install 'prefect=={here}'",
    )


def _protection(there: bool) -> Iterator[Finding]:
    if there:
        yield Finding(
            "CSRF protection",
            "note",
            "the server takes no events from its automations: lanes of lost machines stay Running",
            "look at the state of the run, which becomes Crashed; or start the server without "
            "PREFECT_SERVER_CSRF_PROTECTION_ENABLED",
        )


def _ports() -> Iterator[Finding]:
    from rios_flows.workers.network.addresses import DEFAULT_PORTS, listening

    what = "ports for workers"
    try:
        # as a job with workers in a queue does
        host, listener = listening(None, DEFAULT_PORTS)
        listener.close()
    except JobMgrError as error:
        yield Finding(what, "bad", "none", str(error))
        return
    alone = host.startswith("127.")
    yield Finding(
        what,
        "note" if alone else "good",
        f"{DEFAULT_PORTS[0]}-{DEFAULT_PORTS[-1]} at {host}",
        "no other host reaches this address: workers on other machines need the parameter "
        "interface of computeWorkerExtraParams"
        if alone
        else "",
    )


def _space() -> Iterator[Finding]:
    for what, folder in (("tempdir", os.getcwd()), ("TMPDIR", tempfile.gettempdir())):
        free = shutil.disk_usage(folder).free
        good = free >= LEAST_SPACE and os.access(folder, os.W_OK)
        yield Finding(
            what,
            "good" if good else "bad",
            f"{folder}, {free / 2**30:,.1f} GiB free"
            + ("" if os.access(folder, os.W_OK) else ", not writable"),
            "" if good else "make room, or set the control tempdir to a directory that has it",
        )


def _files() -> Iterator[Finding]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    good = soft == resource.RLIM_INFINITY or soft >= _LEAST_FILES
    yield Finding(
        "open files",
        "good" if good else "note",
        f"at most {'unlimited' if soft == resource.RLIM_INFINITY else soft}",
        "" if good else f"many inputs need more: ulimit -n {min(4096, hard) if hard > 0 else 4096}",
    )


def _threads() -> Iterator[Finding]:
    yield Finding("processors", "good", f"{processors()} for this process, {os.cpu_count()} in all")
    told = [f"{name}={os.environ[name]}" for name in _THREADS if name in os.environ]
    yield Finding(
        "numpy's threads",
        "good" if told else "note",
        ", ".join(told) or "as many as processors, in each compute worker",
        "" if told else "with several compute workers, set OMP_NUM_THREADS=1",
    )


def _queues() -> Iterator[Finding]:
    for program, kind in _SUBMIT.items():
        path = shutil.which(program)
        yield Finding(
            program,
            "good" if path else "note",
            path or "not on PATH",
            "" if path else f"only {kind} needs it: load its module where you want such workers",
        )
