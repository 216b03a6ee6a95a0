"""What the ledger says of itself: days, balance, counts, runs."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa
from sqlalchemy import BigInteger, ColumnElement, Connection, cast, func, select

from miner import days, schemas
from miner.ledger import matches, tables
from miner.ports import TABLE_LINEAGE
from miner.scope import OUTSIDE


@dataclass(frozen=True, slots=True)
class MinedDay:
    """The mark of one mined day."""

    source: str
    stream: str
    day: date
    rows: int
    settled: bool
    whole: bool
    rules: str
    mined_at: datetime


def mined_days(connection: Connection, source: str | None = None, stream: str | None = None) -> list[MinedDay]:
    """The mined days, by source, stream and day."""
    mined, sources = tables.day_mined, tables.source
    query = select(mined, sources.c.name).join(sources).order_by(sources.c.name, mined.c.stream, mined.c.day)
    if source is not None:
        query = query.where(sources.c.name == source)
    if stream is not None:
        query = query.where(mined.c.stream == stream)
    return [
        MinedDay(
            row.name, row.stream, days.day_of(row.day), row.rows_total, row.settled, row.whole, row.rules,
            days.instant_of(row.mined_at),
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def workspaces(connection: Connection, source: str, stream: str, day: date) -> dict[str, int]:
    """Rows of a mined day by workspace."""
    counted, sources = tables.day_workspace, tables.source
    query = (
        select(counted.c.workspace_id, counted.c.rows)
        .join(sources)
        .where(sources.c.name == source, counted.c.stream == stream, counted.c.day == days.number(day))
    )
    return {workspace: rows for workspace, rows in connection.execute(query)}  # noqa: C416 -- rows are no pairs to mypy


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    """A whole number: PostgreSQL's sums are decimals."""
    return cast(func.sum(column), BigInteger)


def rows_by_workspace(
    connection: Connection, source: str, stream: str, first: date, end: date
) -> dict[date, dict[str, int]]:
    """Rows of the whole days mined from one day to before another, by day and workspace."""
    counted, mined, sources = tables.day_workspace, tables.day_mined, tables.source
    query = (
        select(counted.c.day, counted.c.workspace_id, counted.c.rows)
        .join(sources, sources.c.id == counted.c.source_id)
        .join(
            mined,
            (mined.c.source_id == counted.c.source_id)
            & (mined.c.stream == counted.c.stream)
            & (mined.c.day == counted.c.day),
        )
        .where(sources.c.name == source, counted.c.stream == stream, mined.c.whole)
        .where(counted.c.day >= days.number(first), counted.c.day < days.number(end))
    )
    found: dict[date, dict[str, int]] = {}
    for day, workspace, rows in connection.execute(query):
        found.setdefault(days.day_of(day), {})[workspace] = rows
    return found


def any_in_scope(  # noqa: PLR0913 (what was mined, and what of it)
    connection: Connection,
    source: str,
    stream: str,
    *,
    table: str = TABLE_LINEAGE,
    days_of: Sequence[date] = (),
    rules: str | None = None,
) -> bool:
    """Whether a row of a table was in scope on some mined days; of those under some rules, if told."""
    told, mined, sources = tables.day_fate, tables.day_mined, tables.source
    query = (
        select(told.c.rows)
        .join(sources, sources.c.id == told.c.source_id)
        .join(
            mined,
            (mined.c.source_id == told.c.source_id) & (mined.c.stream == told.c.stream) & (mined.c.day == told.c.day),
        )
        .where(sources.c.name == source, told.c.stream == stream, told.c.table_name == table)
        .where(*(~told.c.fate.startswith(prefix, autoescape=True) for prefix in OUTSIDE))
        .limit(1)
    )
    if days_of:
        query = query.where(told.c.day.in_([days.number(day) for day in days_of]))
    if rules is not None:
        query = query.where(mined.c.rules == rules)
    return connection.execute(query).first() is not None


@dataclass(frozen=True, slots=True)
class Fate:
    """Rows of some days by what became of them."""

    source: str
    stream: str
    table: str
    fate: str
    rule: str
    rows: int


def fates(connection: Connection, first: date | None = None, last: date | None = None) -> list[Fate]:
    """The balance, summed over days, most rows first."""
    told, sources = tables.day_fate, tables.source
    query = select(
        sources.c.name, told.c.stream, told.c.table_name, told.c.fate, told.c.rule, _sum(told.c.rows).label("sum")
    ).join(sources)
    if first is not None:
        query = query.where(told.c.day >= days.number(first))
    if last is not None:
        query = query.where(told.c.day <= days.number(last))
    query = query.group_by(sources.c.name, told.c.stream, told.c.table_name, told.c.fate, told.c.rule)
    found = [Fate(*row) for row in connection.execute(query)]
    return sorted(found, key=lambda item: (item.source, item.stream, item.table, -item.rows, item.fate, item.rule))


def coverage(connection: Connection, first: date, last: date) -> pa.Table:
    """The balance of each mined day (`miner.schemas.COVERAGE`), by source, stream, day, table, fate and rule."""
    told, mined, sources = tables.day_fate, tables.day_mined, tables.source
    order = (sources.c.name, told.c.stream, told.c.day, told.c.table_name, told.c.fate, told.c.rule)
    query = (
        select(*order, told.c.rows, mined.c.settled, mined.c.whole)
        .join(sources, sources.c.id == told.c.source_id)
        .join(
            mined,
            (mined.c.source_id == told.c.source_id) & (mined.c.stream == told.c.stream) & (mined.c.day == told.c.day),
        )
        .where(told.c.day.between(days.number(first), days.number(last)))
        .order_by(*order)
    )
    found = connection.execute(query)
    rows = [(source, stream, days.day_of(day), *more) for source, stream, day, *more in found]
    return schemas.table_of(rows, schemas.COVERAGE)


@dataclass(frozen=True, slots=True)
class LateRows:
    """Rows that came after a day was first mined, by the day's age when they were seen."""

    source: str
    stream: str
    age_days: int
    rows: int


def late_rows(connection: Connection) -> list[LateRows]:
    """Late rows by source, stream and age."""
    late, sources = tables.late_rows, tables.source
    query = (
        select(sources.c.name, late.c.stream, late.c.age_days, _sum(late.c.rows))
        .join(sources)
        .group_by(sources.c.name, late.c.stream, late.c.age_days)
        .order_by(sources.c.name, late.c.stream, late.c.age_days)
    )
    return [LateRows(*row) for row in connection.execute(query)]


def counts(connection: Connection) -> dict[str, int]:
    """How much the ledger holds: datasets, processes, edges, column sets, readers, emissions, rejections."""
    held = {
        "datasets": tables.dataset, "processes": tables.process, "edges": tables.edge,
        "column_sets": tables.column_set, "readers": tables.reader, "emissions": tables.emission,
        "rejections": tables.rejection, "flows_to_look_at": tables.dirty_flow,
    }  # fmt: skip
    counted = {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one() for name, table in held.items()
    }
    return counted | {f"datasets_{state}": number for state, number in matches.counts(connection).items()}


def runs(connection: Connection, limit: int = 5) -> list[tuple[str, datetime, datetime | None, str, str]]:
    """The last runs: command, start, end, outcome, note; newest first."""
    run = tables.run
    found = connection.execute(
        select(run.c.command, run.c.started_at, run.c.ended_at, run.c.outcome, run.c.note)
        .order_by(run.c.id.desc())
        .limit(limit)
    )
    return [
        (command, days.instant_of(started), days.instant_of(ended) if ended else None, outcome, note)
        for command, started, ended, outcome, note in found
    ]


def last_whole_day(connection: Connection, stream: str = "usage") -> date | None:
    """The last day of a stream that is fully mined from every source that mines it."""
    mined = tables.day_mined
    found = connection.execute(
        select(func.max(mined.c.day)).where(mined.c.stream == stream, mined.c.whole).group_by(mined.c.source_id)
    ).scalars()
    lasts = list(found)
    return days.day_of(min(lasts)) if lasts else None


def last_day(connection: Connection, source: str, stream: str) -> tuple[int, date] | None:
    """The number of a source and the last day mined of one of its streams; None when there is none."""
    mined, named = tables.day_mined, tables.source
    found = connection.execute(
        select(named.c.id, func.max(mined.c.day))
        .join(mined, mined.c.source_id == named.c.id)
        .where(named.c.name == source, mined.c.stream == stream)
        .group_by(named.c.id)
    ).first()
    return (found[0], days.day_of(found[1])) if found else None


@dataclass(frozen=True, slots=True)
class Catalogs:
    """Catalogs that are not a metastore's own: addresses of databases by foreign catalog, and those that are shared."""

    foreign: Mapping[str, str]
    shared: tuple[str, ...]


def catalogs(connection: Connection) -> Catalogs:
    """What is known of catalogs; one that two metastores tell of in different ways is left out."""
    catalog = tables.catalog.c
    address, kind = catalog.address, catalog.type
    found = connection.execute(
        select(catalog.catalog, func.min(address), func.min(kind))
        .group_by(catalog.catalog)
        .having(func.min(address) == func.max(address), func.min(kind) == func.max(kind))
        .order_by(catalog.catalog)
    ).all()
    return Catalogs(
        foreign={name: told for name, told, _ in found if told},
        shared=tuple(name for name, _, form in found if form == "SHARED"),
    )


def usage_state(connection: Connection, stream: str = "usage") -> str:
    """A text that changes when usage changes: more days, other figures on one of them, or other aliases."""
    mined = tables.day_mined
    query = (
        select(mined.c.source_id, mined.c.day, mined.c.content, mined.c.whole)
        .where(mined.c.stream == stream)
        .order_by(mined.c.source_id, mined.c.day)
    )
    told = tables.names_read
    aliases = select(told.c.source_id, told.c.content).where(told.c.content != "").order_by(told.c.source_id)
    digest = hashlib.blake2b(digest_size=16)
    for row in (*connection.execute(query), *connection.execute(aliases)):
        digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


def usage_days(connection: Connection, stream: str = "usage") -> set[date]:
    """Days of usage (or of usage of columns) mined fully from every source that mines it, and kept by day."""
    return whole_days(connection, stream) - closed_days(connection, stream)


def whole_days(connection: Connection, stream: str) -> set[date]:
    """Days of a stream that are mined fully from every source that mines it."""
    mined = tables.day_mined
    sources = connection.execute(
        select(func.count(func.distinct(mined.c.source_id))).where(mined.c.stream == stream)
    ).scalar_one()
    found = connection.execute(
        select(mined.c.day).where(mined.c.stream == stream, mined.c.whole).group_by(mined.c.day)
        .having(func.count() == sources)
    ).scalars()  # fmt: skip
    return {days.day_of(day) for day in found}


def closed_days(connection: Connection, stream: str, source: str | None = None) -> set[date]:
    """Days of a stream that are rolled up to months, of one source or of any; none of a stream that is not."""
    if stream not in tables.CLOSED:
        return set()
    closed, sources = tables.CLOSED[stream], tables.source
    query = select(closed.c.month, closed.c.day_bits).join(sources, sources.c.id == closed.c.source_id)
    if source is not None:
        query = query.where(sources.c.name == source)
    return {day for month, bits in connection.execute(query) for day in days.days_of(month, bits)}
