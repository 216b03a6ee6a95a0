"""A tick: a job whose schedule came round is done once, whoever of several daemons comes first."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from miner.errors import HeldError, MinerError
from miner.ledger import Ledger, ticks
from miner.ledger.leases import SECONDS, Fenced
from miner.ledger.ticks import Tick
from schedules.daemon.ledgers import Ledgers
from schedules.daemon.works import Cancel, Job, Worked, work
from schedules.parts import Parts

log = structlog.get_logger()

SERVED = "done"
FAILED = "failed"
HELD = "held"
STOPPED = "interrupted"
NOT_DUE = "not due"

_LONGEST_RETRY = timedelta(minutes=30)
_AHEAD = timedelta(minutes=10)
"""How far the clocks of two hosts may differ: what is served further ahead was noted by a clock that was wrong."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """What became of a tick; `again` is how soon to look again where the schedule alone would be too late."""

    job: Job
    outcome: str
    worked: Worked | None = None
    error: str = ""
    again: timedelta | None = None


def due_at(job: Job, tick: Tick | None, now: datetime) -> datetime:
    """When a job is or was due: at once when it never went well or was noted by a clock that ran ahead."""
    if tick is None or tick.served > now + _AHEAD:
        return now
    return tick.served if tick.done is None else job.timing.after(tick.served)


@dataclass(slots=True)
class Ticker:
    """Does ticks for one daemon. What is being read can be cancelled from any thread."""

    parts: Parts
    tell: Callable[[Ticked], None]
    ledgers: Ledgers = field(default_factory=Ledgers)
    stopping: threading.Event = field(default_factory=threading.Event)
    unnoted: dict[tuple[str, str], str] = field(default_factory=dict)
    """Why jobs failed whose failure the ledger could not take down, by source and stream."""
    _working: dict[tuple[str, str], Cancel] = field(default_factory=dict)

    @property
    def working(self) -> list[tuple[str, str]]:
        """The jobs at work, by source and stream."""
        return list(self._working)

    def cancel(self) -> None:
        """Cancel what all jobs read."""
        for cancel in list(self._working.values()):
            cancel()

    def tick(self, job: Job) -> Ticked:
        """Do a job if it is due and nobody else is at it. What failed is told and kept, not raised."""
        key = (job.source, job.stream)
        self._working[key] = lambda: None
        try:
            with structlog.contextvars.bound_contextvars(job=job.name):
                ticked = self._tick(job, lambda cancel: self._working.__setitem__(key, cancel))
        finally:
            del self._working[key]
        self.tell(ticked)
        return ticked

    def _tick(self, job: Job, cancellable: Callable[[Cancel], None]) -> Ticked:
        now = self.parts.now()
        try:
            with self.ledgers.lent(self.parts.ledger) as ledger:
                if due_at(job, _known(ledger, job), now) > now:
                    return Ticked(job, NOT_DUE)
                leases = self.parts.leases(ledger, "none")
                with leases.holding(job.source, f"{job.stream} schedule") as lease:
                    before = _known(ledger, job)
                    if due_at(job, before, now) > now:
                        return Ticked(job, NOT_DUE)
                    ticked = self._work(job, ledger, before, now, cancellable)
                    ticks.keep(Fenced(ledger, lease), _after(job, before, ticked, now))
                    self.unnoted.pop((job.source, job.stream), None)
                    return ticked
        except HeldError as error:
            # Whoever is at it may die: look again once its lease must have ended.
            log.info("job.held", error=error.message)
            return Ticked(job, HELD, error=error.message, again=timedelta(seconds=SECONDS))
        except MinerError as error:
            log.error("job.failed", error=error.message, mend=error.mend)  # noqa: TRY400
            self.unnoted[job.source, job.stream] = error.message
            return Ticked(job, FAILED, error=error.message, again=timedelta(minutes=1))

    def _work(
        self, job: Job, ledger: Ledger, before: Tick | None, now: datetime, cancellable: Callable[[Cancel], None]
    ) -> Ticked:
        try:
            worked = work(self.parts, job, ledger, self.stopping.is_set, cancellable)
        except HeldError:
            raise
        except MinerError as error:
            log.error("job.failed", error=error.message, mend=error.mend)  # noqa: TRY400
            return Ticked(job, FAILED, error=error.message, again=_retry(before))
        if worked.outcome.stopped or self.stopping.is_set():
            return Ticked(job, STOPPED, worked)
        if worked.error:
            return Ticked(job, FAILED, worked, worked.error.message, _retry(before))
        if worked.held:
            return Ticked(job, HELD, worked, worked.held, timedelta(seconds=SECONDS))
        log.info("job.done", seconds=round((self.parts.now() - now).total_seconds(), 3))
        return Ticked(job, SERVED, worked)


def _known(ledger: Ledger, job: Job) -> Tick | None:
    with ledger.reading() as connection:
        return ticks.ticks(connection).get((job.source, job.stream))


def _after(job: Job, before: Tick | None, ticked: Ticked, now: datetime) -> Tick:
    """How a job stands after a tick: served up to its start when it went well, else as far as before."""
    if ticked.outcome == SERVED:
        return Tick(job.source, job.stream, now, now, 0, SERVED)
    sound = before if before and before.served <= now + _AHEAD else None
    known = sound or Tick(job.source, job.stream, now, None, 0, ticked.outcome)
    failures = known.failures + (ticked.outcome == FAILED)
    return replace(known, failures=failures, outcome=ticked.outcome, note=ticked.error)


def _retry(before: Tick | None) -> timedelta:
    """A minute after the first failure, then twice as long after each, half an hour at most."""
    return min(timedelta(minutes=2 ** min(before.failures if before else 0, 10)), _LONGEST_RETRY)
