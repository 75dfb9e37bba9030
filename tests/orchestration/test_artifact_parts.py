"""A run's artifacts as they are sent to the server, which is a stand-in here."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from rios_flows.basics.timing import Timers
from rios_flows.geometry.grid import BlockGrid
from rios_flows.orchestration import artifacts, impatient
from rios_flows.orchestration.artifacts import Artifacts
from tests.support.madeup import make_info, make_records

GRID = BlockGrid(1000, 700, (256, 256))
RUN = uuid4()


class Sent:
    """What a server is sent."""

    def __init__(self) -> None:
        self.made: list[Any] = []
        self.changed: list[tuple[UUID, Any, Any]] = []

    def __enter__(self) -> Sent:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""

    def create_artifact(self, artifact: Any) -> Any:
        artifact.__dict__["id"] = UUID(int=len(self.made))
        self.made.append(artifact)
        return artifact

    def update_artifact(self, number: UUID, change: Any) -> None:
        self.changed.append((number, change.data, change.description))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Sent:
    sent = Sent()
    monkeypatch.setattr(artifacts, "impatient_client", lambda: sent)
    return sent


def test_the_work_of_a_run_does_not_wait_long(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(impatient, "get_client", lambda *args, **_: asked.append(args))
    impatient.impatient_client()
    assert asked == [({"timeout": 10.0},)]


def test_progress_is_one_artifact_that_changes(server: Sent) -> None:
    with Artifacts(RUN, "NDVI of May, 2024!") as shown:
        for percent, text in ((0, "a"), (12.34, "b"), (12.3, "b"), (12.3, "c"), (100, "d")):
            shown.show_progress(percent, text)
    [made] = server.made
    assert (made.key, made.type, made.data) == ("ndvi-of-may-2024-progress", "progress", 0)
    assert made.description == "a"
    assert made.flow_run_id == RUN
    # what is the same on the screen is not sent
    assert server.changed == [
        (UUID(int=0), 12.3, "b"),
        (UUID(int=0), 12.3, "c"),
        (UUID(int=0), 100, "d"),
    ]


@pytest.mark.parametrize(("name", "key"), [("???", "apply"), ("A" * 300, "a" * 200)])
def test_any_name_makes_a_key(server: Sent, name: str, key: str) -> None:
    with Artifacts(RUN, name) as shown:
        shown.show_progress(1, "a block")
    assert server.made[0].key == f"{key}-progress"


def test_a_summary_has_the_pictures_in_it(server: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def draw(name: str) -> Any:
        def png(records: Any, info: Any) -> bytes:
            drawn.append(len(records))
            return name.encode()

        return png

    monkeypatch.setattr(artifacts, "timeline_png", draw("lanes"))
    monkeypatch.setattr(artifacts, "heatmap_png", draw("raster"))
    records, info = make_records(GRID), make_info(GRID)
    with Artifacts(RUN, "ndvi") as shown:
        shown.draw(records[:2], info)
        # at the end they are up to date, and drawn once
        shown.draw(records, info)
        shown.make_summary(Timers(), records, info, None)
        shown.make_table(records, info)
    assert drawn == [2, 2, len(records), len(records)]
    summary, table = server.made
    pictures = re.findall(r"### (.*)\n\n!\[\1\]\(data:image/png;base64,([^)]+)\)", summary.data)
    assert [(title, base64.b64decode(data)) for title, data in pictures] == [
        ("Lanes over time", b"lanes"),
        ("Time over the raster", b"raster"),
    ]
    assert summary.data.startswith("## ndvi: 12 blocks")
    assert (summary.key, table.key) == ("ndvi-summary", "ndvi-blocks")
    assert len(json.loads(table.data)) == 12


def test_a_run_without_a_block_has_no_pictures(server: Sent) -> None:
    with Artifacts(RUN, "ndvi") as shown:
        shown.make_summary(Timers(), [], make_info(GRID), ValueError("no"))
    assert "data:image" not in server.made[0].data
    assert "no" in server.made[0].data
