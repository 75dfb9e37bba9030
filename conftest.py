"""In CI a skipped test is a failed one: nothing that can run there may be left out unnoticed.

A test that may be skipped even there says so: ``@pytest.mark.may_skip("why")``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

IN_CI = os.environ.get("CI", "").lower() in ("true", "1")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "may_skip(reason): may be skipped in CI too")


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
