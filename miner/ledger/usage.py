"""Daily usage out of the ledger, streamed as Arrow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

import adbc_driver_sqlite.dbapi as adbc
import pyarrow as pa
from sqlalchemy import Connection, select

from miner import days, readers
from miner.ledger import tables

_BATCH_ROWS = 262_144

_READS = ("reads", "cached_reads", "failed_reads", "indirect_reads", "self_reads")


@dataclass(frozen=True, slots=True)
class Readers:
    """Ids of readers that are people, of readers left out, and globs of kinds of process left out."""

    people: Sequence[int]
    left_out: Sequence[int]
    left_out_kinds: Sequence[str] = ()


def copy_out(connection: Connection, first: date, last: date, readers_: Readers) -> None:
    """Copy the usage of some days into the attached `copy`, aliases applied, reads of those left out as 0.

    One row per source, day, dataset, reader and kind of process. Columns: day, dataset, reader, person (1: a person
    reading by hand), reads, cached_reads, failed_reads, indirect_reads, self_reads, writes, last_read_at,
    last_write_at.
    """
    lists: dict[str, Sequence[object]] = {
        "people": readers_.people,
        "left_out": readers_.left_out,
        "left_out_kind": readers_.left_out_kinds,
        "machine_kind": sorted(readers.MACHINE_KINDS),
    }
    for name, values in lists.items():
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS temp.{name}")
        connection.exec_driver_sql(f"CREATE TEMP TABLE {name} (value PRIMARY KEY) WITHOUT ROWID")
        if values:
            rows = [(value,) for value in values]
            connection.exec_driver_sql(f"INSERT INTO temp.{name} VALUES (?)", rows)  # noqa: S608 -- our own names
    copy = _copy_sql(anything_left_out=bool(readers_.left_out or readers_.left_out_kinds))
    connection.exec_driver_sql(copy, (days.number(first), days.number(last)))


_OUT = "(u.reader_id IN temp.left_out OR EXISTS (SELECT 1 FROM temp.left_out_kind k WHERE u.process_kind GLOB k.value))"


def _copy_sql(*, anything_left_out: bool) -> str:
    reads = [f"CASE WHEN {_OUT} THEN 0 ELSE u.{name} END AS {name}" for name in _READS]
    last_read = f"CASE WHEN NOT {_OUT} THEN u.last_read_at END AS last_read_at"
    if not anything_left_out:
        reads, last_read = [f"u.{name}" for name in _READS], "u.last_read_at"
    return (
        "CREATE TABLE copy.usage AS SELECT u.day, coalesce(a.to_id, u.dataset_id) AS dataset, u.reader_id AS reader, "  # noqa: S608 -- ours
        "(u.process_kind NOT IN temp.machine_kind AND u.reader_id IN temp.people) AS person, "
        f"{', '.join(reads)}, u.writes, {last_read}, u.last_write_at "
        "FROM usage_day u LEFT JOIN temp.dataset_alias a ON a.from_id = u.dataset_id WHERE u.day BETWEEN ? AND ?"
    )


def stream(copy: Path) -> Iterator[pa.RecordBatch]:
    """The copied usage as Arrow, streamed. The ledger's own file is never opened here (see staging.py)."""
    with adbc.connect(str(copy)) as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(_BATCH_ROWS)})
        cursor.execute("SELECT * FROM usage")
        yield from cursor.fetch_record_batch()


def tell_readers(connection: Connection, excluded_users: Sequence[str], excluded_kinds: Sequence[str]) -> Readers:
    """People among the readers, and those left out by globs over folded names."""
    people, excluded = [], []
    for number, name in connection.execute(select(tables.reader.c.id, tables.reader.c.name)):
        if readers.kind_of(name) == readers.PERSON:
            people.append(number)
        if any(fnmatchcase(name, glob.lower()) for glob in excluded_users):
            excluded.append(number)
    return Readers(people, excluded, excluded_kinds)


def dataset_names(connection: Connection) -> pa.Table:
    """Every dataset: id, metastore_id, dataset (`catalog.schema.table` or path), kind, dataset_type."""
    held = tables.dataset
    rows = connection.execute(
        select(held.c.id, held.c.metastore_id, held.c.catalog, held.c.schema, held.c.name, held.c.path, held.c.type)
    )
    told = [
        (number, metastore, path if name is None else f"{catalog}.{schema}.{name}",
         "path" if name is None else "table", kind)
        for number, metastore, catalog, schema, name, path, kind in rows
    ]  # fmt: skip
    names = ("id", "metastore_id", "dataset", "kind", "dataset_type")
    types = (pa.int64(), pa.string(), pa.string(), pa.string(), pa.string())
    columns = list(zip(*told, strict=True)) or [()] * len(names)
    return pa.table([pa.array(values, kind) for values, kind in zip(columns, types, strict=True)], names=list(names))
