"""In CI a skipped test is a failed one: nothing that can run there may be left out unnoticed.

A test that may be skipped even there says so: ``@pytest.mark.may_skip("why")``.

A test that depends on servers, queues or clusters of other projects, or on the clock, has a second
try there; the summary names those that needed it.

And bytecode is kept, whatever the environment says: hundreds of processes would compile all anew.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

#: Fixtures that run programs of other projects, for whose haste on a busy machine nobody vouches.
SYSTEMS = frozenset(
    (
        "aws",
        "browser",
        "dask_cluster",
        "executor",
        "lab",
        "pbs_queue",
        "queue",
        "server",
        "slurm_queue",
    )
)

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

IN_CI = os.environ.get("CI", "").lower() in ("true", "1")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "may_skip(reason): may be skipped in CI too")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give those a second try for whose failure a busy machine may be the cause."""
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if IN_CI and (marks & {"alone", "prefect"} or SYSTEMS.intersection(item.fixturenames)):  # type: ignore[attr-defined]
            item.add_marker(pytest.mark.flaky(reruns=1))


def refuse(report: pytest.CollectReport | pytest.TestReport) -> None:
    """Turn a skip into a failure that tells the skip's reason."""
    # an expected failure is reported as a skip too
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, and in CI nothing may be: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse a module that skips itself."""
    report = yield
    refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Refuse a test that is skipped."""
    report = yield
    if item.get_closest_marker("may_skip") is None:
        refuse(report)
    return report
