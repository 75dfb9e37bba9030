"""How often a run asks the server: as often for many blocks as for few."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from rios_flows import applier
from rios_flows.orchestration import run_display, watch
from tests.orchestration.jobs import Job, double
from tests.orchestration.served import Api
from tests.support.styles import STYLES

pytestmark = pytest.mark.prefect


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what this process asks any server, by whichever of Prefect's clients."""
    asked: list[str] = []
    send, send_async = httpx.Client.send, httpx.AsyncClient.send

    def counted(self: Any, request: httpx.Request, **how: Any) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        return send(self, request, **how)

    async def counted_async(self: Any, request: httpx.Request, **how: Any) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        return await send_async(self, request, **how)

    monkeypatch.setattr(httpx.Client, "send", counted)
    monkeypatch.setattr(httpx.AsyncClient, "send", counted_async)
    return asked


def test_many_blocks_need_no_more_calls(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch, calls: list[str]
) -> None:
    # twenty times as fast as else, so that half a minute is shown in one and a half seconds
    for module, names in (
        (run_display, ("TICK", "LONGEST", "FIRST_LINES", "LINE_EVERY")),
        (watch, ("TICK", "POLL")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, getattr(module, name) / 20)
    job = Job(folder, "many blocks", STYLES["threads 2-2"])
    job.controls.setWindowSize(4, 4)

    def slowly(info: Any, inputs: Any, outputs: Any) -> None:
        time.sleep(0.003)
        double(info, inputs, outputs)

    began = time.monotonic()
    applier.apply(slowly, job.infiles, job.outfiles, controls=job.controls)
    seconds = 20 * (time.monotonic() - began)
    assert job.is_done()
    assert seconds > 30

    assert len(calls) <= 40 + seconds / 2, calls
    again_and_again = ("POST /api/flow_runs/count", "PATCH /api/artifacts", "POST /api/logs")
    assert len([call for call in calls if not call.startswith(again_and_again)]) <= 24, calls
