"""Prefect's global concurrency limits: which of them a run's lanes count for, and what is free."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import ConcurrencyLeaseHolder

from rios_flows.controls.concurrency import ConcurrencyStyle
from rios_flows.rioserrors import ParameterError
from rios_flows.runs.run import compute_lanes, lane_names, read_lanes

KINDS = ("read", "compute", "write")

#: How long slots stay taken after the last sign of life (s); Prefect's shortest.
LEASE = 60.0

_PAGE = 200
#: What the server answers where slots are not free, or more are asked for than the limit has.
_DENIED = (423, 422)
_GONE = 410


def limit_names() -> dict[str, str]:
    """Return the name of the limit of each kind of lane; the environment may change it.

    Raises
    ------
    ParameterError
        If two kinds have the same limit: a run would wait for what it has itself.
    """
    names = {kind: os.environ.get(variable_of(kind), f"rios-{kind}") for kind in KINDS}
    used = [name for name in names.values() if name]
    for kind, name in names.items():
        if used.count(name) > 1:
            raise ParameterError(
                f"{variable_of(kind)}={name!r} names the limit of another kind of lane, too: "
                "lanes that read, compute and write need limits of their own; name another, or "
                "set the variable to nothing for no limit"
            )
    return names


def variable_of(kind: str) -> str:
    """Return the environment variable that names the limit of a kind of lane."""
    return f"RIOS_FLOWS_{kind.upper()}_LIMIT"


class Share(NamedTuple):
    """Lanes of a run that each take a slot of the same limits."""

    limits: tuple[str, ...]
    lanes: tuple[str, ...]


def shares_of(style: ConcurrencyStyle, names: dict[str, str]) -> list[Share]:
    """Return which lanes take slots of which limits, in the order in which they are taken."""
    readers, computing, last = read_lanes(style), compute_lanes(style), lane_names(style)[-1:]
    wanted: list[tuple[tuple[str, ...], tuple[str, ...]]] = [(("read",), readers)]
    if computing:
        # a worker that reads for itself counts as one that reads
        wanted += [(("read", "compute") if style.workers_read else ("compute",), computing)]
        wanted += [(("write",), last)]
    else:
        wanted += [(("compute", "write") if readers else KINDS, last)]
    return [
        Share(tuple(names[kind] for kind in kinds if names.get(kind)), lanes)
        for kinds, lanes in wanted
        if lanes
    ]


class Free(NamedTuple):
    """How many slots of a limit are free, and how many there are."""

    free: int
    slots: int


class Limits:
    """The limits of a server, and the slots that one flow run has of them."""

    def __init__(self, client: SyncPrefectClient, flow_run_id: UUID) -> None:
        self._client = client
        self._holder = ConcurrencyLeaseHolder(type="flow_run", id=flow_run_id)

    def free(self, names: Collection[str]) -> dict[str, Free]:
        """Return what is free, of those of the named limits that exist and are active."""
        found: dict[str, Free] = {}
        offset = 0
        while len(found) < len(names):
            # most servers have one page of limits, of all kinds
            page = self._client.read_global_concurrency_limits(_PAGE, offset)
            for limit in page:
                if limit.name in names and limit.active:
                    found[limit.name] = Free(max(0, limit.limit - limit.active_slots), limit.limit)
            if len(page) < _PAGE:
                break
            offset += _PAGE
        return found

    def take(self, names: Sequence[str], slots: int) -> UUID | None:
        """Take so many slots of each of these limits; None if they are not all free."""
        try:
            answer = self._client.increment_concurrency_slots_with_lease(
                list(names), slots, "concurrency", LEASE, self._holder
            )
        except httpx.HTTPStatusError as error:
            if error.response.status_code in _DENIED:
                return None
            raise
        return UUID(answer.json()["lease_id"])

    def renew(self, lease: UUID) -> bool:
        """Keep slots for as long again; return whether they had not been lost."""
        try:
            self._client.renew_concurrency_lease(lease, LEASE)
        except httpx.HTTPStatusError as error:
            if error.response.status_code == _GONE:
                return False
            raise
        return True

    def give_back(self, lease: UUID) -> None:
        """Give slots back."""
        self._client.release_concurrency_slots_with_lease(lease)
