"""Objects that are known by a key in several processes."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from rios_flows import rioserrors
from rios_flows.workers.travel import identities


class Thing:
    """Something that weak references can be made of."""


@pytest.fixture
def worker() -> Iterator[str]:
    """Let this process work for another; gives the token of that one."""
    assert identities.work_for("another")
    yield "another"
    assert not identities.work_for(identities.own_token())


def test_an_object_keeps_its_key() -> None:
    one, other = Thing(), Thing()
    assert identities.key_of(one) == identities.key_of(one) != identities.key_of(other)
    assert identities.known(identities.key_of(one)) is one


def test_what_is_gone_is_not_kept_and_said() -> None:
    thing = Thing()
    key = identities.key_of(thing)
    del thing
    gc.collect()
    with pytest.raises(rioserrors.UnavailableError, match="keep a reference to it"):
        identities.known(key)


def test_an_object_that_is_here_is_not_made_again() -> None:
    thing = Thing()
    assert identities.arrive(identities.key_of(thing), Thing, ()) is thing


def test_only_what_was_made_here_gets_its_state() -> None:
    def give(thing: object, state: int) -> None:
        given.append((thing, state))

    given: list[tuple[object, int]] = []
    made = identities.arrive("another-1", Thing, ())
    identities.furnish(made, (give, 1))
    again = identities.arrive("another-1", Thing, ())
    identities.furnish(again, (give, 2))
    assert again is made
    assert given == [(made, 1)]


def test_at_home_nothing_came_from_home() -> None:
    thing = Thing()
    identities.key_of(thing)
    assert not identities.is_worker()
    assert identities.key_at_home(thing) is None


def test_a_worker_knows_what_came_from_home(worker: str) -> None:
    own, homes = Thing(), identities.arrive(f"{worker}-7", Thing, ())
    identities.key_of(own)
    assert identities.is_worker()
    assert identities.key_at_home(homes) == "another-7"
    assert identities.key_at_home(own) is None
    assert identities.key_at_home(Thing()) is None
