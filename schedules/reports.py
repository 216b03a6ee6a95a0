"""The reports: what each is read from, and where it goes."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from miner import schemas
from miner.disclosure import NAMES, NONE, Disclosed, disclosure
from miner.errors import LedgerError, SettingsError
from miner.findings import findings
from miner.ledger import Ledger, edges, reader_usage, reading, retirement, sent, wanted
from miner.ledger.reader_usage import Who
from miner.popularity import PopularityOptions, popularity
from miner.scope import Chosen
from schedules.parts import Parts
from sinks.report_files import write

_KEY = "reports:key"


@dataclass(frozen=True, slots=True)
class Asked:
    """Windows in days and the last day, as asked for; else as set, and the last one mined whole."""

    windows: Sequence[int] = ()
    as_of: date | None = None


class Told(NamedTuple):
    """What a report holds."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


Report = Callable[[Ledger, Parts, Asked], Told]


def write_report(parts: Parts, name: str, out: str, form: str, asked: Asked) -> int:
    """Write one of REPORTS to a file or to standard output (`-`); returns the number of rows."""
    with parts.known_ledger() as ledger:
        _days_mined(ledger, parts)
        told = REPORTS[name](ledger, parts, asked)
        return write(told.batches, told.schema, out, form)


def write_whole(parts: Parts, name: str, out: str) -> pa.Table:
    """Write one of REPORTS as CSV with what is set, and hand back what was written."""
    with parts.known_ledger() as ledger:
        _days_mined(ledger, parts)
        told = REPORTS[name](ledger, parts, Asked())
        table = pa.Table.from_batches(told.batches, told.schema)
    write(table.to_batches(), table.schema, out)
    return table


def in_folder(parts: Parts, names: Sequence[str], folder: Path | None, form: str) -> list[tuple[str, str, str]]:
    """The reports asked for, or else all that are allowed, each with its file in a folder and its form."""
    if folder is None:
        if names:
            raise SettingsError(f"nobody says where the report {names[0]} goes", mend="name a folder: --out DIR")
        return []
    hidden = {"readers"} if parts.settings.reports.users == NONE else set()
    chosen = names or [name for name in REPORTS if name not in hidden]
    return [(name, str(folder / f"{name}.{form}"), form) for name in dict.fromkeys(chosen)]


def _popularity(ledger: Ledger, parts: Parts, asked: Asked) -> Told:
    options = parts.popularity(asked.windows, asked.as_of)
    _refuse_unmined(_days_mined(ledger, parts), options)
    return _whole(pa.Table.from_pandas(popularity(ledger, options), preserve_index=False))


def _edges(ledger: Ledger, parts: Parts, asked: Asked) -> Told:  # noqa: ARG001 -- edges are those of now
    retirement.retire(ledger, parts.limits)
    with ledger.reading() as connection:
        wanted.resolve(connection)
        return _whole(edges.edge_report(connection))


def _readers(ledger: Ledger, parts: Parts, asked: Asked) -> Told:
    options = parts.popularity(asked.windows, asked.as_of)
    _refuse_unmined(_days_mined(ledger, parts), options)
    return Told(schemas.READERS, _reader_batches(ledger, options, disclosed(ledger, parts)))


def _reader_batches(ledger: Ledger, options: PopularityOptions, told: Disclosed) -> Iterator[pa.RecordBatch]:
    users = Chosen.by(options.include_users, options.exclude_users)
    kinds = Chosen.by(options.include_process_kinds, options.exclude_process_kinds)
    for window in sorted(options.windows):
        copy = ledger.scratch_file()
        try:
            with ledger.reading(copy) as connection:
                as_of = options.as_of or reading.last_whole_day(connection) or date.max
                wanted.resolve(connection)
                reader_usage.copy_out(ledger.database, connection, copy, as_of - timedelta(days=window - 1), as_of)
            yield from reader_usage.stream(ledger.database, copy, window, as_of, Who(users, kinds, told))
        finally:
            copy.unlink(missing_ok=True)


def _findings(ledger: Ledger, parts: Parts, asked: Asked) -> Told:
    retirement.retire(ledger, parts.limits)
    return _whole(findings(ledger, parts.popularity(asked.windows, asked.as_of), each=bool(asked.windows)))


def _coverage(ledger: Ledger, parts: Parts, asked: Asked) -> Told:
    options = parts.popularity(asked.windows, asked.as_of)
    with ledger.reading() as connection:
        last = options.as_of or reading.last_whole_day(connection) or date.max
        first = last - timedelta(days=max(options.windows) - 1)
        return _whole(reading.coverage(connection, first, last))


def _whole(table: pa.Table) -> Told:
    return Told(table.schema, iter(table.to_batches()))


REPORTS: Mapping[str, Report] = {
    "popularity": _popularity,
    "readers": _readers,
    "edges": _edges,
    "findings": _findings,
    "coverage": _coverage,
}


def disclosed(ledger: Ledger, parts: Parts) -> Disclosed:
    """How readers are told, as `[reports] users` says. Raises SettingsError when they are not told at all."""
    users = parts.settings.reports.users
    if users == NONE:
        raise SettingsError('readers are not reported: [reports] users = "none"', mend='set it to "hashed" or "names"')
    return disclosure(users, b"" if users == NAMES else _key(ledger))


def _key(ledger: Ledger) -> bytes:
    """The ledger's own key, made when it is first needed."""
    with ledger.reading() as connection:
        known = sent.setting(connection, _KEY)
    if not known:
        with ledger.writing() as connection:
            known = sent.setting(connection, _KEY) or secrets.token_hex(32)
            sent.remember(connection, _KEY, known)
    return bytes.fromhex(known)


def _days_mined(ledger: Ledger, parts: Parts) -> set[date]:
    with ledger.reading() as connection:
        mined = reading.usage_days(connection)
    if not mined:
        raise LedgerError(
            f"the ledger {parts.ledger_place} holds no whole day yet", mend="mine something first: uc-miner run"
        )
    return mined


def _refuse_unmined(mined: set[date], options: PopularityOptions) -> None:
    last = options.as_of or max(mined)
    first = last - timedelta(days=max(options.windows) - 1)
    if not any(first <= day <= last for day in mined):
        raise LedgerError(
            f"nothing is mined from {first} to {last}",
            mend=f"name a day the ledger knows with --as-of: it holds {min(mined)} to {max(mined)}",
        )
