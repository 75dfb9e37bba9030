"""In CI a skipped test is a failed one: nothing that can run there may be left out unnoticed.

A test that may be skipped even there says so: ``@pytest.mark.may_skip("why")``.

A test that depends on servers, queues or clusters of other projects, or on the clock, has further
tries there. What fails in company is put off, to be run again by itself with those that always are;
the summary tells what happened.

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

#: Where pytest's cache keeps the names of tests that were put off.
PUT_OFF = "rios_flows/put-off"
#: If more fail, it is hardly the machine's fault.
PUT_OFF_AT_MOST = 20


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "may_skip(reason): may be skipped in CI too")
    if IN_CI and getattr(config.option, "numprocesses", None):
        config.pluginmanager.register(Company(config))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let tests that were put off run alone, and give those that run alone a second try."""
    if not IN_CI or in_company(config):
        return
    put_off = set(config.cache.get(PUT_OFF, [])) if config.cache else set()
    for item in items:
        if item.nodeid in put_off:
            item.add_marker("alone")
        if depends_on_systems(item):
            item.add_marker(pytest.mark.flaky(reruns=1))


def in_company(config: pytest.Config) -> bool:
    """Tell whether other processes run tests, too."""
    return hasattr(config, "workerinput")


def depends_on_systems(item: pytest.Item) -> bool:
    """Tell whether a busy machine may be the cause where a test fails."""
    marks = {mark.name for mark in item.iter_markers()}
    return bool(marks & {"alone", "prefect"} or SYSTEMS.intersection(item.fixturenames))  # type: ignore[attr-defined]


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
    """Refuse a test that is skipped, and put off one whose failure in company may not count."""
    report = yield
    if item.get_closest_marker("may_skip") is None:
        refuse(report)
    if IN_CI and in_company(item.config) and report.failed and depends_on_systems(item):
        report.outcome = "rerun"  # type: ignore[assignment]
    return report


class Company:
    """What happens to tests that run beside each other: in the process that hands them out."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._put_off: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what is put off."""
        if report.outcome == "rerun":
            self._put_off.append(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Leave the names to the tests that run alone, and fail where there are too many."""
        if self._config.cache:
            self._config.cache.set(PUT_OFF, sorted({each.nodeid for each in self._put_off}))
        if len(self._put_off) > PUT_OFF_AT_MOST:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell why each was put off."""
        for report in self._put_off:
            terminalreporter.write_sep("_", f"put off: {report.nodeid} ({report.when})")
            terminalreporter.write_line("\n".join(report.longreprtext.splitlines()[-40:]))
