"""What came of a run, as its result, as events, and on the page of the flow around it."""

from __future__ import annotations

import json
import logging
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
import yaml
from prefect import flow
from prefect.automations import AutomationCore
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.filesystems import LocalFileSystem
from prefect.results import ResultStore
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings

from rios_flows import applier
from rios_flows.orchestration import state_data
from rios_flows.orchestration.announcing import FINISHED, PUBLISHED
from rios_flows.orchestration.call import ApplyCall
from rios_flows.orchestration.flow import apply_flow, apply_in_this_run
from rios_flows.rioserrors import UnavailableError
from tests.orchestration.jobs import BLOCKS, Job, double, fail_in_the_middle
from tests.orchestration.served import ROOT, Api, eventually
from tests.support.styles import STYLES

PAGE = ROOT / "docs" / "prefect.md"

pytestmark = pytest.mark.prefect


def parameters_of(job: Job) -> dict[str, Any]:
    return ApplyCall.prepare(double, job.infiles, job.outfiles, None, job.controls).parameters


def events(name: str, resource: str) -> list[dict[str, Any]]:
    """Return events as the API gives them."""
    wanted = {"event": {"name": [name]}, "resource": {"id": [resource]}}
    with get_client(sync_client=True) as client:
        answer = client.request("POST", "/events/filter", json={"filter": wanted})
    found: list[dict[str, Any]] = answer.json()["events"]
    return found


def related(event: dict[str, Any]) -> dict[str, str]:
    return {each["prefect.resource.role"]: each["prefect.resource.id"] for each in event["related"]}


def test_the_result_of_a_deployments_run(api: Api, folder: Path) -> None:
    job = Job(folder, "with a result", STYLES["threads 1-1"])
    with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: folder / "storage"}):
        state = apply_flow(**parameters_of(job), return_state=True)
        told: Any = state.result()
        assert (told["name"], told["blocks"]) == ("with a result", BLOCKS)
        [output] = told["outputs"]
        assert output["path"] == str(job.output)
        assert output["bytes"] == os.path.getsize(job.output)
        # another process has the state from the server
        run = api.flow_run("with a result")
        assert isinstance(run.state, State)
        assert run.state is not state
        assert run.state.result() == told
    # what is kept is JSON, which anything can read
    [file] = (folder / "storage").iterdir()
    assert json.loads(file.read_text()) == told
    assert str(run.id) in file.name


def test_what_is_kept_where_no_storage_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: Any) -> None:
        raise OSError("no room")

    monkeypatch.setattr(ResultStore, "apersist_result_record", fails)
    store = ResultStore(result_storage=LocalFileSystem(basepath=str(folder)))
    context = SimpleNamespace(result_store=store)
    monkeypatch.setattr(state_data, "FlowRunContext", SimpleNamespace(get=lambda: context))
    record = state_data.kept({"blocks": 3}, UUID(int=7))
    assert record.result == {"blocks": 3}
    assert not record.is_persisted
    assert str(UUID(int=7)) in record.metadata.storage_key
    assert "not kept" in caplog.text


def test_what_cannot_be_kept_fails_no_run(api: Api, folder: Path) -> None:
    job = Job(folder, "not kept")
    (folder / "file").touch()
    with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: folder / "file" / "storage"}):
        state = apply_flow(**parameters_of(job), return_state=True)
    assert state.is_completed()
    assert job.is_done()
    run = api.flow_run("not kept")
    assert run.state is not None
    assert run.state.data is None


def test_events(api: Api, folder: Path) -> None:
    job = Job(folder, "announced")
    job.controls.setChecksum("md5")
    applier.apply(double, job.infiles, job.outfiles, controls=job.controls)
    run = api.flow_run("announced")
    [event] = eventually(lambda: events(PUBLISHED, f"rios-flows.output.{job.output}"))
    assert event["resource"]["prefect.resource.name"] == "announced.tif"
    assert event["resource"]["rios-flows.output"] == "result"
    assert event["resource"]["rios-flows.driver"] == "GTiff"
    assert event["payload"]["path"] == str(job.output)
    assert event["payload"]["checksum"].startswith("md5:")
    assert event["payload"]["grid"]["width"] == 100
    assert related(event)["flow-run"] == f"prefect.flow-run.{run.id}"
    assert related(event)["flow"] == f"prefect.flow.{run.flow_id}"
    [event] = eventually(lambda: events(FINISHED, f"prefect.flow-run.{run.id}"))
    assert event["payload"]["blocks"] == BLOCKS
    assert event["payload"]["outputs"][0]["path"] == str(job.output)
    summary = str(api.artifacts(run.id)["summary"].data)
    assert "### Outputs" in summary
    assert "announced.tif" in summary


def test_a_run_that_fails_announces_nothing(api: Api, folder: Path) -> None:
    job = Job(folder, "not announced")
    state = apply_flow(
        **{**parameters_of(job), "function": "tests.orchestration.jobs:fail_in_the_middle"},
        return_state=True,
    )
    assert state.is_failed()
    # events come in their order
    after = Job(folder, "after it")
    applier.apply(double, after.infiles, after.outfiles, controls=after.controls)
    eventually(lambda: events(PUBLISHED, f"rios-flows.output.{after.output}"))
    assert not events(PUBLISHED, f"rios-flows.output.{job.output}")
    assert not events(FINISHED, f"prefect.flow-run.{api.flow_run('not announced').id}")


@pytest.fixture
def next_step(api: Api, folder: Path) -> Any:
    """Make a deployment, which nobody runs, and the automation of the page that starts it."""
    [text] = re.findall(r"```yaml\n(name: .*?)```", PAGE.read_text(), re.S)
    text = text.replace("/data/index/*", f"{folder}/first*").replace("/data/smooth", str(folder))
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(apply_flow)
        deployment = client.create_deployment(flow_id, name=f"next-{uuid4()}")
        given = yaml.safe_load(re.sub(r"0{8}\S*", str(deployment), text))
        # as `prefect automation create --from-file` does
        automation = AutomationCore.model_validate(given)
        made = client.request("POST", "/automations/", json=automation.model_dump(mode="json"))
        identity = made.json()["id"]
        yield deployment
        client.request("DELETE", "/automations/{id}", path_params={"id": identity})
        client.delete_deployment(deployment)


def test_an_automation_starts_what_comes_next(api: Api, folder: Path, next_step: UUID) -> None:
    job = Job(folder, "first step")
    applier.apply(double, job.infiles, job.outfiles, controls=job.controls)
    [run] = eventually(lambda: api.runs_of(next_step))
    assert run.parameters["infiles"] == {"index": str(job.output)}
    assert run.parameters["outfiles"] == {"smooth": str(folder / "first step.tif")}
    assert run.parameters["function"] == "terrain:smooth"


@flow
def with_subflow(folder: Path) -> None:
    job = Job(folder, "below")
    applier.apply(double, job.infiles, job.outfiles, controls=job.controls)


@flow
def by_itself(folder: Path, function: Any) -> State[Any]:
    job = Job(folder, "itself", STYLES["threads 1-1"])
    state: State[Any] = apply_in_this_run(
        function, job.infiles, job.outfiles, controls=job.controls
    )
    return state


def test_the_page_of_a_flow_leads_to_the_run(api: Api, folder: Path) -> None:
    name = f"around {uuid4()}"
    with_subflow.with_options(flow_run_name=name)(folder)
    around = api.flow_run(name)
    [below] = [run for run in api.flow_runs("below") if api.parent(run).flow_run_id == around.id]
    assert api.log_line(around.id, f"flow run 'below': .*{below.id}").task_run_id is None
    [link] = api.artifacts(around.id).values()
    assert re.fullmatch(rf"\[below\]\(\S*/runs/flow-run/{below.id}\)", str(link.data))
    assert link.key == "below-run"


def test_a_flow_that_does_the_work_itself(api: Api, folder: Path) -> None:
    name = f"itself {uuid4()}"
    told: Any = by_itself.with_options(flow_run_name=name)(folder, double)
    assert told["outputs"][0]["path"] == str(folder / "itself.tif")
    run = api.flow_run(name)
    assert set(api.task_runs(run.id, 3)) == {"read-0", "compute-0", "write"}
    assert set(api.artifacts(run.id)) >= {"progress", "summary", "blocks"}
    assert run.state is not None
    assert run.state.result() == told
    assert api.log_line(run.id, "^Lane write ends").level == logging.INFO
    assert eventually(lambda: events(FINISHED, f"prefect.flow-run.{run.id}"))


def test_a_flow_whose_own_work_fails(api: Api, folder: Path) -> None:
    name = f"itself {uuid4()}"
    state = by_itself.with_options(flow_run_name=name)(
        folder, fail_in_the_middle, return_state=True
    )
    assert state.is_failed()
    assert "no such luck" in str(api.flow_run(name).state)
    assert "no such luck" in str(api.artifacts(api.flow_run(name).id)["summary"].data)


def test_no_flow_to_work_in(folder: Path) -> None:
    job = Job(folder, "nowhere")
    with pytest.raises(UnavailableError, match="call it in a flow"):
        apply_in_this_run(double, job.infiles, job.outfiles)
