"""The command that prepares a server, with a real one: what it makes, and what it leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.exceptions import ObjectNotFound
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_TLS_INSECURE_SKIP_VERIFY,
    temporary_settings,
)
from typer.testing import CliRunner

from rios_flows.cli import settingup
from rios_flows.cli.program import app
from rios_flows.orchestration.automations import CRASHES, LANE_CRASHES
from rios_flows.orchestration.setup import DEFAULT_SLOTS
from rios_flows.orchestration.webhook import EVENTS, keep_webhook, wanted_webhook, webhook_there
from tests.orchestration.served import Api

pytestmark = pytest.mark.prefect

POOL = "made-by-setup"


@pytest.fixture
def client(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with get_client(sync_client=True) as client:
        monkeypatch.setattr(settingup, "configured_url", lambda: str(client.api_url))
        # other tests of this server may have set it up
        remove_all(client)
        try:
            yield client
        finally:
            remove_all(client)


def remove_all(client: Any) -> None:
    for name in ("rios-read", "rios-compute", "rios-write"):
        with suppress(ObjectNotFound):
            client.delete_global_concurrency_limit_by_name(name)
    for name in (CRASHES, LANE_CRASHES):
        for made in client.read_automations_by_name(name):
            client.delete_automation(made.id)
    block = webhook_there()
    if block is not None:
        client.delete_block_document(block._block_document_id)


def call(*arguments: str, code: int = 0) -> dict[str, str]:
    """Return the state of each thing by its name."""
    done = CliRunner().invoke(app, ["setup", "--pool", POOL, "--json", *arguments])
    assert done.exit_code == code, done.output
    parts = json.loads(done.stdout)
    assert {"what", "name", "state", "found", "remedy"} == set(parts[0])
    return {part["name"]: f"{part['state']}: {part['found']}" for part in parts}


def test_twice(client: Any) -> None:
    wanted = {
        POOL: "type process",
        "rios-read": "5 slots",
        "rios-compute": "64 slots",
        "rios-write": "8 slots",
        CRASHES: "after 90 s",
        EVENTS: f"posts to {str(client.api_url).rstrip('/')}/events",
        LANE_CRASHES: "after 90 s",
    }

    def all_are(state: str) -> dict[str, str]:
        return {name: f"{state}: {text}" for name, text in wanted.items()}

    assert call("--read", "5", "--dry-run") == all_are("missing")
    with pytest.raises(ObjectNotFound):
        client.read_work_pool(POOL)
    assert call("--read", "5") == all_are("created")
    assert "env" in str(client.read_work_pool(POOL).base_job_template)
    assert client.read_global_concurrency_limit_by_name("rios-read").limit == 5
    for arguments in (["--read", "5"], [], ["--update"]):
        assert call(*arguments) == all_are("there")
    assert len(client.read_automations_by_name(CRASHES)) == 1

    # what an operator has changed is left
    off = GlobalConcurrencyLimitUpdate(limit=3, active=False)
    client.update_global_concurrency_limit("rios-write", off)
    assert call()["rios-write"] == "there: 3 slots, switched off"
    told = call("--write", "3", code=1)["rios-write"]
    assert told == "differs: 3 slots, switched off, not 3 slots"
    told = call("--write", "1", "--update")["rios-write"]
    assert told == "changed: 1 slot, no more 3 slots, switched off"
    assert client.read_global_concurrency_limit_by_name("rios-write").active

    (made,) = client.read_automations_by_name(CRASHES)
    client.pause_automation(made.id)
    assert call(code=1)[CRASHES] == "differs: after 90 s, switched off, not after 90 s"
    assert call("--update")[CRASHES].startswith("changed")
    assert client.read_automations_by_name(CRASHES)[0].enabled

    assert call("--pool-type", "docker", code=1)[POOL] == "differs: type process, not type docker"
    text = CliRunner().invoke(app, ["setup", "--pool", POOL, "--pool-type", "docker"])
    assert "differs  work pool made-by-setup: type process" in text.output
    assert "a pool keeps its type" in text.output


def test_the_way_of_the_server_to_itself(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = ["--no-limits", "--pool", ""]
    assert set(call(*limits, "--server-url", "")) == {CRASHES}
    call(*limits)
    inside = "http://me:secret@server:4200/api"
    shown = "posts to http://server:4200/api/events"
    told = call(*limits, "--server-url", inside, code=1)[EVENTS]
    assert told == f"differs: posts to {str(client.api_url).rstrip('/')}/events, not {shown}"
    assert call(*limits, "--server-url", inside, "--update")[EVENTS].startswith("changed")
    found = webhook_there()
    assert found is not None
    assert found.url.get_secret_value() == f"{inside}/events"

    own = {PREFECT_API_AUTH_STRING: "me:secret", PREFECT_API_TLS_INSECURE_SKIP_VERIFY: True}
    with temporary_settings(own):
        block = wanted_webhook(inside)
    # as RFC 7617 has it
    assert block.headers.get_secret_value()["Authorization"] == "Basic bWU6c2VjcmV0"
    # what this machine need not verify, the server need not, either
    assert found.verify
    assert not block.verify
    # nobody is shown any of it
    keep_webhook(block)
    seen = client.read_block_document_by_name(EVENTS, "webhook", include_secrets=False).data
    assert not {"secret", "bWU6c2VjcmV0"} & set(re.findall(r"\w+", str(seen)))
    assert "differs" in call(*limits, "--server-url", inside, code=1)[EVENTS]
    # what was made for another server's block still leads to that of now
    client.delete_block_document(found._block_document_id)
    assert call(*limits, code=1)[LANE_CRASHES].startswith("differs: another definition")
    assert call(*limits, "--update")[LANE_CRASHES].startswith("changed")


def test_only_what_is_asked_for(client: Any) -> None:
    assert set(call("--no-limits", "--no-automation", "--pool", "", "--read", "2")) == {"rios-read"}
    assert set(DEFAULT_SLOTS.values()) == {16, 64, 8}
