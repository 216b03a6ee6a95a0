"""A run of days of the columns stream, staged: reads by column and reader, and how columns are spelled."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from miner.ledger import keys
from miner.ledger.database import Stage
from miner.ledger.staging import NEW_DATASET, NEW_READER, Staging, end_columns


class ColumnStaging(Staging):
    """A run of days of the columns stream."""

    identities: ClassVar[Mapping[str, str]] = {"new_dataset": "dataset", "new_column": "dataset_column"}

    def __init__(self, connection: Connection, stage: Stage, first: date) -> None:
        super().__init__(connection, stage, first)
        self._spellings = _SPELLING.empty_table()
        for statement in _TABLES:
            self.execute(statement)

    def add_reads(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take in reads of columns (`miner.schemas.COLUMN_USAGE`)."""
        for batch in batches:
            whole = pa.Table.from_batches([batch])
            self.count_rows("column_lineage", whole)
            if (kept := whole.filter(pc.equal(whole["fate"], "kept"))).num_rows:
                self._add_reads(kept)

    def _add_reads(self, kept: pa.Table) -> None:
        datasets = keys.halves_of_hex(kept["dataset_key"].combine_chunks())
        columns = keys.halves_of_hex(kept["column_key"].combine_chunks())
        readers, names = keys.readers(kept["reader"].combine_chunks())
        read_at = pc.cast(kept["last_read_at"], pa.int64())
        self.ingest(
            "counted",
            pa.table(
                {
                    "day": pc.cast(kept["day"], pa.int32()),
                    "column_id": columns[:, 0],
                    "reader_id": readers,
                    "process_kind": kept["process_kind"],
                    "reads": kept["reads"],
                    "last_read_at": read_at,
                }
            ),
        )
        self.ingest("new_reader", names)
        self.datasets(end_columns(kept, "dataset"), datasets)
        told = [pa.array(part) for part in (columns[:, 0], columns[:, 1], datasets[:, 0])]
        self.add_new("new_column", pa.table([*told, kept["column_name"]], names=_NEW_COLUMN))
        self._add_spellings(kept, columns, read_at)

    def _add_spellings(self, kept: pa.Table, columns: keys.Halves, read_at: pa.ChunkedArray) -> None:
        """The spelling of the latest event of each column so far."""
        at = pc.fill_null(read_at, 0)
        new = pa.table([pa.array(columns[:, 0]), kept["column_spelling"], at], schema=_SPELLING)
        told = pa.concat_tables([self._spellings, new])
        told = told.sort_by([("id", "ascending"), ("at", "descending"), ("spelling", "descending")])
        _, first = np.unique(told["id"].to_numpy(), return_index=True)
        self._spellings = told.take(pa.array(first))

    def finish(self) -> None:
        """Sum what came in several batches, and digest it."""
        self.refuse_doubles()
        self.ingest("latest_spelling", self._spellings)
        self.execute(_SUM)
        self.digest(self.stage.read("reads", _READS))


_NEW_COLUMN = ["id", "check_bits", "dataset_id", "name"]

_TABLES = (
    (
        "CREATE TABLE stage.counted (day INTEGER, column_id INTEGER, reader_id INTEGER, process_kind TEXT, "
        "reads INTEGER, last_read_at INTEGER)"
    ),
    NEW_DATASET,
    "CREATE TABLE stage.new_column (id INTEGER, check_bits INTEGER, dataset_id INTEGER, name TEXT)",
    NEW_READER,
)

# Written in the order of its key, which is the order it is read and merged in.
_SUM = (
    "CREATE TABLE stage.reads AS SELECT day, column_id, reader_id, process_kind, sum(reads) AS reads, "
    "max(last_read_at) AS last_read_at FROM stage.counted GROUP BY day, column_id, reader_id, process_kind "
    "ORDER BY 1, 2, 3, 4"
)

_READS = pa.schema(
    {
        "day": pa.int64(), "column_id": pa.int64(), "reader_id": pa.int64(), "process_kind": pa.string(),
        "reads": pa.int64(), "last_read_at": pa.int64(),
    }
)  # fmt: skip

_SPELLING = pa.schema([("id", pa.int64()), ("spelling", pa.string()), ("at", pa.int64())])
