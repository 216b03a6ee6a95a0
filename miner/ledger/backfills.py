"""Backfills as the ledger keeps them: which days were asked for, why, and how far each one came."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from miner import days
from miner.ledger import tables
from miner.ledger.store import Ledger

RUNNING = "running"
DONE = "done"


@dataclass(frozen=True, slots=True)
class Request:
    """What a backfill of one stream of a source was asked for; the same request goes on where an unfinished one was."""

    source: str
    stream: str
    first: date
    last: date
    again: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """A backfill as it is kept."""

    request: Request
    started: datetime
    ended: datetime | None
    outcome: str
    days: int
    days_done: int


def unfinished(connection: Connection, request: Request) -> int | None:
    """The first run of an unfinished backfill with the same request, whatever its note; None when there is none."""
    kept = tables.backfill
    query = select(kept.c.run_id).where(*_same(request), kept.c.outcome != DONE).order_by(kept.c.id.desc())
    return connection.execute(query).scalar()


def begin(ledger: Ledger, request: Request, run_id: int, planned: int, now: datetime) -> int:
    """Keep a backfill, or go on with the unfinished one of the same request; returns its number."""
    kept = tables.backfill
    with ledger.writing() as connection:
        query = select(kept.c.id).where(*_same(request), kept.c.outcome != DONE).order_by(kept.c.id.desc())
        found = connection.execute(query).scalar()
        going = {"outcome": RUNNING, "ended_at": None, **({"note": request.note} if request.note else {})}
        if found is not None:
            connection.execute(update(kept).where(kept.c.id == found).values(**going))
            return int(found)
        values = {
            "source": request.source, "stream": request.stream, "first_day": days.number(request.first),
            "last_day": days.number(request.last), "again": request.again, "note": request.note, "run_id": run_id,
            "started_at": days.micros(now), "outcome": RUNNING, "days": planned, "days_done": 0,
        }  # fmt: skip
        return int(connection.execute(insert(kept).values(**values).returning(kept.c.id)).scalar_one())


def note_done(ledger: Ledger, number: int, more: int) -> None:
    """Note that so many more days of a backfill are done."""
    kept = tables.backfill
    with ledger.writing() as connection:
        connection.execute(update(kept).where(kept.c.id == number).values(days_done=kept.c.days_done + more))


def end(ledger: Ledger, number: int, outcome: str, now: datetime) -> None:
    """Note how a backfill ended."""
    kept = tables.backfill
    with ledger.writing() as connection:
        connection.execute(update(kept).where(kept.c.id == number).values(outcome=outcome, ended_at=days.micros(now)))


def kept_backfills(connection: Connection, limit: int = 10) -> list[Record]:
    """The last backfills, the newest first."""
    kept = tables.backfill
    return [
        Record(
            Request(row.source, row.stream, days.day_of(row.first_day), days.day_of(row.last_day), row.again, row.note),
            days.instant_of(row.started_at), days.instant_of(row.ended_at) if row.ended_at else None,
            row.outcome, row.days, row.days_done,
        )
        for row in connection.execute(select(kept).order_by(kept.c.id.desc()).limit(limit))
    ]  # fmt: skip


def mined_since(connection: Connection, source: str, stream: str, run_id: int) -> set[date]:
    """Days of a stream that were mined by a run or a later one."""
    mined, sources = tables.day_mined, tables.source
    query = select(mined.c.day).join(sources).where(
        sources.c.name == source, mined.c.stream == stream, mined.c.run_id >= run_id
    )  # fmt: skip
    return {days.day_of(day) for day in connection.execute(query).scalars()}


@dataclass(frozen=True, slots=True)
class Pace:
    """What earlier runs tell about the next: rows a day, and seconds a day with everything a run does."""

    rows: float
    seconds: float


def paces(connection: Connection, streams: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Pace]:
    """How fast the days the ledger holds were mined, by source and stream; without streams of which it holds none."""
    run, mined, sources = tables.run, tables.day_mined, tables.source
    by_run = select(mined.c.run_id, func.count().label("days")).group_by(mined.c.run_id).subquery()
    taken = (run.c.ended_at - run.c.started_at) / by_run.c.days / 1_000_000.0
    query = (
        select(sources.c.name, mined.c.stream, func.avg(mined.c.rows_total), func.avg(taken))
        .join(sources, sources.c.id == mined.c.source_id)
        .join(by_run, by_run.c.run_id == mined.c.run_id)
        .join(run, run.c.id == mined.c.run_id)
        .where(run.c.ended_at.is_not(None))
        .group_by(sources.c.name, mined.c.stream)
    )
    wanted = set(streams)
    return {
        (name, stream): Pace(float(rows), float(seconds))
        for name, stream, rows, seconds in connection.execute(query)
        if (name, stream) in wanted
    }


def _same(request: Request) -> tuple[ColumnElement[bool], ...]:
    kept = tables.backfill
    return (
        kept.c.source == request.source, kept.c.stream == request.stream, kept.c.again == request.again,
        kept.c.first_day == days.number(request.first), kept.c.last_day == days.number(request.last),
    )  # fmt: skip
