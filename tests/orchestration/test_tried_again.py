"""What the server shows of a run that was tried again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client

from rios_flows import applier
from rios_flows.orchestration.artifacts import Artifacts
from rios_flows.orchestration.flow import apply_in_this_run
from tests.orchestration.jobs import BLOCKS, Job, double, fail_in_the_middle
from tests.orchestration.served import Api

pytestmark = pytest.mark.prefect


def test_a_flow_that_is_tried_again_leads_to_its_run_once(api: Api, folder: Path) -> None:
    job, tries = Job(folder, "tried again"), []

    @flow(flow_run_name="tries again", retries=1)
    def users_flow() -> None:
        tries.append(1)
        function = fail_in_the_middle if len(tries) == 1 else double
        applier.apply(function, job.infiles, job.outfiles, controls=job.controls)

    users_flow()
    assert len(tries) == 2
    made = api.all_artifacts(api.flow_run("tries again").id)
    # Prefect's own, of results, have no key
    (link,) = [artifact for artifact in made if artifact.key]
    newest = max(api.flow_runs("tried again"), key=lambda run: str(run.created))
    assert str(newest.id) in str(link.data)


def test_a_flow_that_has_the_work_on_its_own_page_is_tried_again(api: Api, folder: Path) -> None:
    job, tries = Job(folder, "tries itself again"), []

    @flow(flow_run_name="tries itself again", retries=1)
    def users_flow() -> Any:
        tries.append(1)
        function = fail_in_the_middle if len(tries) == 1 else double
        return apply_in_this_run(function, job.infiles, job.outfiles, controls=job.controls)

    summary: Any = users_flow()
    assert len(tries) == 2
    assert isinstance(summary, dict)
    assert summary["blocks"] == BLOCKS
    assert job.is_done()
    assert api.flow_run("tries itself again").state_name == "Completed"


def test_the_same_artifact_is_made_once(api: Api) -> None:
    @flow
    def nothing() -> None: ...

    with get_client(sync_client=True) as client:
        run = client.create_flow_run(nothing)
    for number, again in enumerate((False, True)):
        with Artifacts(run.id, "again", again=again) as artifacts:
            artifacts.show_progress(number, f"attempt {number}")
    (progress,) = api.all_artifacts(run.id)
    assert progress.data == 1
    assert progress.description == "attempt 1"
