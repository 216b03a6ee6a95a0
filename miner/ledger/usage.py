"""Daily usage out of the ledger, streamed as Arrow."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from miner import days, readers, schemas
from miner.ledger import tables
from miner.ledger.database import Database
from miner.readers import UNNAMED, Readers
from miner.scope import Chosen

_BATCH_ROWS = 262_144

READS = ("reads", "cached_reads", "failed_reads", "indirect_reads", "self_reads", "runs")
"""What is nobody's where its reader or kind of process is left out."""

_COPIED = pa.schema(
    {
        **dict.fromkeys(("day", "dataset", "reader"), pa.int64()), "kind": pa.string(),
        **dict.fromkeys((*READS, "writes", "last_read_at", "last_write_at"), pa.int64()),
    }
)  # fmt: skip

Numbers = npt.NDArray[np.int64]

UNKNOWN = 0
"""The reader of reads that nobody is known for."""


@dataclass(frozen=True, slots=True)
class Told:
    """What copied usage does not say itself: who is a person, who and which kinds are left out, aliases."""

    readers: Numbers
    """All of them, ascending."""
    people: Numbers
    left_out: Numbers
    kinds: Chosen
    aliases: tuple[Numbers, Numbers]
    """Datasets that are another one, ascending, and which."""
    same: tuple[Numbers, Numbers]
    """Readers that are another one, ascending, and which."""


def copy_out(database: Database, connection: Connection, copy: Path, first: date, last: date) -> None:
    """Copy the usage of some days to a file, as it is kept. `connection` is a reading begun with that file."""
    columns = "day, dataset_id AS dataset, reader_id AS reader, process_kind AS kind"
    database.copy_out(
        connection,
        f"SELECT {columns}, {', '.join(READS)}, writes, last_read_at, last_write_at "  # noqa: S608 -- ours
        f"FROM usage_day WHERE day BETWEEN {days.number(first)} AND {days.number(last)}",
        copy,
    )


def stream(database: Database, copy: Path, told: Told) -> Iterator[pa.Table]:
    """The copied usage as Arrow, streamed: aliases applied, reads of those left out as 0.

    One row per source, day, dataset, reader and kind of process. Columns: day, dataset, reader, kind, reads,
    cached_reads, failed_reads, indirect_reads, self_reads, runs, writes, last_read_at, last_write_at, person (a person
    reading by hand), machine_reads and machine_runs (of a job, a pipeline and the like, or of who is known and no
    person).
    """
    yield from streamed(database, copy, _COPIED, told)


def streamed(database: Database, copy: Path, copied: pa.Schema, told: Told) -> Iterator[pa.Table]:
    """Rows copied by whatever is counted (`dataset`), with aliases, those left out, and `person`, as `stream` does."""
    reads = [name for name in READS if name in copied.names]
    for batch in database.copied(copy, copied, _BATCH_ROWS):
        yield _told(pa.Table.from_batches([batch]), told, reads)


def _told(rows: pa.Table, told: Told, reads: Collection[str]) -> pa.Table:
    kind = rows["kind"].combine_chunks().dictionary_encode()
    kinds = kind.dictionary.to_pylist()
    machine = _of_kinds(kind, [name in readers.MACHINE_KINDS for name in kinds])
    person = pc.and_not(pc.is_in(rows["reader"], pa.array(told.people)), machine)
    if len(told.left_out) or not told.kinds.everything:
        unwanted = _of_kinds(kind, [name not in told.kinds for name in kinds])
        rows = _without(rows, pc.or_(pc.is_in(rows["reader"], pa.array(told.left_out)), unwanted), reads)
    by_machine = pc.or_(machine, pc.and_not(pc.not_equal(rows["reader"], UNKNOWN), person))
    rows = _with(rows, "dataset", pa.array(_resolved(rows["dataset"].to_numpy(), *told.aliases)))
    rows = _with(rows, "reader", pa.array(_resolved(rows["reader"].to_numpy(), *told.same)))
    for name, counted in (("machine_reads", "reads"), ("machine_runs", "runs")):
        if counted in reads:
            rows = rows.append_column(name, pc.if_else(by_machine, rows[counted], 0))
    return rows.append_column("person", person)


def _without(rows: pa.Table, out: pa.ChunkedArray, reads: Collection[str]) -> pa.Table:
    for name in reads:
        rows = _with(rows, name, pc.if_else(out, 0, rows[name]))
    return _with(rows, "last_read_at", pc.if_else(out, pa.scalar(None, pa.int64()), rows["last_read_at"]))


def _of_kinds(kind: pa.DictionaryArray, chosen: list[bool]) -> pa.Array:
    return pa.array(np.array(chosen, np.bool_)[kind.indices.to_numpy(zero_copy_only=False)])


def _with(rows: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), name, column)


def _resolved(datasets: Numbers, from_ids: Numbers, to_ids: Numbers) -> Numbers:
    if not len(from_ids):
        return datasets
    at = np.minimum(np.searchsorted(from_ids, datasets), len(from_ids) - 1)
    return np.where(from_ids[at] == datasets, to_ids[at], datasets)


def tell(connection: Connection, users: Chosen, kinds: Chosen, known: Readers = UNNAMED) -> Told:
    """People among the readers, those who are not chosen, those who are one, and the aliases resolved before."""
    named = readers_by_name(connection)
    people = [number for name, number in named.items() if known.kind_of(name) == readers.PERSON]
    left_out = [number for name, number in named.items() if not known.chosen(name, users)]
    aliases = connection.exec_driver_sql("SELECT from_id, to_id FROM temp.dataset_alias ORDER BY from_id").all()
    return Told(
        np.sort(_numbers([*named.values()])), _numbers(people), _numbers(left_out), kinds,
        _ends(aliases), _ends(sorted(same_readers(named, known).items())),
    )  # fmt: skip


def readers_by_name(connection: Connection) -> dict[str, int]:
    """Every known reader's ledger id by its folded name."""
    return {name: number for number, name in connection.execute(select(tables.reader.c.id, tables.reader.c.name))}


def same_readers(named: Mapping[str, int], known: Readers) -> dict[int, int]:
    """Readers that are known by another one's identity: from whose id to whose."""
    standing: dict[str, int] = {}
    for name in sorted(named):
        standing.setdefault(known.identity(name), named.get(known.identity(name), named[name]))
    told = ((number, standing[known.identity(name)]) for name, number in named.items())
    return {number: other for number, other in told if number != other}


def _ends(aliases: Sequence[Sequence[int]]) -> tuple[Numbers, Numbers]:
    return _numbers([row[0] for row in aliases]), _numbers([row[1] for row in aliases])


def _numbers(values: Sequence[int]) -> Numbers:
    return np.array(values, np.int64)


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
    return schemas.table_of(told, _NAMES)


_NAMES = pa.schema(
    [("id", pa.int64()), *((name, pa.string()) for name in ("metastore_id", "dataset", "kind", "dataset_type"))]
)
