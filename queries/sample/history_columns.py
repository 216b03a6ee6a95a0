"""Statements as record batches of system.query.history, all 44 columns."""

import re
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from queries.documented import QUERY_HISTORY, QUERY_PARAMETERS, TAGS
from queries.sample.billing import warehouse_id
from queries.sample.context import ProcessLabels
from queries.sample.datasets import Dataset
from queries.sample.draws import FAILED, Draw
from queries.sample.history import CHORES, HistoryRows
from queries.sample.labels import Column, Floats, Labels, constant, decimals, instants, rng_of, some, uuids
from queries.sample.lineage import structure
from queries.sample.people import FINANCE, SCIENCE, WORKSPACES
from queries.sample.plan import Plan
from queries.sample.processes import Compute, Recipe

REDACTED_TEXT = "<REDACTED>"

_DRIVERS = {"PowerBI": "ODBC", "Tableau": "ODBC", "DBeaver": "JDBC", "dbt": "Databricks SQL Connector for Python"}
_WRITING = {"INSERT", "MERGE", "CREATE", "REPLACE", "COPY", "DELETE", "UPDATE", "REFRESH"}
_FORMS = {
    "SELECT": "SELECT * FROM {tables}",
    "MERGE": "MERGE INTO {into} AS t USING (SELECT * FROM {tables}) AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET *",
    "CREATE": "CREATE TABLE {into} AS SELECT * FROM {tables}",
    "REPLACE": "CREATE OR REPLACE TABLE {into} AS SELECT * FROM {tables}",
    "COPY": "COPY INTO {into} FROM {tables}",
    "TRUNCATE": "TRUNCATE TABLE {into}",
    "DELETE": "DELETE FROM {into} WHERE id IS NULL",
    "UPDATE": "UPDATE {into} SET updated_at = now()",
    "REFRESH": "REFRESH TABLE {into}",
    "INSERT": "INSERT INTO {into} SELECT * FROM {tables}",
    "VALUES": "INSERT INTO {into} VALUES (1)",
}
_PARAMETERS = pa.array(
    [
        None,
        {
            "named_parameters": [("region", {"exprs": [{"tag": "literal", "literal": {"string_value": "EMEA"}}]})],
            "pos_parameters": [],
            "truncated": False,
        },
    ],
    QUERY_PARAMETERS,
)


@dataclass(frozen=True, slots=True)
class StatementTexts:
    """What the plan's recipes and the chores look like in history, by recipe number.

    Each has `VARIANTS` texts, one after the other; texts end with '' and the mask.
    """

    text: Labels
    type: Labels
    tags: Column
    writes: npt.NDArray[np.bool_]


def statement_texts(plan: Plan) -> StatementTexts:
    """Texts, types and tags of everything a statement can be."""
    texts = [*(_text(recipe, plan.datasets) for recipe in plan.recipes), *(text for _, text in CHORES)]
    types = [*(recipe.type for recipe in plan.recipes), *(kind for kind, _ in CHORES)]
    tags = [*(list(recipe.tags) or None for recipe in plan.recipes), *(None for _ in CHORES)]
    return StatementTexts(
        Labels.of([*chain.from_iterable(map(_variants, texts)), "", REDACTED_TEXT]),
        Labels.of(types),
        pa.array(tags, TAGS),
        np.array([kind in _WRITING for kind in types], np.bool_),
    )


def _text(recipe: Recipe, datasets: tuple[Dataset, ...]) -> str:
    """SQL that could have left the recipe's rows; per-run names without their run."""
    direct = dict.fromkeys(row.source for row in recipe.rows if row.direct and row.source >= 0)
    target = recipe.rows[0].target
    into = _name(datasets[target]) if target >= 0 else ""
    tables = " CROSS JOIN ".join(_name(datasets[source]) for source in direct if source != target)
    kind = recipe.type if tables or recipe.type != "INSERT" else "VALUES"
    return _FORMS[kind].format(into=into, tables=tables)


VARIANTS = 4
_READ = "SELECT * FROM "


def _variants(text: str) -> tuple[str, ...]:
    """The ways in which a statement is sent: a read of all, of some by two tools that say the same, and a count."""
    tables = text.removeprefix(_READ)
    if tables == text:
        return (text,) * VARIANTS
    return (
        text,
        f"{text} WHERE updated_at >= '2026-10-01' LIMIT 100",
        f"select * from {tables} -- sent by hand\n  where updated_at >= '2026-11-15' limit 5000;",  # noqa: S608 -- rows to be read
        f"SELECT count(*) FROM {tables}",  # noqa: S608
    )


def _name(dataset: Dataset) -> str:
    return re.sub(r"\{\w+\}", "", dataset.full_name or f"delta.`{dataset.path}`")


def history_batch(
    plan: Plan, today: Draw, rows: HistoryRows, static: ProcessLabels, texts: StatementTexts
) -> pa.RecordBatch:
    """One day's statements, in the order of `rows`."""
    rng = rng_of(plan.seed, today.day.toordinal(), 2)
    columns = {
        **_identity(plan, rows, static, rng),
        **_statement(plan, rows, texts),
        **_durations(rows, rng),
        **_volumes(rows, texts, rng),
        "query_source": _source(today, rows, static),
        "query_parameters": _PARAMETERS.take(pa.array(some(0.01, len(rows.run), rng).astype(np.int64))),
        "query_tags": texts.tags.take(pa.array(rows.recipe)),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in QUERY_HISTORY.names], names=QUERY_HISTORY.names)


def _identity(plan: Plan, rows: HistoryRows, static: ProcessLabels, rng: np.random.Generator) -> dict[str, Column]:
    size = len(rows.process)
    who = Labels.of(plan.principals.executed_by()).at(rows.principal)
    user_id = Labels.distinct(decimals(7_000_000_000 + np.arange(len(plan.principals.names), dtype=np.int64) * 7919))
    return {
        "account_id": constant(plan.account_id, size),
        "workspace_id": static.workspace_id.at(rows.process),
        "statement_id": rows.ids,
        "executed_by": who,
        "executed_by_user_id": user_id.at(rows.principal),
        "executed_as": who,
        "executed_as_user_id": user_id.at(rows.principal),
        "session_id": uuids(size, rng),
        "from_result_cache": pa.array(rows.cached),
        "cache_origin_statement_id": rows.origin_ids,
        "compute": _compute(plan, rows),
    }


def _compute(plan: Plan, rows: HistoryRows) -> Column:
    kind = plan.by_process.compute[rows.process]
    warehouses = Labels.of([warehouse_id(workspace_id) for _, workspace_id in WORKSPACES])
    on_warehouse = np.where(kind == Compute.WAREHOUSE, plan.by_process.workspace[rows.process], -1)
    fields = {
        "type": Labels.of([None, "WAREHOUSE", "SERVERLESS_COMPUTE"]).at(kind),
        "cluster_id": constant(None, len(kind)),
        "warehouse_id": warehouses.at(on_warehouse),
    }
    return structure(fields)


def _statement(plan: Plan, rows: HistoryRows, texts: StatementTexts) -> dict[str, Column]:
    """Status, text and client. Finance keeps its own keys, so its texts are empty; data-science shows none."""
    workspace = plan.by_process.workspace[rows.process]
    empty = (len(plan.recipes) + len(CHORES)) * VARIANTS
    # What comes from the cache is the text that filled it.
    digit = pc.utf8_slice_codeunits(rows.origin_ids, 0, 1).to_numpy(zero_copy_only=False).astype("S1").view(np.uint8)
    sent = rows.recipe * VARIANTS + digit % VARIANTS
    shown = np.select([workspace == FINANCE, workspace == SCIENCE], [empty, empty + 1], sent)
    failed = np.where(rows.status == FAILED, workspace == FINANCE, -1).astype(np.int64)
    clients = [process.client for process in plan.processes]
    return {
        "execution_status": Labels.of(["FINISHED", "FAILED", "CANCELED"]).at(rows.status),
        "statement_text": texts.text.at(shown),
        "statement_type": texts.type.at(rows.recipe),
        "error_message": Labels.of(["[TABLE_OR_VIEW_NOT_FOUND] The table or view cannot be found.", ""]).at(failed),
        "client_application": Labels.of(clients).at(rows.process),
        "client_driver": Labels.of([_DRIVERS.get(client or "") for client in clients]).at(rows.process),
    }


def _durations(rows: HistoryRows, rng: np.random.Generator) -> dict[str, Column]:
    """Times; the milliseconds of waiting, compiling and executing add up to the total."""
    size = len(rows.start)
    total = rows.duration // 1000
    waiting = np.where(some(0.10, size, rng), total // 3, 0)
    queued = np.where(some(0.05, size, rng), total // 4, 0)
    compiling = ((total - waiting - queued) * rng.uniform(0.02, 0.3, size)).astype(np.int64)
    executing = total - waiting - queued - compiling
    end = rows.start + rows.duration
    milliseconds = {
        "total_duration_ms": total,
        "waiting_for_compute_duration_ms": waiting,
        "waiting_at_capacity_duration_ms": queued,
        "execution_duration_ms": executing,
        "compilation_duration_ms": compiling,
        "total_task_duration_ms": np.where(rows.cached, 0, executing * rng.integers(1, 17, size)),
        "result_fetch_duration_ms": rng.integers(0, 500, size),
    }
    return {name: pa.array(values, pa.int64()) for name, values in milliseconds.items()} | {
        "start_time": instants(rows.start),
        "end_time": instants(end),
        "update_time": instants(end + rng.integers(0, 60_000_000, size)),
    }


def _volumes(rows: HistoryRows, texts: StatementTexts, rng: np.random.Generator) -> dict[str, Column]:
    """Rows, bytes and files: nothing is read from the cache, and only statements that write have written."""
    size = len(rows.start)
    read: Floats = np.where(rows.cached, 0.0, rng.lognormal(9.0, 3.0, size))
    written: Floats = np.where(texts.writes[rows.recipe], rng.lognormal(8.0, 2.0, size), 0.0)
    files = np.ceil(read / 200_000)
    counts = {
        "read_partitions": np.minimum(files, 30),
        "pruned_files": files * rng.integers(0, 9, size),
        "read_files": files,
        "read_rows": read,
        "produced_rows": np.minimum(read, 64_000) * ~texts.writes[rows.recipe],
        "read_bytes": read * rng.integers(20, 200, size),
        "spilled_local_bytes": np.maximum(read - 10_000_000, 0) * 8,
        "written_bytes": written * 90,
        "written_rows": written,
        "written_files": np.ceil(written / 500_000),
        "shuffle_read_bytes": read * 3,
        "pruned_files_bytes": files * rng.integers(0, 9, size) * 30_000_000,
        "read_files_bytes": files * 30_000_000,
    }
    return {name: pa.array(values.astype(np.int64)) for name, values in counts.items()} | {
        "read_io_cache_percent": pa.array(rng.integers(0, 101, size).astype(np.int8))
    }


def _source(today: Draw, rows: HistoryRows, static: ProcessLabels) -> Column:
    """Where the statement came from; the runs are known for statements with lineage only."""
    by_process = {
        "legacy_dashboard_id": static.legacy_dashboard_id,
        "dashboard_id": static.dashboard_id,
        "alert_id": static.alert_id,
        "notebook_id": static.notebook_id,
        "sql_query_id": static.sql_query_id,
        "genie_space_id": static.genie_space_id,
    }
    in_job = np.where(static.job_id.codes[rows.process] >= 0, rows.run, -1)
    in_pipeline = np.where(static.pipeline_id.codes[rows.process] >= 0, rows.run, -1)
    job = {
        "job_id": static.job_id.at(rows.process),
        "job_run_id": Labels.distinct(decimals(today.runs.number)).at(in_job),
        "job_task_run_id": Labels.distinct(decimals(today.runs.number + 1)).at(in_job),
    }
    pipeline = {
        "pipeline_id": static.pipeline_id.at(rows.process),
        "update_id": Labels.distinct(today.runs.update_ids).at(in_pipeline),
    }
    fields = {
        "job_info": structure(job),
        **{name: labels.at(rows.process) for name, labels in by_process.items()},
        "pipeline_info": structure(pipeline),
    }
    return pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
