"""The ends of logs, as CloudWatch has them or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from rios_flows.workers.launchers import cloudwatch
from rios_flows.workers.launchers.cloudwatch import Logs, Stream, log_lines


class Pretended:
    """CloudWatch that knows one stream, after so many questions; another breaks connections."""

    def __init__(self, patience: int = 0) -> None:
        self.patience = patience

    def get_log_events(self, **asked: Any) -> dict[str, Any]:
        if asked["logStreamName"] == "broken":
            raise ConnectionClosedError(endpoint_url="logs")
        self.patience -= 1
        known = asked["logStreamName"] == "known" and self.patience < 0
        return {"events": [{"message": "one"}, {"message": "tw\udcffo"}] if known else []}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudwatch, "_PAUSES_FOR_LOG", (0.0, 0.0))


@pytest.mark.parametrize(("patience", "count"), [(0, 2), (1, 2), (2, 0)])
def test_lines_may_come_late(patience: int, count: int) -> None:
    assert len(log_lines(Pretended(patience), Stream("g", "known"))) == count


def test_logs_become_files(tmp_path: Path) -> None:
    logs = Logs("eu-west-1")
    logs._client = Pretended()
    known, other, broken = (tmp_path / name for name in ("known", "other", "broken"))
    streams = {path: Stream("group", path.name) for path in (known, other, broken)}
    nowhere = tmp_path / "no" / "folder"
    assert logs.fetch({**streams, nowhere: Stream("group", "known")}) == {known}
    assert known.read_text() == "one\ntw?o"
    assert not other.exists()
    assert logs.fetch({}) == set()
