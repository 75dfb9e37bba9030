"""A run's artifacts: progress, a summary with pictures, a table of blocks."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
)

from rios_flows.basics.timing import Timers
from rios_flows.orchestration.impatient import impatient_client
from rios_flows.orchestration.log_post import LogPost
from rios_flows.reports.blocktimes import block_table
from rios_flows.reports.page import data_url, page
from rios_flows.reports.pictures import heatmap_png, timeline_png
from rios_flows.reports.records import BlockRecord, RunInfo
from rios_flows.reports.summary import summary_markdown


class Artifacts:
    """The artifacts of one flow run or task run: a context manager for one thread.

    Artifacts of runs with the same name belong together. Where the run has run before, they take
    the place of those that it had made.
    """

    def __init__(
        self,
        flow_run_id: UUID | None,
        name: str,
        task_run_id: UUID | None = None,
        again: bool = False,
    ) -> None:
        self._again = again
        self._flow_run_id, self._task_run_id = flow_run_id, task_run_id
        self._key = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-") or "apply"
        self._client: SyncPrefectClient
        self._progress: tuple[UUID, float, str] | None = None
        self._pictures: tuple[int, list[tuple[str, bytes]]] = (-1, [])

    def __enter__(self) -> Artifacts:
        # its own client: other threads use the flow's, which waits longer
        self._client = impatient_client()
        self._client.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.__exit__(None, None, None)

    def check_server(self) -> None:
        """Raise an error if the server does not answer."""
        error = self._client.api_healthcheck()
        if error is not None:
            raise error

    def send_log(self, post: LogPost) -> None:
        """Send what waits of the run's log."""
        post.send(self._client)

    def show_progress(self, percent: float, text: str) -> None:
        """Show the progress of the run (percent), and say in words what it is."""
        percent = round(percent, 1)
        if self._progress is None:
            identity = self._create("progress", "progress", percent, text)
        elif self._progress[1:] == (percent, text):
            return
        else:
            identity = self._progress[0]
            self._client.update_artifact(identity, ArtifactUpdate(data=percent, description=text))
        self._progress = (identity, percent, text)

    def draw(self, records: Sequence[BlockRecord], info: RunInfo) -> None:
        """Draw the pictures, unless those of these records are drawn already."""
        if not records or self._pictures[0] == len(records):
            return
        count, records = len(records), list(records)
        drawn = [
            ("Lanes over time", timeline_png(records, info)),
            ("Time over the raster", heatmap_png(records, info)),
        ]
        self._pictures = (count, drawn)

    def make_summary(
        self,
        timings: Timers,
        records: Sequence[BlockRecord],
        info: RunInfo,
        error: BaseException | None,
        outputs: str = "",
    ) -> None:
        """Make the markdown artifact: the summary, with outputs and pictures in it."""
        self.draw(records, info)
        parts = [summary_markdown(timings, records, info, error), outputs]
        for title, png in self._pictures[1]:
            # Prefect's UI has no other place for a picture than the text itself
            parts.append(f"### {title}\n\n![{title}]({data_url(png)})\n")
        self._create("summary", "markdown", "\n".join(parts), "What the run did, and when")

    def keep(
        self,
        path: Path,
        timings: Timers,
        records: Sequence[BlockRecord],
        info: RunInfo,
        error: BaseException | None,
        outputs: str = "",
    ) -> None:
        """Write the summary with its pictures into an HTML file, where there is no server."""
        self.draw(records, info)
        text = f"{summary_markdown(timings, records, info, error)}\n{outputs}"
        path.write_text(page(info.name, text, dict(self._pictures[1])), encoding="utf-8")

    def make_table(self, records: Sequence[BlockRecord], info: RunInfo) -> None:
        """Make the table artifact: a row for each block."""
        rows = json.dumps(block_table(records, info))
        self._create(
            "blocks", "table", rows, "The slowest blocks first: time spent, lanes, hosts, attempts"
        )

    def link_from(self, flow_run_id: UUID, text: str) -> None:
        """Make a markdown artifact of another flow run, which leads to this one."""
        self._create("run", "markdown", text, "The flow run that did it", flow_run_id)

    def _create(
        self, what: str, type_: str, data: Any, description: str, of_run: UUID | None = None
    ) -> UUID:
        key, flow_run = f"{self._key[:200]}-{what}", of_run or self._flow_run_id
        old = self._made_before(key, flow_run)
        if old is not None:
            self._client.update_artifact(old, ArtifactUpdate(data=data, description=description))
            return old
        artifact = ArtifactCreate(
            key=key,
            type=type_,
            data=data,
            description=description,
            flow_run_id=flow_run,
            task_run_id=None if of_run else self._task_run_id,
        )
        return self._client.create_artifact(artifact).id

    def _made_before(self, key: str, flow_run: UUID | None) -> UUID | None:
        """Return the artifact that an earlier attempt of the run has made."""
        if not self._again or flow_run is None:
            return None
        wanted = ArtifactFilter(
            key=ArtifactFilterKey(any_=[key]),
            flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run]),
        )
        found = self._client.read_artifacts(artifact_filter=wanted)
        return found[0].id if found else None
