"""Daily reads of columns out of the ledger, streamed as Arrow."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection

from miner import days
from miner.ledger import bulk, usage
from miner.ledger.database import Database
from miner.ledger.usage import Told

_BATCH_ROWS = 100_000

_COPIED = pa.schema(
    {
        **dict.fromkeys(("day", "dataset", "reader"), pa.int64()), "kind": pa.string(),
        **dict.fromkeys(("reads", "last_read_at"), pa.int64()),
    }
)  # fmt: skip

NAMED = pa.schema(
    [("id", pa.int64()), ("dataset_id", pa.int64()), ("name", pa.string()), ("column", pa.string()), ("at", pa.int64())]
)
"""Columns by ledger id: their dataset, aliases applied; folded name, latest spelling, and when that was seen."""

_NAMED = (
    "SELECT c.id, coalesce(a.to_id, c.dataset_id), c.name, coalesce(c.spelling, c.name), c.spelled_at "
    "FROM dataset_column c LEFT JOIN temp.dataset_alias a ON a.from_id = c.dataset_id"
)


def copy_out(database: Database, connection: Connection, copy: Path, first: date, last: date) -> None:
    """Copy the reads of some days to a file, as they are kept. `connection` is a reading begun with that file."""
    columns = "day, column_id AS dataset, reader_id AS reader, process_kind AS kind, reads, last_read_at"
    database.copy_out(
        connection,
        f"SELECT {columns} FROM column_day WHERE day BETWEEN {days.number(first)} AND {days.number(last)}",  # noqa: S608
        copy,
    )


def stream(database: Database, copy: Path, told: Told) -> Iterator[pa.Table]:
    """The copied reads as `miner.ledger.usage.stream` gives those of datasets: `dataset` is the column's id."""
    return usage.streamed(database, copy, _COPIED, told)


def column_names(connection: Connection) -> pa.Table:
    """Every column that was ever read (`NAMED`). Call `miner.ledger.wanted.resolve` first."""
    batches = [
        pa.RecordBatch.from_arrays(
            [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), NAMED, strict=True)],
            schema=NAMED,
        )
        for rows in bulk.batches(connection, _NAMED, _BATCH_ROWS)
    ]
    return pa.Table.from_batches(batches, NAMED)


def joined(told: Told, names: pa.Table) -> Told:
    """The same for columns: those of one name in datasets that are one are the column that was spelled last."""
    name = names["name"].combine_chunks().dictionary_encode().indices.to_numpy()
    ids, dataset, at = (names[column].to_numpy() for column in ("id", "dataset_id", "at"))
    order = np.lexsort((ids, -at, name, dataset))
    keys = np.column_stack([dataset[order], name[order]])
    first = np.concatenate([np.ones(min(len(keys), 1), np.bool_), (keys[1:] != keys[:-1]).any(axis=1)])
    chosen = ids[order][first][np.cumsum(first) - 1]
    other = chosen != ids[order]
    from_ids, to_ids = ids[order][other], chosen[other]
    by_id = np.argsort(from_ids)
    return replace(told, aliases=(from_ids[by_id], to_ids[by_id]))
