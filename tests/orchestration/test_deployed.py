"""A flow and the library are of one version, or it is told."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from prefect import flow_engine
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun

from flows import vegetation_index
from rios_flows.orchestration import deployed
from rios_flows.orchestration.deployed import check_deployments, library, require_version
from rios_flows.orchestration.flow import apply_flow
from rios_flows.rioserrors import UnavailableError
from rios_flows.version import __version__
from tests.orchestration.served import Api

LOG = logging.getLogger("tests.deployed")


def test_the_flows_here_are_of_this_version() -> None:
    assert __version__ == vegetation_index.MADE_FOR


@pytest.mark.parametrize(
    ("made", "here", "warned", "refused"),
    [
        ("1.2.3", "1.2.3", False, False),
        ("1.2.3", "1.2.4", True, False),
        ("1.2.3", "1.2.3rc1", True, False),
        ("1.2.3", "1.3.3", False, True),
        ("1.2.3", "2.2.3", False, True),
        ("1.2", "1.20", False, True),
    ],
)
def test_versions(
    monkeypatch: pytest.MonkeyPatch, made: str, here: str, warned: bool, refused: bool
) -> None:
    monkeypatch.setattr(deployed, "__version__", here)
    if refused:
        with pytest.raises(UnavailableError, match=f"{made}, and {here} is installed"):
            require_version(made)
    else:
        assert bool(require_version(made)) is warned


def runs(*versions: str | None) -> Any:
    return [FlowRun.model_construct(deployment_version=version) for version in versions]


def test_versions_of_deployments(caplog: pytest.LogCaptureFixture) -> None:
    mine = library(anything="else")["version"]
    assert check_deployments(runs(None, mine, "users-own 7.0", ""), LOG) is None
    assert not caplog.records
    error = check_deployments(runs("users-own 7.0", "rios_flows 99.1.0"), LOG)
    assert "The deployment of this run was made for rios_flows 99.1.0" in str(error)
    numbers = re.findall(r"\d+", __version__)
    assert check_deployments(runs(f"rios_flows {numbers[0]}.{numbers[1]}.999"), LOG) is None
    assert ".999, and" in caplog.text


@pytest.mark.prefect
def test_a_run_of_another_version_is_refused(api: Api) -> None:
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(apply_flow)
        made = client.create_deployment(flow_id, "old", version="rios_flows 99.1.0")
        run = client.create_flow_run_from_deployment(made, parameters={"function": "a:b"})
    state: Any = flow_engine.run_flow(
        apply_flow, flow_run=run, parameters=run.parameters, return_type="state"
    )
    assert state.is_failed()
    assert "was made for rios_flows 99.1.0, and" in str(state.message)
