"""Which lanes may begin with which slots: against a server that is a dictionary."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator, Sequence
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from rios_flows.basics.timing import Timers
from rios_flows.orchestration import slots as module
from rios_flows.orchestration.leases import Leases
from rios_flows.orchestration.limits import Free, Limits, Share, limit_names, shares_of
from rios_flows.orchestration.slots import TIMER, Slots
from rios_flows.rioserrors import ParameterError
from rios_flows.structures import CW_SUBPROC, CW_THREADS, ConcurrencyStyle
from tests.orchestration.served import eventually

LOG = logging.getLogger("tests.slots")
ONE_OF_EACH = [
    Share(("r",), ("read-0", "read-1")),
    Share(("c",), ("compute-0", "compute-1")),
    Share(("w",), ("write",)),
]


class FakeLimits:
    """Slots of limits by name."""

    def __init__(self, **slots: int) -> None:
        self.slots, self.left = dict(slots), dict(slots)
        self.leases: dict[UUID, tuple[tuple[str, ...], int]] = {}
        self.calls: list[str] = []
        self.renewed: set[UUID] = set()
        self.broken = False
        self.mutex = threading.RLock()

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.broken:
            raise ConnectionError("no server")

    def free(self, names: Collection[str]) -> dict[str, Free]:
        with self.mutex:
            self._called("free")
            return {
                name: Free(self.left[name], self.slots[name]) for name in names & self.left.keys()
            }

    def take(self, names: Sequence[str], slots: int) -> UUID | None:
        with self.mutex:
            self._called("take")
            if any(self.left[name] < slots for name in names):
                return None
            self._add(names, -slots)
            lease = uuid4()
            self.leases[lease] = tuple(names), slots
            return lease

    def renew(self, lease: UUID) -> bool:
        with self.mutex:
            self._called("renew")
            self.renewed.add(lease)
            return lease in self.leases

    def give_back(self, lease: UUID) -> None:
        with self.mutex:
            self._called("give_back")
            names, slots = self.leases.pop(lease)
            self._add(names, slots)

    def _add(self, names: Sequence[str], slots: int) -> None:
        for name in names:
            self.left[name] += slots

    def held(self) -> dict[str, int]:
        with self.mutex:
            return {name: self.slots[name] - self.left[name] for name in self.slots}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLL", "RENEW"):
        monkeypatch.setattr(module, name, 0.02)


@pytest.fixture
def opened() -> Iterator[Any]:
    made: list[Slots] = []

    def make(limits: FakeLimits, shares: Sequence[Share] = tuple(ONE_OF_EACH)) -> Slots:
        made.append(Slots(cast(Limits, limits), shares, LOG))
        return made[-1]

    yield make
    for slots in made:
        slots.close()


def first(slots: Slots, limits: FakeLimits, beat: Any = lambda: None) -> None:
    names = set(limits.slots)
    slots.wait_for_first(FakeLimits.free(limits, names), beat)


def test_all_lanes_begin_where_all_is_free(opened: Any) -> None:
    limits = FakeLimits(r=5, c=2, w=1)
    slots = opened(limits)
    first(slots, limits)
    assert slots.granted == ["read-0", "read-1", "compute-0", "compute-1", "write"]
    assert limits.held() == {"r": 2, "c": 2, "w": 1}
    assert limits.calls[:4] == ["free", "take", "take", "take"]
    timings = Timers()
    slots.record(timings)
    assert timings.getDurationsForName(TIMER) is None


def test_only_limits_that_exist_are_asked(opened: Any) -> None:
    limits = FakeLimits(c=4)
    slots = opened(limits)
    first(slots, limits)
    assert len(slots.granted) == 5
    assert limits.held() == {"c": 2}
    assert limits.calls.count("take") == 1


def test_nothing_is_taken_before_an_earlier_kind(opened: Any) -> None:
    limits = FakeLimits(r=2, c=2, w=2)
    limits.left.update(r=0, w=1)
    seen = []

    def beat() -> None:
        seen.append(limits.held())
        if len(seen) == 3:
            limits.left["r"] += 2

    slots = opened(limits)
    first(slots, limits, beat)
    # those of others only
    assert seen == [{"r": 2, "c": 0, "w": 1}] * 3
    timings = Timers()
    slots.record(timings)
    assert len(timings.getDurationsForName(TIMER) or []) >= 3


def test_while_it_waits_a_run_has_one_of_each_earlier_kind(opened: Any) -> None:
    limits = FakeLimits(r=4, c=2, w=1)
    limits.left["w"] = 0
    seen = []

    def beat() -> None:
        seen.append(limits.held())
        limits.left["w"] = 1

    slots = opened(limits)
    first(slots, limits, beat)
    assert seen == [{"r": 1, "c": 1, "w": 1}]
    assert {"read-0", "compute-0", "write"} <= set(slots.granted)
    # and what is free afterwards goes to the others
    eventually(lambda: len(slots.granted) == 5, 5)
    assert limits.held() == {"r": 2, "c": 2, "w": 1}


def test_lanes_without_a_slot_begin_later(opened: Any, caplog: pytest.LogCaptureFixture) -> None:
    limits = FakeLimits(r=2, c=1, w=1)
    limits.left["r"] = 1
    slots = opened(limits)
    with caplog.at_level(logging.INFO):
        first(slots, limits)
    assert slots.granted == ["read-0", "compute-0", "write"]
    assert "read-1 begins when there is a slot of r" in caplog.text
    told: list[str] = []
    slots.tell_of_more(told.extend)
    assert told == ["read-0", "compute-0", "write"]
    limits.left["r"] += 1
    eventually(lambda: told[3:] == ["read-1"], 5)
    slots.lane_ended("read-0")
    eventually(lambda: limits.held()["r"] == 1, 5)
    slots.close()
    # of which there was one too many, compute-1 never began
    assert "compute-1" not in told
    assert set(limits.held().values()) == {0}


def test_slots_are_kept_and_asked_for_again(opened: Any, caplog: pytest.LogCaptureFixture) -> None:
    limits = FakeLimits(r=2, c=2, w=2)
    slots = opened(limits)
    first(slots, limits)
    leases = set(limits.leases)
    eventually(lambda: limits.renewed >= leases, 5)
    # as a server does that was away for too long
    with limits.mutex:
        for lease in leases:
            limits._add(*limits.leases.pop(lease))
    eventually(lambda: limits.held() == {"r": 2, "c": 2, "w": 1}, 5)
    assert "Lost 2 slots of r" in caplog.text
    assert not leases & set(limits.leases)


def test_a_server_that_goes_away_stops_nothing(
    opened: Any, caplog: pytest.LogCaptureFixture
) -> None:
    limits = FakeLimits(r=2, c=2, w=2)
    limits.left["r"] = 0

    def beat() -> None:
        # it is away for a while
        limits.broken = not limits.broken
        limits.left["r"] = 2

    slots = opened(limits)
    first(slots, limits, beat)
    assert "read-0" in slots.granted
    limits.broken = True
    limits.calls.clear()
    eventually(lambda: "renew" in limits.calls, 5)
    slots.close()
    assert caplog.text.count("the server does not answer") == 1


def test_a_limit_that_is_taken_away_holds_nobody(opened: Any) -> None:
    limits = FakeLimits(r=2, c=2, w=2)
    limits.left["r"] = 0
    slots = opened(limits)
    first(slots, limits, lambda: limits.left.pop("r", None))
    assert set(slots.granted) >= {"read-0", "read-1"}


def test_a_lease_ends_with_its_last_lane() -> None:
    limits = FakeLimits(r=2)
    leases = Leases(cast(Limits, limits), LOG)
    assert leases.take(("r",), ["a", "b"])
    assert not leases.take(("r",), ["c"])
    leases.lane_ended("a")
    leases.give_back()
    assert limits.held() == {"r": 2}
    leases.lane_ended("b")
    leases.give_back()
    assert limits.held() == {"r": 0}


NAMES = {"read": "r", "compute": "c", "write": "w"}


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (ConcurrencyStyle(), [(("r", "c", "w"), ("apply",))]),
        (
            ConcurrencyStyle(2),
            [(("r",), ("read-0", "read-1")), (("c", "w"), ("compute-write",))],
        ),
        (
            ConcurrencyStyle(1, 1, CW_THREADS),
            [(("r",), ("read-0",)), (("c",), ("compute-0",)), (("w",), ("write",))],
        ),
        (
            ConcurrencyStyle(0, 2, CW_SUBPROC, computeWorkersRead=True),
            [(("r", "c"), ("compute-0", "compute-1")), (("w",), ("write",))],
        ),
        (
            ConcurrencyStyle(
                computeWorkerKind=CW_SUBPROC,
                computeWorkersRead=True,
                singleBlockComputeWorkers=True,
                computeWorkerExtraParams={"maxJobs": 3},
            ),
            [(("r", "c"), ("compute-0", "compute-1", "compute-2")), (("w",), ("write",))],
        ),
    ],
)  # fmt: skip
def test_what_a_lane_takes(style: ConcurrencyStyle, expected: Any) -> None:
    assert shares_of(style, NAMES) == expected
    without = shares_of(style, {**NAMES, "compute": ""})
    assert [share.lanes for share in without] == [lanes for _, lanes in expected]
    assert "c" not in {name for share in without for name in share.limits}


def test_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limit_names() == {"read": "rios-read", "compute": "rios-compute", "write": "rios-write"}
    monkeypatch.setenv("RIOS_FLOWS_READ_LIMIT", "tape")
    monkeypatch.setenv("RIOS_FLOWS_WRITE_LIMIT", "")
    assert limit_names() == {"read": "tape", "compute": "rios-compute", "write": ""}
    monkeypatch.setenv("RIOS_FLOWS_COMPUTE_LIMIT", "tape")
    with pytest.raises(ParameterError, match=r"RIOS_FLOWS_READ_LIMIT='tape' .*of their own"):
        limit_names()
