"""What things are called, staged and merged: a snapshot that replaces a source's share, part by part.

Names are attributes. What changes here marks the flows that show it, and makes no process, edge or flow anew.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, text

from miner import days, schemas
from miner.ledger import aliases, dirty, keys
from miner.ledger.database import Stage
from miner.ledger.locations import Locations
from miner.ledger.merge import Fence
from miner.ledger.staging import ADD_DATASETS, Staging
from miner.ports import TableName

KEPT_BY_DAY = frozenset({"dbt_models"})
"""Parts that are told for a run of days only: what was known of other days stays."""

COLUMNS = "columns"
"""The part that is told of tables which a catalog lacks."""


@dataclass(frozen=True, slots=True)
class NamesMerge:
    """A snapshot of one source's names; `last_day` is the last day of its lineage."""

    source_id: int
    last_day: date
    read_at: datetime
    run_id: int
    lease: Fence | None = None
    """Checked first and last: without it nothing is committed."""


class NamesStaging(Staging):
    """The parts of the stream `names` that could be read."""

    def __init__(self, connection: Connection, stage: Stage, first: date) -> None:
        super().__init__(connection, stage, first)
        self.rows_read: dict[str, int] = {}
        self.content = ""
        self._locations = Locations(self)
        for statement in _STAGED:
            self.execute(statement)

    def add(self, part: str, batches: Iterable[pa.RecordBatch]) -> None:
        """Take in one part whole (`miner.ports.NAMES`)."""
        self.rows_read[part] = 0
        for batch in batches:
            self.rows_read[part] += batch.num_rows
            self._add(part, pa.Table.from_batches([batch]))

    def add_columns(self, tables: Mapping[TableName, Sequence[int]], batches: Iterable[pa.RecordBatch]) -> None:
        """Take in the columns of some tables, given with their numbers; those of others are passed over."""
        self.rows_read[COLUMNS] = 0
        for batch in batches:
            told = [
                (number, column, position or 0, kind)
                for *name, position, column, kind in zip(*(one.to_pylist() for one in batch.columns), strict=True)
                for number in (tables.get(TableName(*name), ()) if column else ())
            ]
            self.rows_read[COLUMNS] += len(told)
            self.ingest("columns", schemas.table_of(told, _STAGED_COLUMNS))

    def _add(self, part: str, rows: pa.Table) -> None:
        match part:
            case "tables":
                self._add_forms(rows)
            case "workspaces" | "job_tasks" | "catalogs":
                self.ingest(part, rows)
            case _:
                self._add_labels(part, rows)

    def _add_labels(self, part: str, rows: pa.Table) -> None:
        at = pc.fill_null(pc.cast(rows["changed_at"], pa.int64()), 0)
        told = rows.drop_columns(["changed_at"]).append_column("changed_at", at)
        told = told.append_column("part", pa.array([part] * rows.num_rows, pa.string()))
        self.ingest("labels", told.filter(pc.not_equal(pc.fill_null(rows["name"], ""), "")))

    def _add_forms(self, rows: pa.Table) -> None:
        """Forms of tables the ledger knows, or whose location is at or above a path that it knows: that is evidence."""
        nothing = pa.chunked_array([pa.nulls(rows.num_rows, pa.string())])
        ends = [rows["metastore_id"], rows["catalog"], rows["schema"], rows["name"], nothing]
        tables = keys.halves_of_parts(ends)
        located = pc.is_valid(rows["path"]).to_numpy()
        paths = keys.halves_of_parts([rows["metastore_id"], nothing, nothing, nothing, rows["path"]])
        if located.any():
            located[located] = self._locations.above_paths(paths[located])
        known = located | ~self.unknown(tables, "dataset")
        if located.any():
            self.datasets([column.filter(pa.array(located)) for column in ends], tables[located])
            self._locations.add(paths[located], tables[located])
        told = rows.select(["type", "table_type", "view_definition"])
        self.ingest("forms", told.append_column("dataset_id", pa.array(tables[:, 0])).filter(pa.array(known)))

    def finish(self) -> None:
        """Work out what the aliases are, so that figures are told when they change."""
        self.refuse_doubles()
        self._locations.find_nearest()
        pairs = sorted(map(tuple, self.rows(_PAIRS)))
        if pairs:
            self.content = hashlib.blake2b(np.array(pairs, ">i8").tobytes(), digest_size=16).hexdigest()


def merge_names(connection: Connection, one: NamesMerge, staging: NamesStaging) -> None:
    """Replace one source's share of every part that was read. The caller holds the transaction."""
    if one.lease:
        one.lease.check(connection)
    staging.refuse_collisions()
    last = days.number(one.last_day)
    for part, rows in staging.rows_read.items():
        values = {
            "source": one.source_id, "part": part, "rows": rows, "last": last, "at": days.micros(one.read_at),
            "content": staging.content if part == "tables" else "", "run": one.run_id,
        }  # fmt: skip
        connection.execute(text(_NOTE), values)
        if part not in KEPT_BY_DAY:
            connection.execute(text("INSERT INTO stage.replaced VALUES (:part)"), {"part": part})
    values = {"source": one.source_id, "last": last}
    for statement in _MERGE:
        connection.execute(text(statement), {name: values[name] for name in values if f":{name}" in statement})
    if one.lease:
        one.lease.check(connection)


_STAGED_COLUMNS = pa.schema(
    [("dataset_id", pa.int64()), ("name", pa.string()), ("position", pa.int64()), ("data_type", pa.string())]
)

_NOTE = (
    "INSERT INTO names_read (source_id, part, rows, last_day, content, read_at, run_id) "
    "VALUES (:source, :part, :rows, :last, :content, :at, :run) ON CONFLICT (source_id, part) DO UPDATE SET "
    "rows = excluded.rows, last_day = excluded.last_day, content = excluded.content, read_at = excluded.read_at, "
    "run_id = excluded.run_id"
)

_STAGED = (
    (
        "CREATE TABLE stage.new_dataset (id INTEGER, check_bits INTEGER, metastore_id TEXT, catalog TEXT, schema TEXT, "
        "name TEXT, path TEXT)"
    ),
    (
        "CREATE TABLE stage.labels (kind TEXT, workspace_id TEXT, item_id TEXT, name TEXT, changed_at INTEGER, "
        "part TEXT)"
    ),
    "CREATE TABLE stage.job_tasks (workspace_id TEXT, job_id TEXT, task_key TEXT)",
    "CREATE TABLE stage.workspaces (workspace_id TEXT, name TEXT, url TEXT)",
    "CREATE TABLE stage.forms (type TEXT, table_type TEXT, view_definition TEXT, dataset_id INTEGER)",
    (
        "CREATE TABLE stage.catalogs (metastore_id TEXT, catalog TEXT, type TEXT, connection TEXT, address TEXT, "
        "provider TEXT, share TEXT)"
    ),
    "CREATE TABLE stage.columns (dataset_id INTEGER, name TEXT, position INTEGER, data_type TEXT)",
    "CREATE TABLE stage.replaced (part TEXT PRIMARY KEY)",
    (
        "CREATE TABLE stage.renamed (kind TEXT, workspace_id TEXT, item_id TEXT, "
        "PRIMARY KEY (kind, workspace_id, item_id))"
    ),
    "CREATE TABLE stage.moved_workspace (workspace_id TEXT PRIMARY KEY)",
    "CREATE TABLE stage.renamed_process (id INTEGER PRIMARY KEY)",
    "CREATE TABLE stage.moved (from_id INTEGER PRIMARY KEY)",
)


_PAIRS = f"SELECT from_id, to_id, CASE WHEN evidence = '{aliases.STORAGE[0]}' THEN 1 ELSE 0 END FROM stage.storage"  # noqa: S608


def _replaced(part: str) -> str:
    return f"EXISTS (SELECT 1 FROM stage.replaced WHERE part = '{part}')"  # noqa: S608 -- a name of ours


_LABEL = "kind, workspace_id, item_id, part, name"
_TASK = "workspace_id, job_id, task_key"
_WORKSPACE = "workspace_id, name, url"

_CHANGES = (
    (
        f"INSERT OR IGNORE INTO stage.renamed SELECT kind, workspace_id, item_id FROM ("  # noqa: S608 -- ours throughout
        f"SELECT {_LABEL} FROM stage.labels EXCEPT SELECT {_LABEL} FROM label WHERE source_id = :source) c"
    ),
    (
        "INSERT OR IGNORE INTO stage.renamed SELECT kind, workspace_id, item_id FROM ("  # noqa: S608
        f"SELECT {_LABEL} FROM label WHERE source_id = :source AND part IN (SELECT part FROM stage.replaced) "
        f"EXCEPT SELECT {_LABEL} FROM stage.labels) c"
    ),
    (
        "INSERT OR IGNORE INTO stage.renamed SELECT 'job', workspace_id, job_id FROM ("  # noqa: S608
        f"SELECT {_TASK} FROM stage.job_tasks EXCEPT SELECT {_TASK} FROM job_task WHERE source_id = :source) c"
    ),
    (
        "INSERT OR IGNORE INTO stage.renamed SELECT 'job', workspace_id, job_id FROM ("  # noqa: S608
        f"SELECT {_TASK} FROM job_task WHERE source_id = :source AND {_replaced('job_tasks')} "
        f"EXCEPT SELECT {_TASK} FROM stage.job_tasks) c"
    ),
    (
        "INSERT OR IGNORE INTO stage.moved_workspace SELECT workspace_id FROM ("  # noqa: S608
        f"SELECT {_WORKSPACE} FROM stage.workspaces EXCEPT SELECT {_WORKSPACE} FROM workspace "
        "WHERE source_id = :source) c"
    ),
    (
        "INSERT OR IGNORE INTO stage.moved_workspace SELECT workspace_id FROM ("  # noqa: S608
        f"SELECT {_WORKSPACE} FROM workspace WHERE source_id = :source AND {_replaced('workspaces')} "
        f"EXCEPT SELECT {_WORKSPACE} FROM stage.workspaces) c"
    ),
    # What changed stands first: without any, the processes are not looked at.
    (
        "INSERT OR IGNORE INTO stage.renamed_process SELECT p.id FROM stage.renamed r CROSS JOIN process p "
        "ON p.workspace_id = r.workspace_id AND p.kind = r.kind AND p.process_id = r.item_id"
    ),
    (
        "INSERT OR IGNORE INTO stage.renamed_process SELECT p.id FROM stage.moved_workspace w CROSS JOIN process p "
        "ON p.workspace_id = w.workspace_id"
    ),
    dirty.MARK.format(
        rows="SELECT process_id, target_dataset, 1 FROM ("
        "SELECT e.process_id, e.target_dataset FROM stage.renamed_process r JOIN edge e ON e.process_id = r.id "
        "UNION SELECT e.process_id, e.target_dataset FROM stage.renamed_process r "
        "JOIN alias a ON a.kind = 'process' AND a.to_id = r.id JOIN edge e ON e.process_id = a.from_id) c WHERE true"
    ),
)
"""Which processes are called otherwise now, or are in a workspace that is; their flows are marked."""

_FORMS = (
    dirty.MARK.format(
        rows="SELECT process_id, target_dataset, 1 FROM (SELECT e.process_id, e.target_dataset FROM ("
        "SELECT f.dataset_id AS id FROM stage.forms f JOIN dataset d ON d.id = f.dataset_id AND d.type IS NULL "
        "WHERE NOT EXISTS (SELECT 1 FROM table_form o WHERE o.dataset_id = f.dataset_id AND o.source_id = :source "
        "AND o.type = f.type)) c JOIN edge e ON e.source_dataset = c.id OR e.target_dataset = c.id) m "
        "WHERE true GROUP BY process_id, target_dataset"
    ),
)
"""Flows of tables whose type no event tells, when information_schema tells another than before."""

_COLUMN = "dataset_id, name, position, data_type"

_COLUMNS = (
    dirty.MARK.format(
        rows="SELECT process_id, target_dataset, 1 FROM (SELECT e.process_id, e.target_dataset FROM ("  # noqa: S608
        f"SELECT dataset_id AS id FROM (SELECT {_COLUMN} FROM stage.columns EXCEPT "
        f"SELECT {_COLUMN} FROM table_column WHERE source_id = :source) n "
        f"UNION SELECT dataset_id FROM (SELECT {_COLUMN} FROM table_column WHERE source_id = :source "
        f"AND {_replaced(COLUMNS)} EXCEPT SELECT {_COLUMN} FROM stage.columns) o) c "
        "JOIN edge e ON e.source_dataset = c.id OR e.target_dataset = c.id) m "
        "WHERE true GROUP BY process_id, target_dataset"
    ),
    f"DELETE FROM table_column WHERE source_id = :source AND {_replaced(COLUMNS)}",  # noqa: S608
    (
        f"INSERT OR IGNORE INTO table_column ({_COLUMN}, source_id) "  # noqa: S608
        f"SELECT {_COLUMN}, :source FROM stage.columns"
    ),
)
"""Columns of tables that a catalog lacks: flows of those that are others now are marked."""

_STALE_STORAGE = (
    f"a.source_id = :source AND a.kind = 'dataset' AND a.evidence IN {aliases.STORAGE} "  # noqa: S608 -- ours
    f"AND {_replaced('tables')} AND NOT EXISTS "
    "(SELECT 1 FROM stage.storage s WHERE s.from_id = a.from_id AND s.to_id = a.to_id AND s.evidence = a.evidence)"
)

_ALIASES = (
    f"INSERT OR IGNORE INTO stage.moved SELECT a.from_id FROM alias a WHERE {_STALE_STORAGE}",  # noqa: S608
    (
        "INSERT OR IGNORE INTO stage.moved SELECT s.from_id FROM stage.storage s WHERE NOT EXISTS "
        "(SELECT 1 FROM alias a WHERE a.source_id = :source AND a.kind = 'dataset' AND a.from_id = s.from_id "
        "AND a.to_id = s.to_id AND a.evidence = s.evidence)"
    ),
    # Under the path's own name and under every name it had: what was drawn to a table may be the path's again.
    dirty.MARK.format(
        rows="SELECT process_id, target_dataset, 1 FROM ("
        "SELECT e.process_id, e.target_dataset FROM stage.moved m JOIN edge e ON e.source_dataset = m.from_id "
        "UNION SELECT e.process_id, e.target_dataset FROM stage.moved m JOIN edge e ON e.target_dataset = m.from_id "
        "UNION SELECT e.process_id, o.to_id FROM stage.moved m JOIN edge e ON e.target_dataset = m.from_id "
        "JOIN alias o ON o.kind = 'dataset' AND o.from_id = m.from_id) c WHERE true"
    ),
    (
        "DELETE FROM alias WHERE (source_id, kind, from_id, to_id, evidence) IN (SELECT a.source_id, a.kind, "  # noqa: S608
        f"a.from_id, a.to_id, a.evidence FROM alias a WHERE {_STALE_STORAGE})"
    ),
    aliases.UPSERT.format(
        rows="SELECT :source, 'dataset', from_id, to_id, evidence, :last, :last FROM stage.storage WHERE true"
    ),
)

_GONE = (
    (
        "INSERT INTO table_gone (dataset_id, source_id, since_day) "  # noqa: S608
        "SELECT f.dataset_id, CAST(:source AS INTEGER), CAST(:last AS INTEGER) "
        f"FROM table_form f WHERE f.source_id = :source AND {_replaced('tables')} "
        "AND NOT EXISTS (SELECT 1 FROM stage.forms s WHERE s.dataset_id = f.dataset_id) "
        "ON CONFLICT (dataset_id, source_id) DO NOTHING"
    ),
    (
        f"DELETE FROM table_gone WHERE source_id = :source AND {_replaced('tables')} "  # noqa: S608
        "AND dataset_id IN (SELECT dataset_id FROM stage.forms)"
    ),
)
"""Tables that are listed no more, and since when; those that are listed again."""

_REPLACE = (
    (
        "DELETE FROM label WHERE source_id = :source AND part IN (SELECT part FROM stage.replaced) AND NOT EXISTS "
        "(SELECT 1 FROM stage.labels s WHERE s.kind = label.kind AND s.workspace_id = label.workspace_id "
        "AND s.item_id = label.item_id AND s.part = label.part)"
    ),
    (
        "INSERT INTO label (kind, workspace_id, item_id, source_id, part, name, changed_at) "
        "SELECT kind, workspace_id, item_id, :source, part, max(name), max(changed_at) FROM stage.labels WHERE true "
        "GROUP BY kind, workspace_id, item_id, part ON CONFLICT (kind, workspace_id, item_id, source_id, part) "
        "DO UPDATE SET name = excluded.name, changed_at = excluded.changed_at "
        "WHERE label.part IN (SELECT part FROM stage.replaced) OR excluded.changed_at >= label.changed_at"
    ),
    f"DELETE FROM job_task WHERE source_id = :source AND {_replaced('job_tasks')}",  # noqa: S608
    f"INSERT OR IGNORE INTO job_task ({_TASK}, source_id) SELECT {_TASK}, :source FROM stage.job_tasks",  # noqa: S608
    f"DELETE FROM workspace WHERE source_id = :source AND {_replaced('workspaces')}",  # noqa: S608
    (
        f"INSERT OR IGNORE INTO workspace ({_WORKSPACE}, source_id) "  # noqa: S608
        f"SELECT {_WORKSPACE}, :source FROM stage.workspaces"
    ),
    f"DELETE FROM table_form WHERE source_id = :source AND {_replaced('tables')}",  # noqa: S608
    (
        "INSERT OR IGNORE INTO table_form (dataset_id, source_id, type, table_type, view_definition) "
        "SELECT dataset_id, :source, type, table_type, view_definition FROM stage.forms"
    ),
    f"DELETE FROM catalog WHERE source_id = :source AND {_replaced('catalogs')}",  # noqa: S608
    (
        "INSERT OR IGNORE INTO catalog (metastore_id, catalog, source_id, type, connection, address, provider, share) "
        "SELECT metastore_id, catalog, :source, type, connection, address, provider, share FROM stage.catalogs"
    ),
)

_MERGE = (ADD_DATASETS, *_CHANGES, *_FORMS, *_COLUMNS, *_ALIASES, *_GONE, *_REPLACE)
