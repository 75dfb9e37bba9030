"""Whether a work pool can have workers of a run, and what keeps those that wait."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.objects import FlowRun, WorkPool

from rios_flows.controls.concurrency import ON_POOL
from rios_flows.doctor.examining import examine
from rios_flows.doctor.findings import Findings
from rios_flows.doctor.pools import look_at_pool
from rios_flows.orchestration.pools import looking
from rios_flows.orchestration.pools.looking import usable, why_waiting
from rios_flows.rioserrors import JobMgrError, ParameterError, UnavailableError
from rios_flows.structures import CW_ECS, CW_SLURM, CW_SUBPROC, CW_THREADS, ConcurrencyStyle
from tests.orchestration.pools.conftest import MakePool
from tests.orchestration.served import ROOT
from tests.support.jobs import SmallJob

pytestmark = pytest.mark.prefect


def style(pool: str, kind: str = CW_SUBPROC, **changes: Any) -> ConcurrencyStyle:
    extra = {"workPool": pool, **changes.pop("extra", {})}
    values = {"numComputeWorkers": 2, **changes}
    return ConcurrencyStyle(computeWorkerKind=kind, computeWorkerExtraParams=extra, **values)


def complaint(client: SyncPrefectClient, wanted: ConcurrencyStyle) -> str:
    with pytest.raises((ParameterError, JobMgrError)) as caught:
        usable(client, wanted)
    return str(caught.value)


def test_one_that_can(client: SyncPrefectClient, make_pool: MakePool) -> None:
    pool = make_pool(concurrency_limit=2)
    extra = {"jobVariables": {"env": {"A": "1"}, "working_dir": "/"}, "python": "/opt/python"}
    assert usable(client, style(pool.name, extra=extra)) == pool
    assert style(pool.name).launcher == ON_POOL
    assert style(pool.name).workers_read


def test_one_that_is_not_there(client: SyncPrefectClient, make_pool: MakePool) -> None:
    pool = make_pool()
    said = complaint(client, style(pool.name.upper()[:-1] + "x"))
    assert "has no such work pool" in said
    said = complaint(client, style(f"{pool.name}x"))
    assert f"did you mean {pool.name!r}?" in said


@pytest.mark.parametrize("online", [True, False])
def test_one_that_starts_nothing_is_told_at_once(
    online: bool, client: SyncPrefectClient, make_pool: MakePool
) -> None:
    pool = make_pool(online=online)
    if online:
        client.update_work_pool(pool.name, WorkPoolUpdate(is_paused=True))
        words = ("it is paused", f"prefect work-pool resume {pool.name}")
    else:
        words = ("no Prefect worker of it is running", f"prefect worker start --pool {pool.name}")
    said = complaint(client, style(pool.name))
    for word in (repr(pool.name), *words):
        assert word in said
    assert why_waiting(client, pool.name) == f"the work pool starts no worker: {words[0]}"


def test_one_whose_queue_is_paused(client: SyncPrefectClient, make_pool: MakePool) -> None:
    pool = make_pool()
    client.update_work_queue(pool.default_queue_id, is_paused=True)
    assert "its work queue 'default' is paused; resume it" in complaint(client, style(pool.name))


def test_one_with_less_room_than_workers(client: SyncPrefectClient, make_pool: MakePool) -> None:
    pool = make_pool(concurrency_limit=1)
    said = complaint(client, style(pool.name))
    assert "no room for 2 workers at a time: the concurrency limit is 1. Raise that to 2" in said
    assert f"prefect work-pool set-concurrency-limit {pool.name} 2" in said
    assert usable(client, style(pool.name, numComputeWorkers=1)) == pool
    # others may come with the blocks
    growing = style(pool.name, numComputeWorkers=0, extra={"minimum": 1, "maximum": 8})
    assert usable(client, growing) == pool


def test_one_whose_queue_has_less_room(client: SyncPrefectClient, make_pool: MakePool) -> None:
    pool = make_pool()
    client.update_work_queue(pool.default_queue_id, concurrency_limit=1)
    said = complaint(client, style(pool.name))
    assert "no room for 2 workers at a time: the concurrency limit of its work queue 'def" in said
    assert f"work-queue set-concurrency-limit default --pool {pool.name} 2" in said


def test_one_in_which_the_run_itself_has_a_slot(
    client: SyncPrefectClient, make_pool: MakePool, parent: FlowRun
) -> None:
    pool = make_pool(concurrency_limit=2)
    wanted = style(pool.name)
    around = parent.model_copy(update={"work_pool_name": pool.name, "work_queue_name": "default"})
    elsewhere = parent.model_copy(
        update={"work_pool_name": "another", "work_queue_name": "default"}
    )
    assert usable(client, wanted, [parent, elsewhere]) == pool
    # it waits for its workers, and they for its slot
    with pytest.raises(JobMgrError) as caught:
        usable(client, wanted, [parent, around])
    said = str(caught.value)
    assert "no room for 2 workers at a time beside this run, which has 1 of its slots" in said
    assert "Raise that to 3 or more" in said
    assert "have the workers on another pool" in said
    client.update_work_pool(pool.name, WorkPoolUpdate(concurrency_limit=3))
    assert usable(client, wanted, [around]).concurrency_limit == 3
    client.update_work_queue(pool.default_queue_id, concurrency_limit=2)
    with pytest.raises(JobMgrError, match=r"beside this run.* its work queue 'default' is 2"):
        usable(client, wanted, [around])


def test_kinds_and_types(client: SyncPrefectClient, make_pool: MakePool) -> None:
    process, ecs, docker = make_pool(), make_pool("ecs"), make_pool("docker")
    assert "'process', and CW_SLURM needs one of type 'slurm'" in complaint(
        client, style(process.name, CW_SLURM)
    )
    assert usable(client, style(ecs.name, CW_ECS)) == ecs
    said = complaint(client, style(docker.name))
    assert "containers see no directory of this machine: set haveSharedTemp=False" in said
    assert usable(client, style(docker.name, haveSharedTemp=False)) == docker
    made = make_pool(
        "other", base_job_template={"job_configuration": {"a": 1}, "variables": {"a": {}}}
    )
    assert "has no {{ command }}" in complaint(client, style(made.name))


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"enw": {}}, "has no 'enw': did you mean 'env'? It has command, env, labels"),
        ({"command": "true"}, "leave 'command' out"),
        ({"env": {"KEY": 7}}, "env.KEY does not fit"),
        ({"stream_output": "hush-hush"}, "stream_output does not fit the work pool"),
    ],
)
def test_job_variables(
    variables: dict[str, Any], words: str, client: SyncPrefectClient, make_pool: MakePool
) -> None:
    said = complaint(client, style(make_pool().name, extra={"jobVariables": variables}))
    assert words in said
    assert "hush" not in said


@pytest.mark.parametrize(
    ("kind", "extra", "words"),
    [
        (CW_THREADS, {}, "must not be given without workers outside this process"),
        (CW_SUBPROC, {"address": "tcp://a:1"}, "address and workPool are two places"),
        (CW_SUBPROC, {"daskTaskRunner": True}, "daskTaskRunner and workPool are two places"),
        (CW_SUBPROC, {"workPool": 7}, "workPool=7 must be a string"),
        (CW_SUBPROC, {"jobVariables": "x"}, "jobVariables must be a dict"),
        (CW_SUBPROC, {"python": ""}, "python='' must be a string"),
    ],
)
def test_styles_that_make_no_sense(kind: str, extra: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        style("any", kind, numComputeWorkers=1, numReadWorkers=1, extra=extra)


def test_variables_without_a_pool() -> None:
    with pytest.raises(ParameterError, match="jobVariables must not be given without workPool"):
        ConcurrencyStyle(0, 1, CW_SUBPROC, {"jobVariables": {}}, computeWorkersRead=True)


def test_parameters_of_others(tmp_path: Any) -> None:
    job = SmallJob(tmp_path, style("any", extra={"sbatchOptions": []}))
    with pytest.raises(ParameterError, match=r"work pool takes no 'sbatchOptions'.*jobVariables"):
        job.run()


def test_the_engine_alone_knows_no_pools(tmp_path: Any) -> None:
    job = SmallJob(tmp_path, style("any"))
    with pytest.raises(UnavailableError, match=r"workPool needs applier\.apply.*no Prefect"):
        job.run()
    assert job.files() == job.before


@pytest.mark.usefixtures("client")
def test_the_doctor_looks_at_a_pool(make_pool: MakePool, tmp_path: Any) -> None:
    # rios_flows.doctor.pools
    good = examine(style(make_pool().name), tmp_path)
    assert [each.state for each in good if each.what == "work pool"] == ["good"]
    bad = examine(style(make_pool(online=False).name), tmp_path)
    assert any("starts no worker" in each.found for each in bad if each.state == "bad")


def test_the_doctor_wants_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rios_flows.doctor.pools.configured_url", lambda: None)
    with pytest.raises(UnavailableError, match="set PREFECT_API_URL"):
        look_at_pool(Findings(), style("any"), {"workPool": "any"})


@pytest.mark.parametrize("name", ["process", "docker", "kubernetes", "ecs"])
def test_templates_that_come_with_the_project(name: str) -> None:
    template = json.loads((ROOT / "deployments" / "pools" / f"{name}.json").read_text())
    pool = WorkPool(name="any", type=name, base_job_template=template, default_queue_id=UUID(int=1))
    # what a run looks at
    looking._check_type(pool, style("any", haveSharedTemp=name == "process"))
    looking._check_variables(pool, {"env": {"GDAL_CACHEMAX": "512"}})
