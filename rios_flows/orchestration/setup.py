"""What a Prefect server should have for rios_flows: made where it is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import (
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
    WorkPoolCreate,
)
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound
from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type

from rios_flows.orchestration.automations import LANE_CRASHES, crash_automation, lane_automation
from rios_flows.orchestration.limits import limit_names
from rios_flows.orchestration.webhook import (
    EVENTS,
    is_same,
    keep_webhook,
    text_of,
    wanted_webhook,
    webhook_there,
)
from rios_flows.reports.amounts import counted
from rios_flows.rioserrors import ParameterError

#: Slots of limits that are made, where nothing is said: enough for a few runs of some lanes.
DEFAULT_SLOTS = {"read": 16, "compute": 64, "write": 8}

State = Literal["created", "there", "differs", "changed", "missing", "left out"]


@dataclass(frozen=True)
class Wanted:
    """What is to be there.

    Parameters
    ----------
    pool : str
        Name of the work pool; empty for none.
    pool_type : str
        Type of the work pool.
    slots : dict
        Slots of the limit of each kind of lane, None where any number will do; kinds that are left
        out get no limit.
    automation : bool
        Whether runs whose process has died are to be marked as crashed.
    server_url : str
        The URL by which the server reaches its own API; empty if the task runs of such runs are to
        be left.
    takes_events : bool
        Whether the server takes events from its own automations.
    """

    pool: str
    pool_type: str
    slots: dict[str, int | None]
    automation: bool = True
    server_url: str = ""
    takes_events: bool = True


class Part(NamedTuple):
    """One thing that a server should have, and how it is."""

    what: str
    name: str
    state: State
    found: str


class _Look(NamedTuple):
    """What was found of one thing, and how to make or change it."""

    what: str
    name: str
    wanted: str
    found: str | None
    make: Callable[[], object]
    change: Callable[[], object] | None = None

    def settle(self, update: bool, dry_run: bool) -> Part:
        """Make or change it, and say how it is then."""
        if self.found == self.wanted:
            return Part(self.what, self.name, "there", self.wanted)
        if self.found is None:
            if dry_run:
                return Part(self.what, self.name, "missing", self.wanted)
            self.make()
            return Part(self.what, self.name, "created", self.wanted)
        told = f"{self.found}, not {self.wanted}"
        if self.change is None or not update or dry_run:
            return Part(self.what, self.name, "differs", told)
        self.change()
        return Part(self.what, self.name, "changed", f"{self.wanted}, no more {self.found}")


def set_up(wanted: Wanted, update: bool = False, dry_run: bool = False) -> Iterator[Part]:
    """Make what is missing on the server that Prefect's settings name.

    Parameters
    ----------
    wanted : Wanted
        What is to be there.
    update : bool
        Change what is otherwise, too; the type of a work pool cannot be changed.
    dry_run : bool
        Only look.

    Yields
    ------
    Part
        What was made, was there, or differs.
    """
    names = limit_names()
    with get_client({"timeout": 30.0}, sync_client=True) as client:
        for look in _looks(client, wanted, names):
            yield look.settle(update, dry_run)
    if wanted.automation and wanted.server_url and not wanted.takes_events:
        why = "the server has CSRF protection, and takes no events from its automations"
        yield Part("automation", LANE_CRASHES, "left out", why)


def _looks(client: SyncPrefectClient, wanted: Wanted, names: dict[str, str]) -> Iterator[_Look]:
    if wanted.pool:
        yield _pool(client, wanted.pool, wanted.pool_type)
    for kind, slots in wanted.slots.items():
        if names[kind]:
            yield _limit(client, names[kind], slots, DEFAULT_SLOTS[kind])
    if wanted.automation:
        yield _automation(client, crash_automation())
    if wanted.automation and wanted.server_url and wanted.takes_events:
        yield _webhook(wanted.server_url)
        # it names the block, which may have been made just now
        there = webhook_there()
        block = there._block_document_id if there is not None else None
        yield _automation(client, lane_automation(block or UUID(int=0)))


def _pool(client: SyncPrefectClient, name: str, kind: str) -> _Look:
    try:
        found = f"type {client.read_work_pool(name).type}"
    except ObjectNotFound:
        found = None

    def make() -> None:
        template = asyncio.run(get_default_base_job_template_for_infrastructure_type(kind))
        if template is None:
            raise ParameterError(
                f"Work pool type {kind!r} is not known here: take one of those that `prefect "
                "work-pool create` offers, and install what it needs"
            )
        client.create_work_pool(WorkPoolCreate(name=name, type=kind, base_job_template=template))

    return _Look("work pool", name, f"type {kind}", found, make)


def _limit(client: SyncPrefectClient, name: str, slots: int | None, default: int) -> _Look:
    try:
        there = client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        there = None
    found = None if there is None else _slots(there.limit, there.active)
    # an operator may have changed it, or have switched it off for a while
    wanted = _slots(default if slots is None else slots, True)
    if slots is None and found is not None:
        wanted = found

    def make() -> None:
        limit = GlobalConcurrencyLimitCreate(name=name, limit=default if slots is None else slots)
        client.create_global_concurrency_limit(limit)

    def change() -> None:
        update = GlobalConcurrencyLimitUpdate(limit=slots, active=True)
        client.update_global_concurrency_limit(name, update)

    return _Look("concurrency limit", name, wanted, found, make, change)


def _slots(limit: int, active: bool) -> str:
    return f"{counted(limit, 'slot')}{'' if active else ', switched off'}"


def _webhook(url: str) -> _Look:
    wanted, there = wanted_webhook(url), webhook_there()
    found = None if there is None else text_of(there)
    if there is not None and not is_same(there, wanted) and found == text_of(wanted):
        found = f"{found} with other credentials, or another check of certificates"

    def keep() -> None:
        keep_webhook(wanted)

    return _Look("webhook block", EVENTS, text_of(wanted), found, keep, keep)


def _automation(client: SyncPrefectClient, asked: AutomationCore) -> _Look:
    # with every field set: the client sends no others when it changes something
    words = asked.model_dump(mode="json", exclude={"owner_resource"})
    wanted = AutomationCore.model_validate(words)
    there = client.read_automations_by_name(wanted.name)
    wanted_text = _automation_text(wanted)
    found = _automation_text(there[0]) if there else None
    if found is not None and _definition(there[0]) != _definition(wanted):
        found = f"another definition, {found}"
    return _Look(
        "automation",
        wanted.name,
        wanted_text,
        found,
        lambda: client.create_automation(wanted),
        lambda: client.update_automation(there[0].id, wanted),
    )


def _automation_text(automation: Any) -> str:
    seconds = automation.trigger.within.total_seconds()
    return f"after {seconds:g} s{'' if automation.enabled else ', switched off'}"


def _definition(automation: Any) -> Any:
    """Return what an automation does and when, without what servers add."""
    words = automation.model_dump(mode="json", include={"trigger", "actions"})
    words["trigger"].pop("id", None)
    for names in ("after", "expect", "for_each"):
        words["trigger"][names] = sorted(words["trigger"].get(names) or ())
    return words
