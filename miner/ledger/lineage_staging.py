"""A run of days of the lineage stream, staged: edges, column sets, one-time runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from miner import columns, run_names, schemas
from miner.ledger import keys
from miner.ledger.staging import Staging, end_columns, halves_of


class LineageStaging(Staging):
    """A run of days of the lineage stream."""

    identities: ClassVar[Mapping[str, str]] = {
        "new_dataset": "dataset", "new_process": "process", "new_edge": "edge", "new_set": "column_set",
    }  # fmt: skip

    def __init__(self, path: Path, connection: Connection, first: date) -> None:
        super().__init__(path, connection, first)
        self.missing_sets: list[str] = []
        for statement in _LINEAGE_TABLES:
            self.execute(statement)

    def _balance(self, table: str, rows: pa.Table) -> None:
        """Add rows by day of the run to the balance."""
        for row in rows.select(["fate", "rule", "rows_by_day"]).to_pylist():
            self._count(table, row["fate"], row["rule"] or "", row["rows_by_day"])

    def _count(self, table: str, fate: str, rule: str, by_day: Iterable[int]) -> None:
        for offset, rows in enumerate(by_day):
            if rows:
                self.fates[self.first + timedelta(days=offset), table, fate, rule] += int(rows)

    def add_edges(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take in edges and their balance (`miner.schemas.EDGES`)."""
        for batch in batches:
            whole = pa.Table.from_batches([batch])
            keyed = pc.is_valid(whole["edge_key"])
            self._balance("table_lineage", whole.filter(pc.invert(keyed)))
            if (edges := whole.filter(keyed)).num_rows:
                self._add_edges(edges)

    def _add_edges(self, edges: pa.Table) -> None:
        halves = keys.halves_of_hex(edges["edge_key"].combine_chunks())
        indirect = pc.equal(edges["fate"], "indirect").to_numpy()
        bits = edges["day_bits"].to_numpy()
        numbers = {"id": halves[:, 0], "day_bits": np.where(indirect, 0, bits)}
        flags = {
            "direct_bits": np.where(edges["verified"].to_numpy() & ~indirect, bits, 0),
            "indirect_bits": np.where(indirect, bits, 0),
        }
        self.ingest("asked", pa.table({**numbers, **flags}), replace=True)
        self.execute(_TAKE_EDGES)
        known = self.unknown(halves, "edge").to_numpy(zero_copy_only=False) & ~indirect
        if known.any():
            self._add_new_edges(edges.filter(pa.array(known)), halves[known])

    def _add_new_edges(self, new: pa.Table, halves: keys.Halves) -> None:
        parts = [new[name] for name in ("metastore_id", "workspace_id", "process_kind", "process_id")]
        process = keys.halves_of_parts(parts)
        ends = {end: keys.halves_of_parts(end_columns(new, end)) for end in ("source", "target")}
        edges = pa.table(
            {
                "id": halves[:, 0],
                "check_bits": halves[:, 1],
                "process_id": process[:, 0],
                "source_dataset": ends["source"][:, 0],
                "target_dataset": ends["target"][:, 0],
            }
        )
        self.ingest("new_edge", self.unique(edges))
        self._add_processes(new, process)
        for end, end_halves in ends.items():
            self.datasets(end_columns(new, end), end_halves)

    def _add_processes(self, new: pa.Table, halves: keys.Halves) -> None:
        told = ("metastore_id", "workspace_id", "process_kind", "process_id", "notebook_id", "job_id", "pipeline_id")
        table = pa.table(
            [pa.array(halves[:, 0]), pa.array(halves[:, 1]), *(new[name] for name in told)],
            names=["id", "check_bits", "metastore_id", "workspace_id", "kind", *told[3:]],
        )
        self.ingest("new_process", self.unique(table))

    def add_column_sets(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take in column sets (`miner.schemas.COLUMN_SETS`), after the edges.

        Those without content go to `missing_sets`.
        """
        for batch in batches:
            whole = pa.Table.from_batches([batch])
            keyed = pc.is_valid(whole["edge_key"])
            self._balance("column_lineage", whole.filter(pc.invert(keyed)))
            if (sets := whole.filter(keyed)).num_rows:
                self._add_column_sets(sets)

    def _add_column_sets(self, told: pa.Table) -> None:
        edges = keys.halves_of_hex(told["edge_key"].combine_chunks())[:, 0]
        sets = keys.halves_of_hex(told["set_key"].combine_chunks())
        bits = told["day_bits"].to_numpy()
        on_days = bits & self._table_bits(edges)
        self._count_columns(told, bits & ~on_days)
        self.ingest("day_column", pa.table({"edge_id": edges, "set_id": sets[:, 0], "bits": on_days}))
        self._add_contents(told, sets)

    def _table_bits(self, edges: np.ndarray) -> np.ndarray:
        """The days on which each edge was seen in table_lineage."""
        self.ingest("asked_edge", pa.table({"at": np.arange(len(edges)), "id": edges}), replace=True)
        return np.array(
            self.numbers(
                "SELECT coalesce(e.day_bits, 0) FROM stage.asked_edge a "
                "LEFT JOIN stage.day_edge e ON e.id = a.id ORDER BY a.at"
            ),
            dtype=np.int64,
        )

    def _count_columns(self, told: pa.Table, without_edge: np.ndarray) -> None:
        """Add kept rows to the balance; rows of a day without the table edge are a reason of their own."""
        by_day = told["rows_by_day"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        by_day = by_day.reshape(-1, schemas.RUN_DAYS)
        lost = (without_edge[:, None] >> (self.first.day - 1 + np.arange(schemas.RUN_DAYS))) & 1
        self._count("column_lineage", "no_table_edge", "", (by_day * lost).sum(axis=0))
        self._count("column_lineage", "kept", "", (by_day * (1 - lost)).sum(axis=0))

    def add_contents(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take in the content of sets that came without."""
        for batch in batches:
            kept = pa.Table.from_batches([batch])
            kept = kept.filter(pc.is_valid(kept["set_key"]))
            if kept.num_rows:
                self._add_contents(kept, keys.halves_of_hex(kept["set_key"].combine_chunks()))

    def _add_contents(self, kept: pa.Table, halves: keys.Halves) -> None:
        table = self.unique(
            pa.table(
                {
                    "id": halves[:, 0],
                    "check_bits": halves[:, 1],
                    "set_key": kept["set_key"],
                    "content": kept["content"],
                }
            )
        )
        self._add_contents_of(table)

    def _add_contents_of(self, table: pa.Table) -> None:
        new = table.filter(self.unknown(halves_of(table), "column_set"))
        without = new.filter(pc.is_null(new["content"]))
        self.missing_sets += without["set_key"].to_pylist()
        self.ingest("new_set", new.filter(pc.is_valid(new["content"])).drop_columns(["set_key"]))

    def add_one_time_runs(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take in one-time runs (`miner.schemas.ONE_TIME_RUNS`) as what each job id really stands for."""
        for batch in batches:
            stable = [run_names.stable_name(name) for name in batch.column("run_name").to_pylist()]
            self.ingest(
                "one_time_run",
                pa.table(
                    {
                        "workspace_id": batch.column("workspace_id"),
                        "job_id": batch.column("job_id"),
                        "name": pa.array(stable, pa.string()),
                    }
                ),
            )

    def finish(self, source_id: int, month: int) -> None:
        """Work out each edge's days by column set, and the flows to look at."""
        self._settle_sets()
        for statement in _LINEAGE_FINISH:
            self.execute(statement.format(source=source_id, month=month, before=month - 1))

    def _settle_sets(self) -> None:
        """Give every day of an edge one set, where its pairs came in several parts."""
        self.execute(
            "CREATE TABLE stage.in_parts AS SELECT edge_id FROM stage.day_column WHERE bits <> 0 "
            "GROUP BY edge_id HAVING count(*) > 1"
        )
        rows = self.connection.exec_driver_sql(_PARTS).all()
        settled = [(edge, *one) for edge, parts in groupby(rows, key=itemgetter(0)) for one in _whole_sets(parts)]
        if not settled:
            return
        sets = keys.halves_of_texts([content for _, _, content in settled])
        self.execute("DELETE FROM stage.day_column WHERE edge_id IN (SELECT edge_id FROM stage.in_parts)")
        edges, bits, contents = zip(*settled, strict=True)
        self.ingest("day_column", pa.table({"edge_id": list(edges), "set_id": sets[:, 0], "bits": list(bits)}))
        table = pa.table(
            {"id": sets[:, 0], "check_bits": sets[:, 1], "set_key": [""] * len(sets), "content": list(contents)}
        )
        self._add_contents_of(self.unique(table))


def _whole_sets(parts: Iterable[Sequence[object]]) -> Iterator[tuple[int, str]]:
    """The (days, content) of each set an edge really had, from parts (edge, days, content) that overlap in days."""
    told = [(int(str(bits)), columns.texts_of(str(content))) for _, bits, content in parts]
    by_content: dict[str, int] = {}
    for day in range(31):
        seen = [texts for bits, texts in told if bits >> day & 1]
        if seen:
            content = "".join(sorted(set().union(*seen)))
            by_content[content] = by_content.get(content, 0) | 1 << day
    for content, bits in by_content.items():
        yield bits, content


_LINEAGE_TABLES = (
    (
        "CREATE TABLE stage.day_edge (id INTEGER PRIMARY KEY, day_bits INTEGER, direct_bits INTEGER, "
        "indirect_bits INTEGER)"
    ),
    "CREATE TABLE stage.day_column (edge_id INTEGER, set_id INTEGER, bits INTEGER)",
    (
        "CREATE TABLE stage.new_edge (id INTEGER, check_bits INTEGER, process_id INTEGER, source_dataset INTEGER, "
        "target_dataset INTEGER)"
    ),
    (
        "CREATE TABLE stage.new_process (id INTEGER, check_bits INTEGER, metastore_id TEXT, workspace_id TEXT, "
        "kind TEXT, "
        "process_id TEXT, notebook_id TEXT, job_id TEXT, pipeline_id TEXT)"
    ),
    (
        "CREATE TABLE stage.new_dataset (id INTEGER, check_bits INTEGER, metastore_id TEXT, catalog TEXT, schema TEXT, "
        "name TEXT, path TEXT)"
    ),
    "CREATE TABLE stage.new_set (id INTEGER, check_bits INTEGER, content TEXT)",
    "CREATE TABLE stage.one_time_run (workspace_id TEXT, job_id TEXT, name TEXT)",
)

_TAKE_EDGES = (
    "INSERT INTO stage.day_edge SELECT id, day_bits, direct_bits, indirect_bits FROM stage.asked WHERE true "
    "ORDER BY id ON CONFLICT (id) DO UPDATE SET day_bits = day_edge.day_bits | excluded.day_bits, "
    "direct_bits = day_edge.direct_bits | excluded.direct_bits, "
    "indirect_bits = day_edge.indirect_bits | excluded.indirect_bits"
)

# An edge whose pairs came in parts: the content of each is new here or known to the ledger.
_PARTS = (
    "SELECT c.edge_id, c.bits, coalesce(n.content, k.content) FROM stage.day_column c "
    "JOIN stage.in_parts p ON p.edge_id = c.edge_id LEFT JOIN stage.new_set n ON n.id = c.set_id "
    "LEFT JOIN main.column_set k ON k.id = c.set_id WHERE c.bits <> 0 ORDER BY c.edge_id, c.bits"
)

_LINEAGE_FINISH = (
    "CREATE INDEX stage.day_column_by_edge ON day_column (edge_id)",
    (
        "CREATE TABLE stage.active (edge_id INTEGER, set_id INTEGER, day_bits INTEGER, direct_bits INTEGER, "
        "PRIMARY KEY (edge_id, set_id)) WITHOUT ROWID"
    ),
    (
        "INSERT INTO stage.active SELECT e.id, c.set_id, sum(c.bits), sum(c.bits & e.direct_bits) "
        "FROM stage.day_column c JOIN stage.day_edge e ON e.id = c.edge_id WHERE c.bits <> 0 "
        "GROUP BY e.id, c.set_id ORDER BY 1, 2"
    ),
    (
        "INSERT INTO stage.active SELECT id, 0, bare, bare & direct_bits FROM (SELECT e.id, e.direct_bits, "
        "e.day_bits & ~coalesce((SELECT sum(c.bits) FROM stage.day_column c WHERE c.edge_id = e.id), 0) AS bare "
        "FROM stage.day_edge e) WHERE bare <> 0"
    ),
    (
        "CREATE TABLE stage.changed AS SELECT edge_id FROM stage.active a WHERE NOT EXISTS ("
        "SELECT 1 FROM main.edge_month m WHERE m.source_id = {source} AND m.month IN ({month}, {before}) "
        "AND m.edge_id = a.edge_id AND m.set_id = a.set_id AND m.day_bits <> 0 "
        "AND (a.direct_bits = 0 OR m.direct_bits <> 0)) "
        "UNION SELECT i.id FROM stage.day_edge i WHERE i.indirect_bits <> 0 AND NOT EXISTS ("
        "SELECT 1 FROM main.edge_indirect m WHERE m.source_id = {source} AND m.month IN ({month}, {before}) "
        "AND m.edge_id = i.id)"
    ),
)
