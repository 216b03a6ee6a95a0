"""A run of days of the usage stream, staged: counts by dataset and reader, and what is told of datasets."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from miner import days, schemas
from miner.ledger import keys
from miner.ledger.database import Stage
from miner.ledger.staging import NEW_DATASET, NEW_READER, Staging, end_columns
from miner.ports import AUDIT, Outside


class UsageStaging(Staging):
    """A run of days of the usage stream."""

    def __init__(self, connection: Connection, stage: Stage, first: date) -> None:
        super().__init__(connection, stage, first)
        self._forms = _FORM.empty_table()
        self._outside: Counter[tuple[int, str, str, str]] = Counter()
        for statement in _USAGE_TABLES:
            self.execute(statement)

    def add_usage(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take in usage (`miner.schemas.USAGE`)."""
        for batch in batches:
            whole = pa.Table.from_batches([batch])
            self.count_rows("table_lineage", whole)
            if (kept := whole.filter(pc.equal(whole["fate"], "kept"))).num_rows:
                self._add_usage(kept)

    def add_enrichment(self, rows: pa.Table) -> None:
        """Take in how lineage and query history match (`miner.schemas.ENRICHMENT`)."""
        for row in rows.to_pylist():
            self.fates[row["day"], row["side"], row["fate"], ""] += row["rows"]

    def add_outside(self, outside: Outside, run: Sequence[date]) -> None:
        """Take in what was read past lineage; what is in a share is so on every day of the run."""
        self.audited = outside.audited
        for row in outside.rows.to_pylist():
            fate = "unresolved" if row["dataset"] is None else "resolved"
            for day in run if row["day"] is None else (row["day"],):
                if row["told_by"] == AUDIT:
                    self.fates[day, schemas.AUDIT_READS, fate, ""] += row["reads"]
                if row["dataset"] is not None:
                    self._outside[days.number(day), row["metastore_id"], row["dataset"], row["told_by"]] += row["reads"]

    def _add_usage(self, kept: pa.Table) -> None:
        halves = keys.halves_of_hex(kept["dataset_key"].combine_chunks())
        reader_ids, names = keys.readers(kept["reader"].combine_chunks())
        times = {name: pc.cast(kept[name], pa.int64()) for name in ("last_read_at", "last_write_at")}
        measures = {name: kept[name] for name in MEASURES}
        self.ingest(
            "counted",
            pa.table(
                {
                    "day": pc.cast(kept["day"], pa.int32()),
                    "dataset_id": halves[:, 0],
                    "reader_id": reader_ids,
                    "process_kind": kept["process_kind"],
                    **measures,
                    **times,
                }
            ),
        )
        self.ingest("new_reader", names)
        self.datasets(end_columns(kept, "dataset"), halves)
        self._add_forms(kept, halves)
        self._add_locations(kept, halves)

    def _add_forms(self, kept: pa.Table, halves: keys.Halves) -> None:
        """The spelling and type of the latest event of each dataset so far."""
        at = pc.cast(kept["dataset_seen_at"], pa.int64())
        forms = pa.table([pa.array(halves[:, 0]), kept["dataset_type"], kept["dataset_spelling"], at], schema=_FORM)
        told = pa.concat_tables([self._forms, forms.filter(pc.is_valid(forms["spelling"]))])
        order = [("id", "ascending"), ("at", "descending"), ("spelling", "descending"), ("type", "descending")]
        told = told.sort_by(order)
        _, first = np.unique(told["id"].to_numpy(), return_index=True)
        self._forms = told.take(pa.array(first))

    def _add_locations(self, kept: pa.Table, halves: keys.Halves) -> None:
        """Rows that carry a name and a path: evidence that the two are one."""
        for column in ("first_location", "last_location"):
            located = pc.is_valid(kept[column])
            rows = kept.filter(located)
            if not rows.num_rows:
                continue
            empty = pa.chunked_array([pa.nulls(rows.num_rows, pa.string())])
            parts = [rows["metastore_id"], empty, empty, empty, rows[column]]
            paths = keys.halves_of_parts(parts)
            self.datasets(parts, paths)
            tables = halves[located.to_numpy(), 0]
            day = pc.cast(rows["day"], pa.int32())
            self.ingest("located", pa.table({"day": day, "from_id": paths[:, 0], "to_id": tables}))

    def finish(self) -> None:
        """Sum what came in several batches, and digest it."""
        self.refuse_doubles()
        self.ingest("latest_form", self._forms)
        self.ingest(
            "outside", schemas.table_of([(*key, reads) for key, reads in sorted(self._outside.items())], _OUTSIDE)
        )
        self.execute(_SUM_USAGE)
        self.digest(self.stage.read("usage", _USAGE))


MEASURES = ("reads", "cached_reads", "failed_reads", "indirect_reads", "self_reads", "writes", "events", "runs")

_SUMS = ", ".join(f"sum({name}) AS {name}" for name in MEASURES)

_USAGE_TABLES = (
    (
        "CREATE TABLE stage.counted (day INTEGER, dataset_id INTEGER, reader_id INTEGER, process_kind TEXT, "
        "reads INTEGER, cached_reads INTEGER, failed_reads INTEGER, indirect_reads INTEGER, self_reads INTEGER, "
        "writes INTEGER, events INTEGER, runs INTEGER, last_read_at INTEGER, last_write_at INTEGER)"
    ),
    NEW_DATASET,
    NEW_READER,
    "CREATE TABLE stage.located (day INTEGER, from_id INTEGER, to_id INTEGER)",
)

# Written in the order of its key, which is the order it is read and merged in.
_SUM_USAGE = (
    "CREATE TABLE stage.usage AS SELECT day, dataset_id, reader_id, process_kind, "  # noqa: S608 -- our own
    f"{_SUMS}, max(last_read_at) AS last_read_at, max(last_write_at) AS last_write_at FROM stage.counted "
    "GROUP BY day, dataset_id, reader_id, process_kind ORDER BY 1, 2, 3, 4"
)

_USAGE = pa.schema(
    {
        "day": pa.int64(), "dataset_id": pa.int64(), "reader_id": pa.int64(), "process_kind": pa.string(),
        **dict.fromkeys(MEASURES, pa.int64()), "last_read_at": pa.int64(), "last_write_at": pa.int64(),
    }
)  # fmt: skip

_OUTSIDE = pa.schema(
    {
        "day": pa.int64(), **dict.fromkeys(("metastore_id", "dataset", "told_by"), pa.string()), "reads": pa.int64(),
    }
)  # fmt: skip

_FORM = pa.schema([("id", pa.int64()), ("type", pa.string()), ("spelling", pa.string()), ("at", pa.int64())])
