"""A flow run's heartbeats, sent by the thread that shows the run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import prefect
from prefect.client.schemas.objects import FlowRun
from prefect.context import SettingsContext, get_settings_context
from prefect.events import emit_event

from rios_flows.orchestration.changed_settings import changed_settings

#: Prefect's shortest interval (s).
FASTEST = 30


class Heartbeat:
    """Lets the server know ``every`` so many seconds, or never, that a flow run is alive.

    A flow run waits at its end for Prefect's own thread, which sleeps in whole seconds: half a
    second on average. So these events replace it; Prefect adds flow, deployment and tags to them.
    """

    def __init__(self, every: int | None) -> None:
        self._settings = get_settings_context()
        self._every = every
        self._last = 0.0

    @classmethod
    def of_settings(cls) -> Heartbeat:
        """Make one with the interval of the user's settings."""
        return cls(get_settings_context().settings.flows.heartbeat_frequency)

    @contextmanager
    def replace_prefects(self) -> Iterator[None]:
        """Switch Prefect's own heartbeats off."""
        if self._every is None:
            yield
            return
        with changed_settings("flows", heartbeat_frequency=None):
            yield

    @contextmanager
    def restore_prefects(self) -> Iterator[None]:
        """Within :meth:`replace_prefects`, give flows that start here Prefect's own heartbeats."""
        profile, settings = self._settings.profile, self._settings.settings
        with SettingsContext(profile=profile, settings=settings):
            yield

    def beat(self, flow_run: FlowRun) -> None:
        """Send a heartbeat, if one is due."""
        now = time.monotonic()
        if self._every is None or (self._last and now < self._last + max(self._every, FASTEST)):
            return
        self._last = now
        emit_event(
            event="prefect.flow-run.heartbeat",
            resource={
                "prefect.resource.id": f"prefect.flow-run.{flow_run.id}",
                "prefect.resource.name": flow_run.name or "",
                "prefect.version": prefect.__version__,
            },
        )
