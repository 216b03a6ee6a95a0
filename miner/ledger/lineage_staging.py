"""A run of days of the lineage stream, staged: edges, column sets, one-time runs, replaced tables, texts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from miner import columns, days, run_names, schemas
from miner.ledger import keys
from miner.ledger.database import Stage
from miner.ledger.edge_days import EdgeDays, Numbers, SetDays, active
from miner.ledger.staging import NEW_DATASET, Staging, end_columns, halves_of


class LineageStaging(Staging):
    """A run of days of the lineage stream."""

    identities: ClassVar[Mapping[str, str]] = {
        "new_dataset": "dataset", "new_process": "process", "new_edge": "edge", "new_set": "column_set",
    }  # fmt: skip

    def __init__(self, connection: Connection, stage: Stage, first: date) -> None:
        super().__init__(connection, stage, first)
        self.missing_sets: list[str] = []
        self.one_time_runs = 0
        self.edge_days = EdgeDays.of([], [])
        self._edges: list[Numbers] = []
        self._edge_bits: list[tuple[Numbers, Numbers, Numbers]] = []
        self._new_edges: list[Numbers] = []
        self._sets: list[tuple[Numbers, Numbers, Numbers]] = []
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
        """Take in all edges and their balance (`miner.schemas.EDGES`)."""
        for batch in batches:
            whole = pa.Table.from_batches([batch])
            keyed = pc.is_valid(whole["edge_key"])
            self._balance("table_lineage", whole.filter(pc.invert(keyed)))
            if (edges := whole.filter(keyed)).num_rows:
                self._add_edges(edges)
        self.edge_days = EdgeDays.of(self._edges, self._edge_bits)

    def _add_edges(self, edges: pa.Table) -> None:
        halves = keys.halves_of_hex(edges["edge_key"].combine_chunks())
        indirect = pc.equal(edges["fate"], "indirect").to_numpy()
        bits = edges["day_bits"].to_numpy()
        verified = edges["verified"].to_numpy() & ~indirect
        self._edges.append(halves[:, 0])
        self._edge_bits.append((np.where(indirect, 0, bits), np.where(verified, bits, 0), np.where(indirect, bits, 0)))
        new = self.unknown(halves, "edge") & ~indirect
        if new.any():
            self._add_new_edges(edges.filter(pa.array(new)), halves[new])

    def _add_new_edges(self, new: pa.Table, halves: keys.Halves) -> None:
        parts = [new[name] for name in ("metastore_id", "workspace_id", "process_kind", "process_id")]
        process = keys.halves_of_parts(parts)
        ends = {end: keys.halves_of_parts(end_columns(new, end)) for end in ("source", "target")}
        self._new_edges.append(np.column_stack([halves, process[:, 0], ends["source"][:, 0], ends["target"][:, 0]]))
        self._add_processes(new, process)
        for end, end_halves in ends.items():
            self.datasets(end_columns(new, end), end_halves)

    def _add_processes(self, new: pa.Table, halves: keys.Halves) -> None:
        told = ("metastore_id", "workspace_id", "process_kind", "process_id", "notebook_id", "job_id", "pipeline_id")
        table = pa.table(
            [pa.array(halves[:, 0]), pa.array(halves[:, 1]), *(new[name] for name in told)],
            names=["id", "check_bits", "metastore_id", "workspace_id", "kind", *told[3:]],
        )
        self.add_new("new_process", table)

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
        on_days = bits & self.edge_days.days_of(edges)
        self._count_columns(told, bits & ~on_days)
        self._sets.append((edges, sets[:, 0], on_days))
        self._add_contents(told, sets)

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
                {"id": halves[:, 0], "check_bits": halves[:, 1], "set_key": kept["set_key"], "content": kept["content"]}
            )
        )
        without = table.filter(pc.is_null(table["content"]))
        self.missing_sets += without.filter(pa.array(self.unknown(halves_of(without), "column_set")))[
            "set_key"
        ].to_pylist()
        self.add_new("new_set", table.filter(pc.is_valid(table["content"])).drop_columns(["set_key"]))

    def add_one_time_runs(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take in one-time runs (`miner.schemas.ONE_TIME_RUNS`) as what each job id really stands for."""
        for batch in batches:
            self.one_time_runs += batch.num_rows
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

    def add_replaced(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take in the tables that statements replaced (`miner.schemas.REPLACED`); edge 0 is the replacement itself."""
        for batch in batches:
            if not batch.num_rows:
                continue
            edges = batch.column("edge_key")
            known = pc.is_valid(edges).to_numpy(zero_copy_only=False)
            numbers = np.zeros(batch.num_rows, np.int64)
            numbers[known] = keys.halves_of_hex(edges.drop_null())[:, 0]
            day = pc.cast(batch.column("day"), pa.int32()).cast(pa.int64())
            dataset = keys.halves_of_hex(batch.column("dataset_key"))[:, 0]
            self.ingest("replacing", pa.table({"day": day, "dataset_id": dataset, "edge_id": numbers}))

    def add_texts(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take in what statements say that wrote the target of a flow (`miner.schemas.FLOW_TEXTS`)."""
        for batch in batches:
            if batch.num_rows:
                flow = [keys.halves_of_hex(batch.column(name))[:, 0] for name in ("process_key", "dataset_key")]
                at = pc.cast(batch.column("at"), pa.int64())
                # SQLite takes a NUL for the end of a text when it cuts one, PostgreSQL takes none at all.
                said = pc.replace_substring(batch.column("text"), "\0", "\N{REPLACEMENT CHARACTER}")
                self.ingest("said", pa.table([*flow, at, said], names=_SAID))

    def prepare(self, source_id: int) -> None:
        """Work out each edge's days by column set, and the flows to look at."""
        sets = self._settled(SetDays.of(*zip(*self._sets, strict=True)) if self._sets else SetDays.of([], [], []))
        self._drop_unused(sets)
        self.refuse_doubles()
        edges = self.edge_days
        self.ingest("active", active(edges, sets))
        indirect = edges.indirect_bits != 0
        self.ingest("indirect", pa.table({"edge_id": edges.ids[indirect], "day_bits": edges.indirect_bits[indirect]}))
        for statement in _BY_EDGE:
            self.execute(statement)
        if self.one_time_runs:
            seen = edges.day_bits != 0
            self.ingest("day_edge", pa.table({"id": edges.ids[seen], "day_bits": edges.day_bits[seen]}))
        new = np.concatenate([np.zeros((0, 5), np.int64), *self._new_edges])
        self.ingest("new_edge", self.unique(pa.table(dict(zip(_NEW_EDGE, new.T, strict=True)))))
        month = days.month(self.first)
        self.execute(_CHANGED.format(source=source_id, month=month, before=month - 1))

    def _settled(self, sets: SetDays) -> SetDays:
        """Every day of an edge with one set, where its pairs came in several parts."""
        overlapping = sets.overlapping()
        if not overlapping.any():
            return sets
        parts = sets.only(overlapping)
        self.ingest("part", pa.table({"edge_id": parts.edges, "set_id": parts.sets, "bits": parts.bits}))
        rows = self.connection.exec_driver_sql(_PARTS).all()
        settled = [(edge, *one) for edge, told in groupby(rows, key=itemgetter(0)) for one in _whole_sets(told)]
        edges, bits, contents = zip(*settled, strict=True)
        halves = keys.halves_of_texts(contents)
        self.add_new(
            "new_set",
            pa.table({"id": halves[:, 0], "check_bits": halves[:, 1], "content": pa.array(contents, pa.string())}),
        )
        rest = sets.only(~overlapping)
        return SetDays.of(
            [rest.edges, np.array(edges)], [rest.sets, halves[:, 0]], [rest.bits, np.array(bits, np.int64)]
        )

    def _drop_unused(self, sets: SetDays) -> None:
        """Forget staged sets that no edge had on any day: parts of others, and those of days without their edge."""
        staged = np.concatenate([np.zeros((0, 2), np.int64), *self._staged["new_set"]])[:, 0]
        unused = np.setdiff1d(staged, sets.sets)
        if len(unused):
            self.ingest("unused_set", pa.table({"id": unused}))
            self.execute("DELETE FROM stage.new_set WHERE id IN (SELECT id FROM stage.unused_set)")


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


_NEW_EDGE = ("id", "check_bits", "process_id", "source_dataset", "target_dataset")

_SAID = ("process_id", "target_dataset", "at", "text")

_LINEAGE_TABLES = (
    (
        "CREATE TABLE stage.new_process (id INTEGER, check_bits INTEGER, metastore_id TEXT, workspace_id TEXT, "
        "kind TEXT, process_id TEXT, notebook_id TEXT, job_id TEXT, pipeline_id TEXT)"
    ),
    NEW_DATASET,
    "CREATE TABLE stage.new_set (id INTEGER, check_bits INTEGER, content TEXT)",
    "CREATE TABLE stage.day_edge (id INTEGER PRIMARY KEY, day_bits INTEGER)",
    "CREATE TABLE stage.replacing (day INTEGER, dataset_id INTEGER, edge_id INTEGER)",
    "CREATE TABLE stage.one_time_run (workspace_id TEXT, job_id TEXT, name TEXT)",
    "CREATE TABLE stage.said (process_id INTEGER, target_dataset INTEGER, at INTEGER, text TEXT)",
)

_BY_EDGE = (
    "CREATE INDEX stage.active_by_edge ON active (edge_id, set_id)",
    "CREATE INDEX stage.indirect_by_edge ON indirect (edge_id)",
)

# An edge whose pairs came in parts: the content of each is new here or known to the ledger.
_PARTS = (
    "SELECT c.edge_id, min(c.bits), min(coalesce(n.content, k.content)) FROM stage.part c "
    "LEFT JOIN stage.new_set n ON n.id = c.set_id LEFT JOIN main.column_set k ON k.id = c.set_id "
    "GROUP BY c.edge_id, c.set_id ORDER BY 1, 2"
)

# Edges whose verdict may be another than it was: active as they were not in this month or the one before.
_CHANGED = (
    "CREATE TABLE stage.changed AS SELECT edge_id FROM stage.active a WHERE NOT EXISTS ("
    "SELECT 1 FROM main.edge_month m WHERE m.source_id = {source} AND m.month IN ({month}, {before}) "
    "AND m.edge_id = a.edge_id AND m.set_id = a.set_id AND m.day_bits <> 0 "
    "AND (a.direct_bits = 0 OR m.direct_bits <> 0)) "
    "UNION ALL SELECT i.edge_id FROM stage.indirect i WHERE NOT EXISTS ("
    "SELECT 1 FROM main.edge_indirect m WHERE m.source_id = {source} AND m.month IN ({month}, {before}) "
    "AND m.edge_id = i.edge_id)"
)
