"""Goes from job to job, again and again: what the queue says of it, and the server of its run."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from logging import Logger, LoggerAdapter
from typing import Any, Protocol
from uuid import UUID

import anyio
from prefect.client.schemas.objects import FlowRun, State

from rios_flows.orchestration.queueworkers.desks import Desk
from rios_flows.orchestration.queueworkers.former import is_unfinished
from rios_flows.workers.launchers.book import Seen
from rios_flows.workers.launchers.launcher import WorkerJob

#: Time between two questions to the server (s), and to the queue; and where a job is to end.
PAUSE, LOOK, HURRY = 2.0, 10.0, 0.5

#: How long a cancelled flow run may take to end by itself, before its job is cancelled; and that,
#: before it is killed (s).
GRACE, FORCE = 5.0, 3.0

#: How long server or queue may be silent before that is worth a warning (s).
SILENCE = 60.0

#: How long the log of a job that has ended may take to appear (s).
LOG_DELAY = 5.0

#: So often in a row the server must not know a flow run, before it counts as deleted.
_MISSING = 2

#: So often in a row a queue must not know a job, before that counts as its end; and how old a job
#: must be that the queue has never known (s).
_UNKNOWN, NEWS = 2, 15.0

#: Longest wait for the server (s).
_PATIENCE = 10.0

_TAIL = 20

_GONE = Seen("ended", "no longer known to the queue")


class Server(Protocol):
    """What a worker asks of Prefect's server, and tells it."""

    async def states(self, runs: Collection[UUID]) -> dict[UUID, State[Any]]:
        """Return the states of flow runs; those that the server does not know are left out."""

    async def set_crashed(self, run: FlowRun, message: str) -> None:
        """Say of a flow run that its job has ended without a word."""

    async def set_cancelled(self, run: FlowRun, message: str) -> None:
        """Say of a flow run that it was cancelled."""

    def log(self, run: FlowRun | None) -> Logger | LoggerAdapter[Any]:
        """Return the log of a flow run, which the worker's has too; or of the worker alone."""


@dataclass
class Followed:
    """A flow run with its job."""

    run: FlowRun
    job: WorkerJob
    since: float = field(default_factory=time.monotonic)
    over: anyio.Event = field(default_factory=anyio.Event)
    state: State[Any] | None = None
    was_final: bool = False
    missing: int = 0
    was_seen: bool = False
    unknown: int = 0
    cancelling_since: float | None = None
    cancelled_at: float | None = None
    ended_at: float | None = None

    @property
    def is_urgent(self) -> bool:
        """Whether its job has ended, or is about to, as far as the server knows."""
        final = self.state is not None and self.state.is_final()
        return final or self.is_cancelling or self.is_deleted or self.unknown > 0

    @property
    def is_deleted(self) -> bool:
        """Whether the server does not know the flow run any more."""
        return self.missing >= _MISSING

    @property
    def may_be_new(self) -> bool:
        """Whether the queue may yet have to hear of its job."""
        return not self.was_seen and time.monotonic() - self.since < NEWS

    @property
    def is_cancelling(self) -> bool:
        """Whether it was cancelled; a run of ours calls itself so before it has ended."""
        state = self.state
        return state is not None and (state.is_cancelling() or state.is_cancelled())

    def should_end(self, now: float) -> bool:
        """Return whether its job is to be cancelled."""
        waits = self.job.state == "pending"
        if self.is_deleted:
            return True
        if self.state is None or not (self.state.is_final() or self.is_cancelling):
            return False
        if self.cancelling_since is None and self.is_cancelling:
            self.cancelling_since = now
        # a run that goes on ends itself, with its hooks; after a final state, there may be more
        late = self.cancelling_since is not None and now - self.cancelling_since >= GRACE
        return waits or late


class Rounds:
    """The jobs of a worker, each followed until it has ended.

    Parameters
    ----------
    desk : Desk
        The queue.
    server : Server
        Prefect's.
    """

    def __init__(self, desk: Desk[Any], server: Server) -> None:
        self._desk, self._server = desk, server
        self._followed: dict[UUID, Followed] = {}
        self._next_look = 0.0
        self._heard = {"queue": time.monotonic(), "server": time.monotonic()}
        self._hurry = anyio.Event()
        self.going = False

    def __contains__(self, run: object) -> bool:
        return run in self._followed

    async def follow(self, run: FlowRun, job: WorkerJob) -> WorkerJob:
        """Return the job when it has ended, and the server knows what became of its flow run."""
        if earlier := self._followed.get(run.id):
            # it was tried again, and has another job
            earlier.over.set()
        one = self._followed[run.id] = Followed(run, job)
        self._tell(one)
        self._next_look = 0.0
        self._hurry.set()
        try:
            await one.over.wait()
        finally:
            if self._followed.get(run.id) is one:
                del self._followed[run.id]
        return one.job

    async def go(self) -> None:
        """Go round until no job is left."""
        self.going = True
        try:
            while self._followed:
                await self._round()
                self._hurry = anyio.Event()
                hurry = any(one.is_cancelling for one in self._followed.values())
                with anyio.move_on_after(HURRY if hurry else PAUSE):
                    await self._hurry.wait()
        finally:
            self.going = False

    async def _round(self) -> None:
        async with anyio.create_task_group() as both:
            # one that is slow must not keep the other from its answer
            both.start_soon(self._ask_server)
            both.start_soon(self._ask_queue)
        for one in list(self._followed.values()):
            try:
                await self._cancel(one)
            except Exception as error:
                self._not_heard("queue", error)
            try:
                await self._settle(one)
            except Exception as error:
                self._not_heard("server", error)

    async def _ask_server(self) -> None:
        asked = list(self._followed.items())
        try:
            with anyio.fail_after(_PATIENCE):
                states = await self._server.states([run for run, _ in asked])
        except Exception as error:
            self._not_heard("server", error)
            return
        self._was_heard("server")
        for run, one in asked:
            one.missing = 0 if run in states else one.missing + 1
            one.state = states.get(run, one.state)
            one.was_final |= one.state is not None and one.state.is_final()

    async def _ask_queue(self) -> None:
        now = time.monotonic()
        everyone = now >= self._next_look
        asked = [
            one
            for one in self._followed.values()
            if one.job.state != "ended" and (everyone or one.is_urgent)
        ]
        if not asked:
            return
        try:
            seen = await anyio.to_thread.run_sync(self._desk.look, [one.job for one in asked])
        except Exception as error:
            # a full disk, too, must not end the worker
            self._not_heard("queue", error)
            return
        self._was_heard("queue")
        if everyone:
            self._next_look = now + LOOK
        for one in asked:
            self._update(one, seen.get(one.job.id))

    def _update(self, one: Followed, seen: Seen | None) -> None:
        one.unknown = 0 if seen else one.unknown + 1
        one.was_seen |= seen is not None
        if seen is None and (one.unknown < _UNKNOWN or one.may_be_new):
            return
        seen = seen or _GONE
        before = one.job
        one.job = replace(
            before, state=seen.state, reason=seen.reason, host=seen.host or before.host
        )
        if (before.state, before.reason) != (one.job.state, one.job.reason):
            self._tell(one)

    def _tell(self, one: Followed) -> None:
        job = one.job
        words = {"pending": "pends", "running": "runs", "ended": "has ended"}[job.state]
        place = f" on {job.host}" if job.host and job.state == "running" else ""
        reason = f": {job.reason}" if job.reason else ""
        self._server.log(one.run).info("Job %s %s%s%s", job.id, words, place, reason)

    async def _cancel(self, one: Followed) -> None:
        """Have a job ended whose flow run is not to go on; with more force if that is in vain."""
        now = time.monotonic()
        if one.job.state == "ended" or not one.should_end(now):
            return
        if one.cancelled_at is None:
            why = ", since its flow run was deleted" if one.is_deleted else ""
            self._server.log(one.run).info("Cancelling job %s%s", one.job.id, why)
            await anyio.to_thread.run_sync(self._desk.cancel, one.job.id)
            one.cancelled_at = now
        elif now - one.cancelled_at >= FORCE:
            # a node that is down may take long: not each half second
            one.cancelled_at = now + FORCE
            await anyio.to_thread.run_sync(self._desk.kill, one.job.id)

    async def _settle(self, one: Followed) -> None:
        """Have the server know what became of a flow run whose job has ended."""
        job, now = one.job, time.monotonic()
        if job.state != "ended":
            return
        one.ended_at = one.ended_at or now
        if job.log is not None and not job.log.exists() and now - one.ended_at < LOG_DELAY:
            return
        state = (await self._server.states([one.run.id])).get(one.run.id)
        await self._conclude(one, state)
        kept = state is None or not state.is_completed()
        # also if its files cannot be removed
        one.over.set()
        await anyio.to_thread.run_sync(self._desk.forget, one.run.id, job, kept)

    async def _conclude(self, one: Followed, state: State[Any] | None) -> None:
        if state is None:
            # it was deleted
            return
        if one.was_final and is_unfinished(state):
            # it was tried again meanwhile, and gets another job
            return
        if state.is_cancelling() or (state.is_crashed() and one.cancelling_since is not None):
            await self._server.set_cancelled(one.run, f"Job {one.job.id} was cancelled.")
        elif state.is_crashed() or is_unfinished(state):
            log = await anyio.to_thread.run_sync(self._desk.log_end, one.job)
            where = f" ({one.job.log})" if one.job.log else ""
            if log:
                text = "The log of job %s%s ends:\n%s"
                self._server.log(one.run).error(text, one.job.id, where, log)
            if is_unfinished(state):
                await self._server.set_crashed(one.run, message(one.job, log))

    def _was_heard(self, who: str) -> None:
        self._heard[who] = time.monotonic()

    def _not_heard(self, who: str, error: Exception) -> None:
        log = self._server.log(None)
        log.debug("%s", error)
        silent = time.monotonic() - self._heard[who]
        if silent >= SILENCE:
            self._was_heard(who)
            log.warning(
                "The %s has given no answer for %d s; jobs go on: %s", who, round(silent), error
            )


def message(job: WorkerJob, log: str) -> str:
    """Say why a flow run has crashed."""
    end = "\n".join(log.splitlines()[-_TAIL:])
    reason = job.reason or "the queue gives no reason"
    return f"{job.title} ended without a word: {reason}" + (
        f"\nIts log ends:\n{end}" if end else ""
    )
