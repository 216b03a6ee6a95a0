"""The whole ledger as JSON lines, and back: for a backup, and to move a ledger from one database to another.

The first line tells the version, then each table follows: a line that names it and its columns, and a line for each
row, in the order of its key; the last line counts the rows. Two ledgers that hold the same archive the same, on SQLite
and on PostgreSQL.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection, select

from miner.errors import LedgerError
from miner.ledger import bulk, migrating
from miner.ledger.store import Ledger
from miner.ledger.tables import metadata

_ROWS = 10_000
_FORM = "uc-miner ledger"


def archive(connection: Connection) -> Iterator[bytes]:
    """One JSON text a line."""
    yield orjson.dumps({"form": _FORM, "version": migrating.version(connection)})
    rows = 0
    for table in metadata.sorted_tables:
        yield orjson.dumps({"table": table.name, "columns": table.columns.keys()})
        query = select(table).order_by(*table.primary_key.columns)
        for row in connection.execute(query, execution_options={"stream_results": True}):
            yield orjson.dumps(list(row))
            rows += 1
    yield orjson.dumps({"rows": rows})


def restore(ledger: Ledger, lines: Iterable[bytes]) -> int:
    """Fill an empty ledger with what `archive` gave, all or nothing; returns how many rows. Raises LedgerError."""
    told = iter(lines)
    with ledger.writing() as connection:
        _refuse_other_versions(ledger, connection, next(told, b""))
        for table in metadata.sorted_tables:
            if connection.execute(select(sa.literal(1)).select_from(table).limit(1)).first():
                raise LedgerError(
                    f"the ledger {ledger.place} is not empty: {table.name} holds rows",
                    mend="name a new ledger in [ledger] url; nothing was changed",
                )
        rows = _fill_all(connection, told)
        _count_on(connection)
    return rows


def _refuse_other_versions(ledger: Ledger, connection: Connection, line: bytes) -> None:
    found = _read(line)
    if not isinstance(found, dict) or found.get("form") != _FORM:
        raise LedgerError(
            "this is no archive of a ledger", mend="write one with: uc-miner ledger dump --whole --out FILE"
        )
    known = migrating.version(connection)
    if found.get("version") != known:
        raise LedgerError(
            f"the archive is of version {found.get('version')}, the ledger {ledger.place} of version {known}",
            mend="restore it with the version of uc-lineage-miner that wrote it, then install this one",
        )


def _fill_all(connection: Connection, lines: Iterator[bytes]) -> int:
    filled = 0
    line = _read(next(lines, b""))
    while "table" in line:
        part = _Rows(lines)
        filled += _fill(connection, line["table"], line["columns"], part)
        line = part.following
    if line.get("rows") != filled or next(lines, None) is not None:
        raise _damaged()
    return filled


class _Rows:
    """The rows of one table; once they are read, `following` is the line after them."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self.following: dict[str, Any] = {}

    def __iter__(self) -> Iterator[list[Any]]:
        for line in self._lines:
            found = _read(line)
            if isinstance(found, dict):
                self.following = found
                return
            yield found


def _fill(connection: Connection, name: str, columns: list[str], rows: Iterable[list[Any]]) -> int:
    if name not in metadata.tables or set(columns) != set(metadata.tables[name].columns.keys()):
        raise _damaged()
    filled, told = 0, iter(rows)
    while some := list(islice(told, _ROWS)):
        if any(len(row) != len(columns) for row in some):
            raise _damaged()
        bulk.insert(connection, f"main.{name}", columns, some)
        filled += len(some)
    return filled


def _read(line: bytes) -> Any:
    """A line's object or list."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _damaged() from error
    if not isinstance(found, dict | list):
        raise _damaged()
    return found


def _damaged() -> LedgerError:
    return LedgerError(
        "the archive is damaged, or was not written to its end", mend="take another backup; nothing was changed"
    )


def _count_on(connection: Connection) -> None:
    """PostgreSQL numbers new rows by itself, from where it stands; SQLite from the largest number there is."""
    if connection.dialect.name != "postgresql":
        return
    for name in ("source", "run", "backfill"):
        connection.exec_driver_sql(
            f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name} HAVING count(*) > 0"  # noqa: S608
        )
