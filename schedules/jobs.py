"""What the miner can be asked to do, each from settings to a value: run, plan, report, status, dump, sample.

Nothing is printed here. Every job raises MinerError.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import structlog

from miner import emission, mining
from miner.changes import Changes
from miner.errors import MinerError, SettingsError
from miner.ledger import Ledger
from miner.pipeline import Outcome, Run
from miner.ports import QUERY_HISTORY
from queries.sample import EstateSummary, write_estate
from queries.sample.writer import Progress
from schedules.balance import Balance, balance_of
from schedules.ledger_jobs import prune_ledger
from schedules.parts import NO_LEAVE, Leave, Parts
from schedules.standing import Standing, standing
from schedules.unexpected import warnings_of
from sinks.placement import refused

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Watches:
    """Who is told how far a job is: by day of an estate that is written, by day mined, by entity emitted."""

    estate: Progress | None = None
    mined: mining.Watch | None = None
    emitted: emission.Watch | None = None


NOBODY = Watches()


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run did; `warnings` say what the operator would not expect, `remarks` what was assumed."""

    outcome: Outcome
    balance: Balance
    warnings: tuple[str, ...]
    remarks: tuple[str, ...]


def run(  # noqa: PLR0913 (one keyword for each option of the command)
    parts: Parts,
    *,
    sources: Sequence[str] = (),
    emit: bool = True,
    leave: Leave = NO_LEAVE,
    max_removals: int | None = None,
    max_minutes: float | None = None,
    watches: Watches = NOBODY,
    command: str = "run",
    wait: bool = False,
) -> Ran:
    """Mine what is due from the sources named (all when none is), then emit what changed, for so many minutes at most.

    What another process is at work on is left to it, unless it is to be waited for.
    """
    parts.chosen(sources)
    with (
        parts.ledger() as ledger,
        parts.sources(ledger, sources, leave) as opened,
        parts.emitter(ledger, max_removals) as emitter,
    ):
        leases = parts.leases(ledger, "endless" if wait else "while silent")
        most = _minutes(max_minutes)
        work = Run(ledger, opened, emitter if emit else None, parts.now, leases, command, most=most)
        outcome = work.go(mined=watches.mined, emitted=watches.emitted)
        _prune(ledger, parts, outcome)
        balance = balance_of(ledger, outcome.days)
        told = (
            *_held(outcome),
            *_refused(outcome),
            *warnings_of(outcome, balance, ledger, parts, parts.chosen(sources)),
        )
        return Ran(outcome, balance, told, (*_assumed(parts), *_not_there(outcome), *_without_cost(outcome)))


def emit(  # noqa: PLR0913 (one keyword for each option of the command)
    parts: Parts,
    *,
    max_minutes: float | None = None,
    max_removals: int | None = None,
    verify: bool = False,
    sample: int | None = None,
    watches: Watches = NOBODY,
    wait: bool = False,
) -> Outcome:
    """Send what changed; or read a sample of what was sent back, and send again what is not as it should be."""
    purview = parts.settings.purview
    if purview.sink == "none":
        raise SettingsError("there is no sink to send to", mend='[purview] sink takes "files" or "purview"')
    if verify and purview.sink != "purview":
        raise SettingsError(f'nothing can be read back: [purview] sink is "{purview.sink}"', mend="leave --verify out")
    many = (sample or purview.verify_sample) if verify else 0
    with parts.known_ledger() as ledger, parts.emitter(ledger, max_removals) as emitter:
        leases = parts.leases(ledger, "endless" if wait else "while silent")
        work = Run(ledger, (), emitter, parts.now, leases, "emit", most=_minutes(max_minutes), sample=many)
        return work.go(emitted=watches.emitted)


def _minutes(given: float | None) -> timedelta | None:
    return None if given is None else timedelta(minutes=given)


def _held(outcome: Outcome) -> Iterator[str]:
    for error in outcome.held:
        yield f"{error.message}: left to it (--wait waits for it)"


def _refused(outcome: Outcome) -> Iterator[str]:
    for source, one in outcome.missing:
        if one.refused:
            yield f"{source}: {one.reason}; mined without it: {one.without}. {one.mend}"


def _not_there(outcome: Outcome) -> Iterator[str]:
    for source, one in outcome.missing:
        if one.role == QUERY_HISTORY and not one.refused:
            yield f"{source}: {one.reason}: {one.without}"


def _without_cost(outcome: Outcome) -> Iterator[str]:
    for source, reason in outcome.without_cost:
        yield f"source {source}: list cost is left out: {reason} ([mining] cost = false leaves it out in silence)"


def _prune(ledger: Ledger, parts: Parts, outcome: Outcome) -> None:
    try:
        prune_ledger(ledger, parts)
    except MinerError as error:
        log.error("ledger.not_pruned", error=error.message, mend=error.mend)  # noqa: TRY400 (the operator's trouble)
        outcome.failures.append(("ledger", error))


def _assumed(parts: Parts) -> tuple[str, ...]:
    if parts.settings.mining.start is not None:
        return ()
    return (f"[mining] start is not set: mined from 30 days ago on ({parts.start})",)


@dataclass(frozen=True, slots=True)
class Plan:
    """What emission would do, and how long the catalog would be busy with it."""

    changes: Changes
    sink: str
    operations_per_second: int

    @property
    def operations(self) -> int:
        """Entities and relationships sent, and entities removed."""
        return self.changes.operations + len(self.changes.removed)

    @property
    def seconds(self) -> float:
        """The least time the operations take at the rate the settings allow."""
        return self.operations / self.operations_per_second


def plan(parts: Parts) -> Plan:
    """Tell what `run` would create, change and remove, from what is mined so far. Nothing is sent."""
    with parts.known_ledger() as ledger, parts.emitter(ledger) as emitter:
        if emitter is None:
            raise SettingsError("there is no sink to plan for", mend='[purview] sink takes "files" or "purview"')
        return Plan(emitter.plan(), emitter.sink.name, parts.settings.purview.operations_per_second)


def status(parts: Parts) -> Standing:
    """Tell how the ledger stands."""
    with parts.known_ledger() as ledger:
        return standing(ledger, list(parts.settings.sources))


@dataclass(frozen=True, slots=True)
class EstateSize:
    """How large a sample estate is, and what it is drawn from; the same values give the same rows."""

    tables: int = 1000
    days: int = 30
    events_per_day: int = 10_000
    seed: int = 1
    last_day: date | None = None

    def ending(self, now: datetime) -> date:
        """The last day of the estate: as asked for, else yesterday."""
        return self.last_day or now.date() - timedelta(days=1)


def sample(out: Path, size: EstateSize, now: datetime, progress: Progress | None = None) -> EstateSummary:
    """Write a made-up estate of system tables into an empty folder. Raises SettingsError, SinkError."""
    try:
        return write_estate(
            out,
            tables=size.tables,
            days=size.days,
            events_per_day=size.events_per_day,
            seed=size.seed,
            last_day=size.ending(now),
            progress=progress,
        )
    except FileExistsError as error:
        raise SettingsError(f"{out} holds files already", mend="name an empty folder with --out") from error
    except ValueError as error:
        raise SettingsError(str(error), mend="ask for a larger estate") from error
    except OSError as error:
        raise refused(error, str(out)) from error
