"""A run of days of the queries stream, staged: statements by fingerprint, dataset and reader."""

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
from miner.schemas import RUNS, VOLUMES

_FIGURES = (*RUNS, *VOLUMES)
_TEXTS = ("process_kind", "client", "warehouse")
_NOTHING = "0" * 32
"""The key of what is no dataset, or no fingerprint: its number is 0."""


class QueryStaging(Staging):
    """A run of days of the queries stream."""

    identities: ClassVar[Mapping[str, str]] = {"new_dataset": "dataset", "new_fingerprint": "fingerprint"}

    def __init__(self, connection: Connection, stage: Stage, first: date) -> None:
        super().__init__(connection, stage, first)
        for statement in _TABLES:
            self.execute(statement)

    def add_runs(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take in statements (`miner.schemas.QUERY_RUNS`)."""
        for batch in batches:
            whole = pa.Table.from_batches([batch])
            balance = whole.filter(pc.is_valid(whole["fate"])).select(["day", "fate", "rule", "rows"])
            for row in balance.to_pylist():
                self.fates[row["day"], "query_history", row["fate"], row["rule"] or ""] += row["rows"]
            if (figures := whole.filter(pc.is_null(whole["fate"]))).num_rows:
                self._add(figures)

    def _add(self, rows: pa.Table) -> None:
        datasets, fingerprints = (
            keys.halves_of_hex(pc.fill_null(rows[name], _NOTHING).combine_chunks())
            for name in ("dataset_key", "fingerprint")
        )
        readers, names = keys.readers(pc.fill_null(rows["reader"], "").combine_chunks())
        self.ingest(
            "counted",
            pa.table(
                {
                    "day": pc.cast(rows["day"], pa.int32()),
                    "dataset_id": datasets[:, 0],
                    "fingerprint_id": fingerprints[:, 0],
                    "reader_id": readers,
                    **{name: pc.fill_null(rows[name], "") for name in _TEXTS},
                    **{name: rows[name] for name in _FIGURES},
                    "last_run_at": pc.cast(rows["last_run_at"], pa.int64()),
                }
            ),
        )
        self.ingest("new_reader", names)
        known = pc.is_valid(rows["dataset_key"])
        self.datasets(end_columns(rows.filter(known), "dataset"), datasets[known.to_numpy()])
        self._add_fingerprints(rows, fingerprints)

    def _add_fingerprints(self, rows: pa.Table, halves: keys.Halves) -> None:
        """All of them, for what they say may be new: once each, the row first that tells it."""
        table = pa.table(
            [pa.array(halves[:, 0]), pa.array(halves[:, 1]), rows["statement_type"], rows["text"]],
            names=["id", "check_bits", "statement_type", "said"],
        ).filter(pc.is_valid(rows["fingerprint"]))
        table = self.unique(table.sort_by([("id", "ascending"), ("said", "descending")]))
        self._staged["new_fingerprint"].append(np.column_stack([table["id"], table["check_bits"]]))
        self.ingest("new_fingerprint", table)

    def finish(self) -> None:
        """Sum what came in several batches."""
        self.refuse_doubles()
        self.execute(_SUM)


_COLUMNS = (
    "day INTEGER, dataset_id INTEGER, fingerprint_id INTEGER, reader_id INTEGER, process_kind TEXT, client TEXT, "
    f"warehouse TEXT, {', '.join(f'{name} INTEGER' for name in _FIGURES)}, last_run_at INTEGER"
)

_TABLES = (
    f"CREATE TABLE stage.counted ({_COLUMNS})",
    NEW_DATASET,
    NEW_READER,
    "CREATE TABLE stage.new_fingerprint (id INTEGER, check_bits INTEGER, statement_type TEXT, said TEXT)",
)

_KEY = "day, dataset_id, fingerprint_id, reader_id, process_kind, client, warehouse"

# In the order of its key, which is the order it is merged in.
_SUM = (
    f"CREATE TABLE stage.ran AS SELECT {_KEY}, "  # noqa: S608 -- our own
    + ", ".join(f"{'max' if name == 'longest_ms' else 'sum'}({name}) AS {name}" for name in _FIGURES)
    + f", max(last_run_at) AS last_run_at FROM stage.counted GROUP BY {_KEY} ORDER BY 1, 2, 3, 4, 5, 6, 7"
)
