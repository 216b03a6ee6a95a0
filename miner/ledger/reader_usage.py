"""Who reads what in some days, out of daily usage, as Arrow."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from miner import days, readers, schemas
from miner.disclosure import Disclosed
from miner.ledger.database import Database
from miner.ledger.walk import NAME
from miner.scope import Chosen

_BATCH_ROWS = 65_536
_COUNTS = ("reads", "indirect_reads", "cached_reads", "failed_reads", "days")

_COPIED = pa.schema(
    {
        **dict.fromkeys(("metastore_id", "dataset", "kind", "reader", "process_kind"), pa.string()),
        **dict.fromkeys((*_COUNTS, "last_read_at"), pa.int64()),
    }
)

_USAGE = f"""
SELECT d.metastore_id AS metastore_id, {NAME} AS dataset, CASE WHEN d.name IS NULL THEN 'path' ELSE 'table' END AS kind,
  coalesce(r.name, '') AS reader, u.process_kind AS process_kind, u.reads AS reads, u.indirect_reads AS indirect_reads,
  u.cached_reads AS cached_reads, u.failed_reads AS failed_reads, u.days AS days, u.last_read_at AS last_read_at
FROM (
  SELECT coalesce(a.to_id, x.dataset_id) AS dataset, x.reader_id AS reader, x.process_kind AS process_kind,
    CAST(sum(x.reads) AS BIGINT) AS reads, CAST(sum(x.indirect_reads) AS BIGINT) AS indirect_reads,
    CAST(sum(x.cached_reads) AS BIGINT) AS cached_reads, CAST(sum(x.failed_reads) AS BIGINT) AS failed_reads,
    count(DISTINCT x.day) AS days, max(x.last_read_at) AS last_read_at
  FROM usage_day x LEFT JOIN temp.dataset_alias a ON a.from_id = x.dataset_id
  WHERE x.day BETWEEN %d AND %d AND x.reads + x.indirect_reads + x.cached_reads + x.failed_reads > 0
  GROUP BY 1, 2, 3
) u
JOIN dataset d ON d.id = u.dataset
LEFT JOIN reader r ON r.id = u.reader
ORDER BY 1, 2, 4, 5
"""  # noqa: S608 -- our own text throughout


@dataclass(frozen=True, slots=True)
class Who:
    """The users and kinds of process that are told of, and how users are told."""

    users: Chosen
    kinds: Chosen
    told: Disclosed


def copy_out(database: Database, connection: Connection, copy: Path, first: date, last: date) -> None:
    """Copy the usage of some days, summed by dataset, reader and kind of process, to a file.

    `connection` is a reading begun with that file; call `miner.ledger.wanted.resolve` first.
    """
    database.copy_out(connection, _USAGE % (days.number(first), days.number(last)), copy)


def stream(database: Database, copy: Path, window: int, as_of: date, who: Who) -> Iterator[pa.RecordBatch]:
    """The copied usage as `miner.schemas.READERS`, of those users and kinds that are chosen."""
    for batch in database.copied(copy, _COPIED, _BATCH_ROWS):
        user = _of(batch["reader"], who.users.__contains__, pa.bool_())
        kind = _of(batch["process_kind"], who.kinds.__contains__, pa.bool_())
        yield _shaped(batch.filter(pc.and_(user, kind)), window, as_of, who.told)


def _shaped(rows: pa.RecordBatch, window: int, as_of: date, told: Disclosed) -> pa.RecordBatch:
    reader, kind = rows["reader"], _of(rows["reader"], readers.kind_of, pa.string())
    machine = pc.is_in(rows["process_kind"], pa.array(sorted(readers.MACHINE_KINDS)))
    columns = {
        **{name: rows[name] for name in ("metastore_id", "dataset", "kind", "process_kind", *_COUNTS)},
        "window_days": pa.repeat(pa.scalar(window, pa.int64()), len(rows)),
        "as_of": pa.repeat(pa.scalar(as_of, pa.date32()), len(rows)),
        "reader": _of(reader, told, pa.string()),
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
