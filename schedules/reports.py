"""The reports: what each is read from, and where it goes."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from miner import list_cost, schemas
from miner.column_popularity import column_popularity
from miner.disclosure import NAMES, NONE, Disclosed, disclosure
from miner.errors import LedgerError, SettingsError
from miner.findings import findings
from miner.ledger import (
    COLUMNS,
    QUERIES,
    Ledger,
    costs,
    edges,
    query_ranks,
    reader_usage,
    reading,
    retirement,
    sent,
    wanted,
)
from miner.ledger.query_ranks import Window
from miner.ledger.reader_usage import Who
from miner.popularity import PopularityOptions, popularity
from schedules.parts import Parts
from sinks.report_files import Form, write

_KEY = "reports:key"


class Name(StrEnum):
    """The reports."""

    POPULARITY = "popularity"
    COLUMNS = "columns"
    READERS = "readers"
    EDGES = "edges"
    FINDINGS = "findings"
    COVERAGE = "coverage"
    QUERIES = "queries"
    COST = "cost"


class Wanted(NamedTuple):
    """A report, the file it goes to or `-` for standard output, and its form."""

    name: Name
    place: str
    form: Form = Form.CSV


@dataclass(frozen=True, slots=True)
class Asked:
    """Windows in days and the last day, as asked for; else as set, and the last one mined whole."""

    windows: Sequence[int] = ()
    as_of: date | None = None


class _Told(NamedTuple):
    """What a report holds."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


@dataclass(frozen=True, slots=True)
class _Given:
    """What reports are made from: `mined` are the days whose usage is known, `last` the last one mined whole."""

    ledger: Ledger
    parts: Parts
    asked: Asked
    mined: set[date]
    last: date

    @property
    def options(self) -> PopularityOptions:
        """Windows and users as asked for and set."""
        return self.parts.popularity(self.asked.windows, self.asked.as_of)


def write_reports(parts: Parts, wanted: Iterable[Wanted], asked: Asked) -> Iterator[int]:
    """Write reports one by one; gives the number of rows of each. Raises MinerError."""
    with _given(parts, asked) as given:
        for one in wanted:
            told = _REPORTS[one.name](given)
            yield write(told.batches, told.schema, one.place, one.form)


def write_whole(parts: Parts, name: Name, out: str) -> pa.Table:
    """Write a report as CSV with what is set, and hand back what was written."""
    with _given(parts, Asked()) as given:
        told = _REPORTS[name](given)
        table = pa.Table.from_batches(told.batches, told.schema)
    write(table.to_batches(), table.schema, out)
    return table


def in_folder(parts: Parts, names: Sequence[Name], folder: Path | None, form: Form) -> list[Wanted]:
    """The reports asked for, or else all that are allowed, each with its file in a folder."""
    if folder is None:
        if names:
            raise SettingsError(f"nobody says where the report {names[0]} goes", mend="name a folder: --out DIR")
        return []
    hidden = {Name.READERS} if parts.settings.reports.users == NONE else set()
    hidden |= set() if parts.settings.usage.columns else {Name.COLUMNS}
    hidden |= set() if names or _any_queries(parts) else {Name.QUERIES}
    chosen = names or [name for name in Name if name not in hidden]
    return [Wanted(name, str(folder / f"{name}.{form}"), form) for name in dict.fromkeys(chosen)]


@contextmanager
def _given(parts: Parts, asked: Asked) -> Iterator[_Given]:
    with parts.known_ledger() as ledger:
        with ledger.reading() as connection:
            mined = some_days(reading.usage_days(connection), parts)
            last = asked.as_of or reading.last_whole_day(connection) or max(mined)
        yield _Given(ledger, parts, asked, mined, last)


def _any_queries(parts: Parts) -> bool:
    """Whether the ledger holds a whole day of statements: without any, their report is not among all reports."""
    if not parts.settings.queries.mine:
        return False
    with parts.known_ledger() as ledger, ledger.reading() as connection:
        return bool(reading.whole_days(connection, QUERIES))


def _popularity(given: _Given) -> _Told:
    _refuse_unmined(given, given.mined)
    figures = pa.Table.from_pandas(popularity(given.ledger, given.options), preserve_index=False)
    return _whole(list_cost.beside(given.ledger, figures))


def _columns(given: _Given) -> _Told:
    if not given.parts.settings.usage.columns:
        raise SettingsError(
            "usage of columns is not mined", mend="set [usage] columns = true, then mine it: uc-miner run"
        )
    with given.ledger.reading() as connection:
        mined = some_days(reading.usage_days(connection, COLUMNS), given.parts, "usage of columns")
    _refuse_unmined(given, mined)
    frame = column_popularity(given.ledger, given.options)[schemas.COLUMN_POPULARITY.names]
    return _whole(pa.Table.from_pandas(frame, schemas.COLUMN_POPULARITY, preserve_index=False))


def _edges(given: _Given) -> _Told:
    retirement.retire(given.ledger, given.parts.limits)
    with given.ledger.reading() as connection:
        wanted.resolve(connection)
        return _whole(edges.edge_report(connection))


def _readers(given: _Given) -> _Told:
    _refuse_unmined(given, given.mined)
    return _Told(schemas.READERS, _reader_batches(given, disclosed(given.ledger, given.parts)))


def _reader_batches(given: _Given, told: Disclosed) -> Iterator[pa.RecordBatch]:
    ledger, options, last = given.ledger, given.options, given.last
    who = Who(options.users, options.kinds, told, options.readers)
    for window in sorted(options.windows):
        with ledger.copying() as copy:
            with ledger.reading(copy) as connection:
                wanted.resolve(connection)
                first = last - timedelta(days=window - 1)
                reader_usage.copy_out(ledger.database, connection, copy, first, last, who.known)
            yield from reader_usage.stream(ledger.database, copy, window, last, who)


def _queries(given: _Given) -> _Told:
    if not given.parts.settings.queries.mine:
        raise SettingsError("no queries are mined", mend="set [queries] mine = true, then mine them: uc-miner run")
    with given.ledger.reading() as connection:
        mined = some_days(reading.whole_days(connection, QUERIES), given.parts, "queries")
        last = given.asked.as_of or reading.last_whole_day(connection, QUERIES) or max(mined)
    _refuse_unmined(given, mined)
    return _Told(schemas.QUERIES, _query_batches(given, mined, last))


def _query_batches(given: _Given, mined: set[date], last: date) -> Iterator[pa.RecordBatch]:
    ledger, parts = given.ledger, given.parts
    told = None if parts.settings.reports.users == NONE else disclosed(ledger, parts)
    for length in sorted(given.options.windows):
        first = last - timedelta(days=length - 1)
        window = Window(length, last, length - sum(first <= day <= last for day in mined))
        with ledger.copying() as copy:
            with ledger.reading(copy) as connection:
                wanted.resolve(connection)
                query_ranks.copy_out(ledger.database, connection, copy, window, parts.ranked)
            yield from query_ranks.stream(ledger.database, copy, window, told)


def _findings(given: _Given) -> _Told:
    retirement.retire(given.ledger, given.parts.limits)
    return _whole(findings(given.ledger, given.options, each=bool(given.asked.windows)))


def _coverage(given: _Given) -> _Told:
    first = given.last - timedelta(days=max(given.options.windows) - 1)
    with given.ledger.reading() as connection:
        return _whole(reading.coverage(connection, first, given.last))


def _cost(given: _Given) -> _Told:
    return _Told(schemas.COST_REPORT, _cost_batches(given))


def _cost_batches(given: _Given) -> Iterator[pa.RecordBatch]:
    first = given.last - timedelta(days=max(given.options.windows) - 1)
    with given.ledger.reading() as connection:
        wanted.resolve(connection)
        yield from costs.by_day(connection, first, given.last)


def _whole(table: pa.Table) -> _Told:
    return _Told(table.schema, iter(table.to_batches()))


_REPORTS: Mapping[Name, Callable[[_Given], _Told]] = {
    Name.POPULARITY: _popularity,
    Name.COLUMNS: _columns,
    Name.READERS: _readers,
    Name.EDGES: _edges,
    Name.FINDINGS: _findings,
    Name.COVERAGE: _coverage,
    Name.QUERIES: _queries,
    Name.COST: _cost,
}


def disclosed(ledger: Ledger, parts: Parts) -> Disclosed:
    """How readers are told, as `[reports] users` says. Raises SettingsError when they are not told at all."""
    users = parts.settings.reports.users
    if users == NONE:
        raise SettingsError('readers are not reported: [reports] users = "none"', mend='set it to "hashed" or "names"')
    return disclosure(users, b"" if users == NAMES else _key(ledger), parts.readers)


def _key(ledger: Ledger) -> bytes:
    """The ledger's own key, made when it is first needed."""
    with ledger.reading() as connection:
        known = sent.setting(connection, _KEY)
    if not known:
        with ledger.writing() as connection:
            known = sent.setting(connection, _KEY) or secrets.token_hex(32)
            sent.remember(connection, _KEY, known)
    return bytes.fromhex(known)


def some_days(mined: set[date], parts: Parts, of: str = "") -> set[date]:
    """The days whose usage is known in full, as given. Raises LedgerError when there is none."""
    if not mined:
        raise LedgerError(
            f"the ledger {parts.ledger_place} holds no whole day{f' of {of}' if of else ''} yet",
            mend="mine something first: uc-miner run",
        )
    return mined


def _refuse_unmined(given: _Given, mined: set[date]) -> None:
    options = given.options
    last = options.as_of or max(mined)
    first = last - timedelta(days=max(options.windows) - 1)
    if not any(first <= day <= last for day in mined):
        raise LedgerError(
            f"nothing is mined from {first} to {last}",
            mend=f"name a day the ledger knows with --as-of: it holds {min(mined)} to {max(mined)}",
        )
