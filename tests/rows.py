"""Short row descriptions made into full rows of the documented system tables, and written as an export on disk.

A test names only what it is about: `lineage("c.s.a", "c.s.b", job="7")`. Every other documented column is None, except
the metastore, the workspace, the day with its time, and ids that tell rows apart.
"""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from queries.documented import (
    AUDIT,
    BILLING_USAGE,
    COLUMN_LINEAGE,
    DOCUMENTED,
    INFORMATION_SCHEMA_TABLE_SHARE_USAGE,
    JOB_RUN_TIMELINE,
    LIST_PRICES,
    QUERY_HISTORY,
    TABLE_LINEAGE,
    WAREHOUSE_EVENTS,
)

Row = dict[str, Any]

DAY = date(2026, 11, 10)
METASTORE = "11111111-2222-3333-4444-555555555555"
WORKSPACE = "1001"

TABLES = {
    "table_lineage": "system.access.table_lineage",
    "column_lineage": "system.access.column_lineage",
    "query_history": "system.query.history",
    "job_run_timeline": "system.lakeflow.job_run_timeline",
    "audit": "system.access.audit",
    "table_share_usage": "system.information_schema.table_share_usage",
}
"""Full names by role."""

COST_TABLES = {
    "billing_usage": "system.billing.usage",
    "list_prices": "system.billing.list_prices",
    "warehouse_events": "system.compute.warehouse_events",
}
"""Those that only tell what statements cost."""

_METADATA = {
    "job": ("job_info", "job_id"),
    "job_run": ("job_info", "job_run_id"),
    "dashboard": ("dashboard_id",),
    "legacy_dashboard": ("legacy_dashboard_id",),
    "notebook": ("notebook_id",),
    "query": ("sql_query_id",),
    "pipeline": ("dlt_pipeline_info", "dlt_pipeline_id"),
    "update": ("dlt_pipeline_info", "dlt_update_id"),
    "genie": ("genie_space_id",),
    "alert": ("alert_id",),
}

_numbers = count(1)


def at(day: date = DAY, hour: int = 12, minute: int = 0, second: int = 0) -> datetime:
    """A UTC instant of a day."""
    return datetime.combine(day, time(hour, minute, second), UTC)


def end(side: str, name: str | None) -> Row:
    """The columns of one end: `c.s.t` is a table, anything with a slash or a colon a path, None no end."""
    if name is None:
        return {}
    if "/" in name or ":" in name:
        return {f"{side}_path": name, f"{side}_type": "PATH"}
    catalog, schema, table = name.split(".")
    return {
        f"{side}_table_full_name": name,
        f"{side}_table_catalog": catalog,
        f"{side}_table_schema": schema,
        f"{side}_table_name": table,
        f"{side}_type": "TABLE",
    }


def metadata(**ids: str | None) -> Row:
    """An entity_metadata with the ids given by their short names (job, notebook, pipeline, …)."""
    whole: Row = {field: None for (field, *_) in _METADATA.values()}
    for short, value in ids.items():
        field, *inner = _METADATA[short]
        whole[field] = {**(whole[field] or {}), inner[0]: value} if inner else value
    return whole


def lineage(source: str | None = None, target: str | None = None, *, day: date = DAY, **given: Any) -> Row:
    """One row of table_lineage; ids of processes may be given by their short names."""
    return _event(TABLE_LINEAGE, source, target, day, given)


def columns(
    source: str | None, target: str | None, from_column: str | None, to_column: str | None, **given: Any
) -> Row:
    """One row of column_lineage."""
    pair = {"source_column_name": from_column, "target_column_name": to_column}
    return _event(COLUMN_LINEAGE, source, target, given.pop("day", DAY), pair | given)


def _event(schema: pa.Schema, source: str | None, target: str | None, day: date, given: Row) -> Row:
    number = next(_numbers)
    short = {name: given.pop(name) for name in list(given) if name in _METADATA}
    row = {
        "metastore_id": METASTORE,
        "workspace_id": WORKSPACE,
        "event_date": day,
        "event_time": at(day),
        "event_id": f"event-{number}",
        "record_id": f"record-{number}",
        "entity_metadata": metadata(**short) if short else None,
        **end("source", source),
        **end("target", target),
    }
    return _full(schema, row | given)


def statement(statement_id: str, **given: Any) -> Row:
    """One row of query.history: a finished statement of the day unless told otherwise."""
    start = given.get("start_time", at())
    row = {
        "workspace_id": WORKSPACE,
        "statement_id": statement_id,
        "execution_status": "FINISHED",
        "start_time": start,
        "end_time": start + timedelta(seconds=1),
        "from_result_cache": False,
        "cache_origin_statement_id": statement_id,
    }
    return _full(QUERY_HISTORY, row | given)


def hit(statement_id: str, origin: str, **given: Any) -> Row:
    """One row of query.history answered from the result cache."""
    return statement(statement_id, from_result_cache=True, cache_origin_statement_id=origin, **given)


def run(job_id: str, run_type: str = "SUBMIT_RUN", run_name: str | None = None, **given: Any) -> Row:
    """One row of job_run_timeline."""
    row = {
        "workspace_id": WORKSPACE,
        "job_id": job_id,
        "run_id": f"run-{next(_numbers)}",
        "run_type": run_type,
        "run_name": run_name,
        "period_start_time": at(),
        "period_end_time": at(hour=13),
    }
    return _full(JOB_RUN_TIMELINE, row | given)


def audited(action: str, *, day: date = DAY, status: int | None = 200, **params: str) -> Row:
    """One row of the audit log: an action with its request parameters."""
    row = {
        "event_date": day,
        "event_time": at(day),
        "service_name": "unityCatalog",
        "action_name": action,
        "request_params": [*params.items()],
        "response": None if status is None else {"status_code": status, "error_message": None, "result": None},
    }
    return _full(AUDIT, row)


def shared(table: str, share: str = "partners", **given: Any) -> Row:
    """One row of table_share_usage: a table in a share, under its own schema and name unless told otherwise."""
    catalog, schema, name = table.split(".")
    row = {
        "catalog_name": catalog, "schema_name": schema, "table_name": name, "share_name": share,
        "shared_as_schema": schema, "shared_as_table": name,
    }  # fmt: skip
    return _full(INFORMATION_SCHEMA_TABLE_SHARE_USAGE, row | given)


SKU, WAREHOUSE = "ENTERPRISE_SERVERLESS_SQL_COMPUTE", "wh1"


def billed(quantity: str, hour: int = 12, warehouse: str | None = WAREHOUSE, *, day: date = DAY, **given: Any) -> Row:
    """One row of billing.usage: so many DBU of a warehouse's hour unless told otherwise."""
    start = at(day, hour)
    metadata = dict.fromkeys(BILLING_USAGE.field("usage_metadata").type.names) | {"warehouse_id": warehouse}
    row = {
        "workspace_id": WORKSPACE,
        "record_id": f"record-{next(_numbers)}",
        "sku_name": SKU,
        "cloud": "AZURE",
        "usage_start_time": start,
        "usage_end_time": start + timedelta(hours=1),
        "usage_date": day,
        "usage_unit": "DBU",
        "usage_quantity": Decimal(quantity),
        "usage_metadata": metadata,
        "record_type": "ORIGINAL",
    }
    return _full(BILLING_USAGE, row | given)


def price(default: str | None, promotional: str | None = None, effective: str | None = None, **given: Any) -> Row:
    """One row of list_prices: a price that stands since long ago."""
    default_, promotional_, effective_ = (
        None if one is None else Decimal(one) for one in (default, promotional, effective)
    )
    row = {
        "price_start_time": at(date(2024, 1, 1), 0),
        "price_end_time": None,
        "sku_name": SKU,
        "cloud": "AZURE",
        "currency_code": "USD",
        "usage_unit": "DBU",
        "pricing": {
            "default": default_, "promotional": {"default": promotional_}, "effective_list": {"default": effective_}
        },
    }  # fmt: skip
    return _full(LIST_PRICES, row | given)


def warehouse_event(event_type: str, event_time: datetime, warehouse: str = WAREHOUSE, **given: Any) -> Row:
    """One row of warehouse_events."""
    row = {"workspace_id": WORKSPACE, "warehouse_id": warehouse, "event_type": event_type, "event_time": event_time}
    return _full(WAREHOUSE_EVENTS, row | given)


def worked(
    statement_id: str,
    work_ms: int,
    start: datetime,
    seconds: float = 60,
    warehouse: str | None = WAREHOUSE,
    **given: Any,
) -> Row:
    """One row of query.history: a statement of a warehouse with so many milliseconds of tasks."""
    compute = {"type": "WAREHOUSE", "cluster_id": None, "warehouse_id": warehouse}
    row = {
        "start_time": start, "end_time": start + timedelta(seconds=seconds), "compute": compute,
        "total_task_duration_ms": work_ms,
    }  # fmt: skip
    return statement(statement_id, **(row | given))


def _full(schema: pa.Schema, row: Row) -> Row:
    if unknown := row.keys() - set(schema.names):
        raise KeyError(f"no such columns: {unknown}")
    return dict.fromkeys(schema.names) | row


def write_estate(root: Path, *, form: str = "parquet", **tables: Iterable[Row] | None) -> Path:
    """Write tables by role; both lineage tables are always there, the optional ones when given."""
    for role in ("table_lineage", "column_lineage", *tables):
        if (rows := tables.get(role, ())) is not None:
            write_table(root, role, rows, form=form)
    return root


def write_table(
    root: Path,
    role: str,
    rows: Iterable[Row],
    *,
    form: str = "parquet",
    name: str = "part-0",
    without: Iterable[str] = (),
    types: Mapping[str, pa.DataType] | None = None,
) -> Path:
    """Write one file of a table as parquet, csv or jsonl (`.gz` appended: compressed); returns the file.

    `without` leaves columns out, `types` writes a column as another type than the documented one.
    """
    full_name = (TABLES | COST_TABLES).get(role, role)
    folder = root.joinpath(*full_name.split("."))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.{form}"
    documented = DOCUMENTED[full_name]
    schema = pa.schema(
        [(field.name, (types or {}).get(field.name, field.type)) for field in documented if field.name not in without]
    )
    kept = [{column: row[column] for column in schema.names} for row in rows]
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(kept, schema=schema), file)
    else:
        kind, _, compressed = form.partition(".")
        text = _csv(kept, schema.names) if kind == "csv" else _jsonl(kept)
        file.write_bytes(gzip.compress(text.encode()) if compressed else text.encode())
    return file


def _csv(rows: Iterable[Row], names: list[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(row[name]) for name in names] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def _jsonl(rows: Iterable[Row]) -> str:
    return "".join(json.dumps(row, default=str) + "\n" for row in rows)
