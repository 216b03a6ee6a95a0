"""How the daemon is: alive, and whether any stream is later than the settings allow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from miner.errors import MinerError
from miner.ledger import COLUMNS, QUERIES, STREAMS, ticks
from miner.ledger.leases import Held, holders
from miner.ledger.ticks import Tick
from miner.ledger.watermarks import lag, watermarks
from schedules.daemon.ledgers import Ledgers
from schedules.daemon.ticking import due_at
from schedules.daemon.works import Job
from schedules.parts import Parts

SILENT_SECONDS = 120.0
"""A main loop that has not turned for so long hangs."""


@dataclass(frozen=True, slots=True)
class JobHealth:
    """How a job stands: `late` is how long it has been due, `behind` how many whole days its watermark is behind."""

    job: Job
    tick: Tick | None
    late: timedelta
    next_due: datetime
    watermark: date | None
    behind: timedelta | None
    troubles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """All jobs, and the leases held now."""

    jobs: tuple[JobHealth, ...]
    leases: tuple[Held, ...] = ()
    ledger_error: str = ""

    @property
    def troubles(self) -> list[str]:
        """Why the daemon is not ready; empty when it is."""
        told = [f"{one.job.name}: {trouble}" for one in self.jobs for trouble in one.troubles]
        return [*([self.ledger_error] if self.ledger_error else []), *told]


@dataclass(slots=True)
class Health:
    """Answers for the daemon. `monotonic` gives seconds that no change of the clock disturbs."""

    monotonic: Callable[[], float]
    parts: Parts
    ledgers: Ledgers
    jobs: Sequence[Job] = ()
    unnoted: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Why jobs of this daemon failed that the ledger could not take down."""
    started: datetime = field(init=False)
    _beat: float = field(init=False)

    def __post_init__(self) -> None:
        self._beat = self.monotonic()
        self.started = self.parts.now()

    def beat(self) -> None:
        """The main loop turned."""
        self._beat = self.monotonic()

    @property
    def alive(self) -> bool:
        """Whether the main loop turns."""
        return self.monotonic() - self._beat < SILENT_SECONDS

    def standing(self) -> Standing:
        """How all jobs stand, whichever daemon does them. A ledger out of reach is told, not raised."""
        try:
            with self.ledgers.lent(self.parts.ledger) as ledger, ledger.reading() as connection:
                known, marks = ticks.ticks(connection), watermarks(connection)
                held = tuple(holders(connection, self.parts.lease_clock))
        except MinerError as error:
            return Standing((), ledger_error=error.message)
        return Standing(tuple(self._job(job, known, marks) for job in self.jobs), held)

    def _job(self, job: Job, known: dict[tuple[str, str], Tick], marks: dict[tuple[str, str], date]) -> JobHealth:
        now, key = self.parts.now(), (job.source, job.stream)
        tick = known.get(key)
        due = due_at(job, tick, now) if tick else self.started
        late = max(now - due, timedelta())
        behind = lag(marks.get(key), now.date()) if job.stream in {*STREAMS, COLUMNS, QUERIES} else None
        allowed = self.parts.settings.daemon
        troubles = []
        if late > timedelta(hours=allowed.late_hours):
            last = self.unnoted.get(key) or (tick.note or tick.outcome if tick else "")
            why = f", last: {last}" if last else ""
            troubles.append(f"due for {_spelled(late)}, allowed are {allowed.late_hours} h{why}")
        if behind is not None and behind > timedelta(days=allowed.lag_days):
            troubles.append(f"mined whole to {marks[key]}, {behind.days} days behind, allowed are {allowed.lag_days}")
        return JobHealth(job, tick, late, max(due, now), marks.get(key), behind, tuple(troubles))


def _spelled(late: timedelta) -> str:
    return f"{late.total_seconds() / 3600:.1f} h"
