"""What is said again of flow runs that show no more signs of life."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from rios_flows.orchestration import farewells, life
from rios_flows.orchestration.farewells import Farewells
from rios_flows.orchestration.life import SignsOfLife
from tests.orchestration.served import eventually

FIRST, SECOND = uuid4(), uuid4()


@pytest.fixture
def said() -> list[UUID]:
    return []


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Farewells]:
    """Say it again much sooner."""
    monkeypatch.setattr(farewells, "AGAIN", (0.05, 0.2))
    yield (made := Farewells())
    # nothing stays when all is said
    eventually(lambda: thread_of(made) is None)


def thread_of(some: Farewells) -> Thread | None:
    return some._thread


def test_it_is_said_again(own: Farewells, said: list[UUID]) -> None:
    own.begin([FIRST, SECOND])
    own.end([FIRST, SECOND], said.append)
    eventually(lambda: len(said) == 4)
    assert said.count(FIRST) == said.count(SECOND) == 2
    # a thread that has gone comes again
    eventually(lambda: thread_of(own) is None)
    own.end([FIRST], said.append)
    eventually(lambda: len(said) == 6)


def test_not_of_runs_that_show_signs_again(own: Farewells, said: list[UUID]) -> None:
    own.begin([FIRST, SECOND])
    own.begin([FIRST])
    own.end([FIRST, SECOND], said.append)
    eventually(lambda: thread_of(own) is None)
    assert said == [SECOND, SECOND]
    own.end([FIRST], said.append)
    eventually(lambda: said.count(FIRST) == 2)


def test_it_can_be_forgotten(said: list[UUID]) -> None:
    own = Farewells()
    own.end([FIRST], said.append)
    assert thread_of(own) is not None
    own.forget()
    eventually(lambda: thread_of(own) is None)
    assert not said


def test_an_error_does_not_end_it(own: Farewells, said: list[UUID]) -> None:
    def fail(run: UUID) -> None:
        said.append(run)
        raise RuntimeError("the server has gone")

    own.end([FIRST], fail)
    eventually(lambda: len(said) == 2)


def test_it_goes_to_the_same_server(own: Farewells) -> None:
    urls = []
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        own.end([FIRST], lambda _: urls.append(PREFECT_API_URL.value()))
    eventually(lambda: len(urls) == 2)
    assert set(urls) == {"http://127.0.0.1:9/api"}


def test_of_runs_around_only(own: Farewells, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []

    def emit(event: str, resource: dict[str, str], *_: object, **__: object) -> None:
        told.append((event, resource["prefect.resource.name"]))

    monkeypatch.setattr(life, "FAREWELLS", own)
    monkeypatch.setattr(life, "emit_event", emit)
    runs = [FlowRun(id=uuid4(), flow_id=uuid4(), name=name) for name in ("own", "around")]
    signs = SignsOfLife(runs)
    signs.end()
    assert not told
    signs.show()
    signs.end()
    # the state of the run itself tells of its end, too
    eventually(lambda: told.count((life.LEFT, "around")) == 3)
    assert told.count((life.LEFT, "own")) == 1
    # one of two runs within the flow run goes on
    goes_on, ends = SignsOfLife(runs), SignsOfLife(runs)
    goes_on.show()
    ends.show()
    ends.end()
    eventually(lambda: thread_of(own) is None)
    assert told.count((life.LEFT, "around")) == 4
    goes_on.end()
    eventually(lambda: told.count((life.LEFT, "around")) == 7)
