"""Who reads what in some days, out of daily usage, as Arrow."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from miner import days, readers, schemas
from miner.disclosure import Disclosed
from miner.ledger import bulk, usage
from miner.ledger.database import Database
from miner.ledger.walk import NAME
from miner.readers import UNNAMED, Readers
from miner.scope import Chosen

_BATCH_ROWS = 65_536
_SUMS = ("reads", "indirect_reads", "cached_reads", "failed_reads", "runs")
_COUNTS = (*_SUMS, "days")

_COPIED = pa.schema(
    {
        **dict.fromkeys(("metastore_id", "dataset", "kind", "reader", "process_kind"), pa.string()),
        **dict.fromkeys((*_COUNTS, "last_read_at"), pa.int64()),
    }
)

_USAGE = f"""
SELECT d.metastore_id AS metastore_id, {NAME} AS dataset,
  CASE WHEN d.name IS NULL THEN 'path' ELSE 'table' END AS kind,
  coalesce(r.name, '') AS reader, u.process_kind AS process_kind,
  {", ".join(f"u.{name} AS {name}" for name in _COUNTS)},
  u.last_read_at AS last_read_at
FROM (
  SELECT coalesce(a.to_id, x.dataset_id) AS dataset, coalesce(s.to_id, x.reader_id) AS reader,
    x.process_kind AS process_kind, {", ".join(f"CAST(sum(x.{name}) AS BIGINT) AS {name}" for name in _SUMS)},
    count(DISTINCT x.day) AS days, max(x.last_read_at) AS last_read_at
  FROM usage_day x LEFT JOIN temp.dataset_alias a ON a.from_id = x.dataset_id
  LEFT JOIN temp.reader_alias s ON s.from_id = x.reader_id
  WHERE x.day BETWEEN %d AND %d AND x.reads + x.indirect_reads + x.cached_reads + x.failed_reads > 0
  GROUP BY 1, 2, 3
) u
JOIN dataset d ON d.id = u.dataset
LEFT JOIN reader r ON r.id = u.reader
ORDER BY 1, 2, 4, 5
"""  # noqa: S608 -- our own text throughout


_READER_ALIAS = (
    "DROP TABLE IF EXISTS temp.reader_alias",
    "CREATE TEMP TABLE reader_alias (from_id BIGINT PRIMARY KEY, to_id BIGINT)",
)


@dataclass(frozen=True, slots=True)
class Who:
    """The users and kinds of process that are told of, how users are told, and what is known of them."""

    users: Chosen
    kinds: Chosen
    told: Disclosed
    known: Readers = UNNAMED


def copy_out(  # noqa: PLR0913, PLR0917 (what every copy takes, and who readers are)
    database: Database, connection: Connection, copy: Path, first: date, last: date, known: Readers = UNNAMED
) -> None:
    """Copy the usage of some days, summed by dataset, reader and kind of process, to a file.

    `connection` is a reading begun with that file; call `miner.ledger.wanted.resolve` first.
    """
    for statement in _READER_ALIAS:
        connection.exec_driver_sql(statement)
    same = usage.same_readers(usage.readers_by_name(connection), known)
    bulk.insert(connection, "temp.reader_alias", ("from_id", "to_id"), sorted(same.items()))
    database.copy_out(connection, _USAGE % (days.number(first), days.number(last)), copy)


def stream(database: Database, copy: Path, window: int, as_of: date, who: Who) -> Iterator[pa.RecordBatch]:
    """The copied usage as `miner.schemas.READERS`, of those users and kinds that are chosen."""
    for batch in database.copied(copy, _COPIED, _BATCH_ROWS):
        user = _of(batch["reader"], partial(who.known.chosen, users=who.users), pa.bool_())
        kind = _of(batch["process_kind"], who.kinds.__contains__, pa.bool_())
        yield _shaped(batch.filter(pc.and_(user, kind)), window, as_of, who)


def _shaped(rows: pa.RecordBatch, window: int, as_of: date, who: Who) -> pa.RecordBatch:
    reader = _of(rows["reader"], who.known.identity, pa.string())
    kind = _of(reader, who.known.kind_of, pa.string())
    machine = pc.is_in(rows["process_kind"], pa.array(sorted(readers.MACHINE_KINDS)))
    columns = {
        **{name: rows[name] for name in ("metastore_id", "dataset", "kind", "process_kind", *_COUNTS)},
        "window_days": pa.repeat(pa.scalar(window, pa.int64()), len(rows)),
        "as_of": pa.repeat(pa.scalar(as_of, pa.date32()), len(rows)),
        "reader": _of(reader, who.told, pa.string()),
        "reader_name": _of(reader, who.known.name_of, pa.string()),
        "reader_kind": kind,
        "by_hand": pc.and_(pc.equal(kind, readers.PERSON), pc.invert(machine)),
        "last_read": rows["last_read_at"].cast(schemas.INSTANT),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in schemas.READERS.names], schema=schemas.READERS)


def _of(names: pa.Array, function: Callable[[str], object], kind: pa.DataType) -> pa.Array:
    """A function of names, asked once for each of them."""
    encoded = names.dictionary_encode()
    answers = pa.array([function(name) for name in encoded.dictionary.to_pylist()], kind)
    return answers.take(encoded.indices)
