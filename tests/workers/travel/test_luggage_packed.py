"""What is packed for a worker, unpacked in the same process; and what is left of it there."""

from __future__ import annotations

import functools
import gc
import pickle
import threading
import time
import weakref
from typing import Any

import cloudpickle
import pytest

from rios_flows.structures import OtherInputs
from rios_flows.workers.travel import luggage
from tests.support.luggage import work_of


def ask(info: Any, inputs: Any, outputs: Any, other: Any) -> Any:
    return other


class Mine:
    """A class of this module."""


def test_a_worker_in_the_same_process_shares_the_classes() -> None:
    other = {"mine": Mine(), "call": lambda: Mine}
    work = luggage.unpack(luggage.pack(work_of(ask, other)))
    assert type(work.other_args["mine"]) is Mine
    assert work.other_args["call"] is other["call"]
    assert work._function is ask


@pytest.mark.parametrize("state", [None, 3, "text", [1, {2: None}], functools.partial(max, 3)])
def test_small_states(state: Any) -> None:
    back = luggage.unpack_state(luggage.pack_state(state))
    assert back == state or (back.func, back.args) == (max, (3,))


def test_the_registry_is_as_before() -> None:
    cloudpickle.register_pickle_by_value(luggage)
    try:
        before = set(cloudpickle.list_registry_pickle_by_value())
        threads = [
            threading.Thread(target=luggage.pack, args=(work_of(ask, OtherInputs()),))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(cloudpickle.list_registry_pickle_by_value()) == before
    finally:
        cloudpickle.unregister_pickle_by_value(luggage)


def packed_and_dropped() -> tuple[weakref.ref[type], weakref.ref[Any]]:
    class Big:
        pass

    def function(*_: object) -> type:
        return Big

    luggage.pack(work_of(function, Big()))
    return weakref.ref(Big), weakref.ref(function)


def test_what_is_sent_is_not_kept() -> None:
    gone = packed_and_dropped()
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


@pytest.mark.alone
def test_a_state_is_quick_to_pack() -> None:
    state = OtherInputs()
    state.total, state.names = 3.5, ["a", "b"]
    luggage.pack_state(state)
    start = time.perf_counter()
    for _ in range(200):
        luggage.pack_state(None)
    assert time.perf_counter() - start < 0.1
    assert len(luggage.pack_state(None)) == len(pickle.dumps(None, protocol=5))
