"""Preparing a server where there is none."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from rios_flows.cli import settingup
from rios_flows.cli.program import app


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (None, "No Prefect API is configured"),
        ("http://me:secret@127.0.0.1:9/api", "http://127.0.0.1:9/api does not answer"),
    ],
)
def test_no_server(monkeypatch: pytest.MonkeyPatch, url: str | None, told: str) -> None:
    monkeypatch.setattr(settingup, "configured_url", lambda: url)
    done = CliRunner().invoke(app, ["setup"])
    assert done.exit_code == 1
    assert told in done.output
    assert "prefect server start" in done.output
    assert "secret" not in done.output
