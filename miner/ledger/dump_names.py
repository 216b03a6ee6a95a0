"""The names that a ledger knows, for its dump: what processes, tasks, workspaces, tables and catalogs are called."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, text

from miner import days

Row = dict[str, object]


def name_rows(connection: Connection) -> Iterator[tuple[str, Row]]:
    """Each row behind the word for what it is, in the order of natural keys."""
    for source, kind, workspace, item, part, name, changed in _read(connection, _LABELS):
        changed_at = days.instant_of(changed).isoformat() if changed else None
        yield "label", {
            "source": source, "kind": kind, "workspace": workspace, "id": item, "part": part, "name": name,
            "changed": changed_at,
        }  # fmt: skip
    for source, workspace, job, task in _read(connection, _TASKS):
        yield "task", {"source": source, "workspace": workspace, "job": job, "task": task}
    for source, workspace, name, url in _read(connection, _WORKSPACES):
        yield "workspace", {"source": source, "workspace": workspace, "name": name, "url": url}
    for source, *names, type_, table_type, definition in _read(connection, _FORMS):
        yield "table", {
            "source": source, "dataset": names, "type": type_, "table_type": table_type, "definition": definition,
        }  # fmt: skip
    for source, *names, column, position, data_type in _read(connection, _COLUMNS):
        yield "table_column", {
            "source": source, "dataset": names, "column": column, "position": position, "type": data_type
        }  # fmt: skip
    for source, metastore, catalog, type_, *told in _read(connection, _CATALOGS):
        behind = dict(zip(("connection", "address", "provider", "share"), told, strict=True))
        yield "catalog", {"source": source, "catalog": [metastore, catalog], "type": type_, **behind}


def _read(connection: Connection, query: str) -> Iterator[Any]:
    yield from connection.execute(text(query), execution_options={"stream_results": True})


_LABELS = (
    "SELECT s.name, l.kind, l.workspace_id, l.item_id, l.part, l.name, l.changed_at FROM label l "
    "JOIN source s ON s.id = l.source_id ORDER BY 1, 2, 3, 4, 5"
)
_TASKS = (
    "SELECT s.name, t.workspace_id, t.job_id, t.task_key FROM job_task t JOIN source s ON s.id = t.source_id "
    "ORDER BY 1, 2, 3, 4"
)
_WORKSPACES = (
    "SELECT s.name, w.workspace_id, w.name, w.url FROM workspace w JOIN source s ON s.id = w.source_id ORDER BY 1, 2"
)
_FORMS = (
    "SELECT s.name, d.metastore_id, d.catalog, d.schema, d.name, f.type, f.table_type, f.view_definition "
    "FROM table_form f JOIN source s ON s.id = f.source_id JOIN dataset d ON d.id = f.dataset_id "
    "ORDER BY 1, 2, 3, 4, 5"
)
_COLUMNS = (
    "SELECT s.name, d.metastore_id, d.catalog, d.schema, d.name, c.name, c.position, c.data_type "
    "FROM table_column c JOIN source s ON s.id = c.source_id JOIN dataset d ON d.id = c.dataset_id "
    "ORDER BY 1, 2, 3, 4, 5, 6"
)
_CATALOGS = (
    "SELECT s.name, c.metastore_id, c.catalog, c.type, c.connection, c.address, c.provider, c.share FROM catalog c "
    "JOIN source s ON s.id = c.source_id ORDER BY 1, 2, 3"
)
