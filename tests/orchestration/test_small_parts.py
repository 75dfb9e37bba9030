"""Small parts of the shell: its way in, its consoles, its forked children."""

from __future__ import annotations

import asyncio
import importlib
import io
import logging
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from prefect._internal.concurrency import services
from prefect.logging.handlers import PrefectConsoleHandler

from rios_flows.basics.streams import Careful
from rios_flows.orchestration import consoles, embedded_server, entry, flow, forked
from rios_flows.orchestration.call import ApplyCall
from rios_flows.reports.results import ApplierReturn
from tests.orchestration.jobs import Job, double


class Gone(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError("nobody reads")


def test_prefects_lines_may_be_lost_but_end_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    handler, other = PrefectConsoleHandler(stream=Gone()), logging.StreamHandler(Gone())
    logger = logging.getLogger("test.consoles")
    logger.propagate = False
    for each in (handler, other):
        logger.addHandler(each)
    try:
        consoles.make_careful()
        careful = handler.console.file
        assert isinstance(careful, Careful)
        # once is enough
        consoles.make_careful()
        assert handler.console.file is careful
        assert not isinstance(other.stream, Careful)
        logger.removeHandler(other)
        logger.warning("lost")
    finally:
        logger.removeHandler(handler)
    # logging prints what a handler could not do
    assert capsys.readouterr().err == ""


class Service:
    """A service of Prefect's, which waits for its parent's events."""

    _done_event: Any = None


def test_a_child_does_not_wait_for_its_parents_services(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service()
    monkeypatch.setattr(services, "_active_services", {service})
    registered: list[Callable[[], None]] = []
    monkeypatch.setattr(
        "os.register_at_fork", lambda after_in_child: registered.append(after_in_child)
    )
    forked.let_children_end()
    [end] = registered
    end()
    assert isinstance(service._done_event, asyncio.Event)
    assert service._done_event.is_set()
    # another Prefect may have none of that
    monkeypatch.delattr(services, "_active_services")
    end()


@pytest.fixture
def without_prefect(monkeypatch: pytest.MonkeyPatch) -> list[ApplyCall]:
    """Stand in for the server and for the flow; return the calls that reach it."""
    calls: list[ApplyCall] = []

    def run(call: ApplyCall) -> ApplierReturn:
        calls.append(call)
        if call.error is not None:
            raise call.error
        return ApplierReturn()

    monkeypatch.setattr(embedded_server, "start_where_needed", lambda: None)
    monkeypatch.setattr(embedded_server, "connected", nullcontext)
    monkeypatch.setattr(flow, "run", run)
    return calls


def test_a_call_reaches_the_flow_planned(tmp_path: Path, without_prefect: list[ApplyCall]) -> None:
    job = Job(tmp_path, "entry")
    result = entry.run_as_flow(double, job.infiles, job.outfiles, controls=job.controls)
    assert isinstance(result, ApplierReturn)
    [call] = without_prefect
    assert call.name == "entry"
    assert call.job is not None
    assert call.job.function is double


def test_a_bad_call_fails_in_the_flow_so_that_it_is_seen(
    tmp_path: Path, without_prefect: list[ApplyCall]
) -> None:
    job = Job(tmp_path, "entry")
    job.infiles.image = "nothing.tif"
    with pytest.raises(OSError, match=r"nothing.tif"):
        entry.run_as_flow(double, job.infiles, job.outfiles, controls=job.controls)
    [call] = without_prefect
    assert call.job is None


def test_the_flow_is_imported_after_planning(
    tmp_path: Path, without_prefect: list[ApplyCall], monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    prepare, find = ApplyCall.prepare, importlib.import_module

    def noted(*arguments: Any) -> ApplyCall:
        order.append("planned")
        return prepare(*arguments)

    def found(name: str) -> Any:
        order.append(name)
        return find(name)

    monkeypatch.setattr(ApplyCall, "prepare", noted)
    monkeypatch.setattr("importlib.import_module", found)
    job = Job(tmp_path, "entry")
    entry.run_as_flow(double, job.infiles, job.outfiles, controls=job.controls)
    assert order == ["planned", "rios_flows.orchestration.flow"]
