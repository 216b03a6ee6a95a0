"""The Arrow schemas at every boundary, declared once.

Keys (`*_key`) are 32 hex digits of an MD5 over folded identity parts with a control character between, computed in
the warehouse's SQL (`queries/rules.sql`). Names ending in `_at` are UTC instants; `day`, `first_seen` and
`last_seen` are UTC days.
"""

from collections.abc import Sequence

import pyarrow as pa

INSTANT = pa.timestamp("us", tz="UTC")

_PARTS = ("catalog", "schema", "name", "path")


def _end(prefix: str, *more: str) -> list[pa.Field]:
    return [pa.field(f"{prefix}_{name}", pa.string()) for name in (*_PARTS, *more)]


def _flow_end(prefix: str) -> list[pa.Field]:
    return [pa.field(f"{prefix}_kind", pa.string()), *_end(prefix, "type", "spelling")]


TOTALS = pa.schema([("day", pa.date32()), ("workspace_id", pa.string()), ("rows", pa.int64())])
"""Rows of one table by day and workspace, filtered by day alone: the other side of the balance."""

RUN_DAYS = 16
"""Days that one statement on the lineage tables takes at most."""

BY_DAY = pa.list_(pa.int64())
"""Rows by day of the run, RUN_DAYS numbers, the first day's first."""

EDGES = pa.schema(
    [
        ("fate", pa.string()),
        ("rule", pa.string()),
        ("rows_by_day", BY_DAY),
        ("rows", pa.int64()),
        ("day_bits", pa.int64()),
        ("edge_key", pa.string()),
        ("metastore_id", pa.string()),
        ("workspace_id", pa.string()),
        ("process_kind", pa.string()),
        ("process_id", pa.string()),
        ("notebook_id", pa.string()),
        ("job_id", pa.string()),
        ("pipeline_id", pa.string()),
        *_end("source"),
        *_end("target"),
        ("verified", pa.bool_()),
    ]
)
"""Edges of a run of days within one month (one may come in several rows), and the balance.

An edge's row has its key, its days as bits (bit 0 is the first of the month) and `fate` kept or indirect. A row without
key is the balance of one fate and rule, in rows by day of the run.

A dataset is named by its catalog, schema and name (folded), or, where these are null, by its path.
"""

COLUMN_SETS = pa.schema(
    [
        ("fate", pa.string()),
        ("rule", pa.string()),
        ("rows_by_day", BY_DAY),
        ("rows", pa.int64()),
        ("day_bits", pa.int64()),
        ("edge_key", pa.string()),
        ("set_key", pa.string()),
        ("content", pa.string()),
    ]
)
"""Column pairs of a run of days within one month: one row per edge and the days on which the same pairs were seen;
and one per reason and rule of dropped rows.

`content` is the sorted pairs, each column with its length before it (`2:id7:user_id`); `set_key` its MD5.
`content` may be left out (null) by a warehouse that ships it only for the sets asked for.
"""

USAGE = pa.schema(
    [
        ("day", pa.date32()),
        ("fate", pa.string()),
        ("rule", pa.string()),
        ("rows", pa.int64()),
        ("metastore_id", pa.string()),
        ("dataset_key", pa.string()),
        *_end("dataset", "type", "spelling"),
        ("dataset_seen_at", INSTANT),
        ("first_location", pa.string()),
        ("last_location", pa.string()),
        ("reader", pa.string()),
        ("process_kind", pa.string()),
        ("reads", pa.int64()),
        ("cached_reads", pa.int64()),
        ("failed_reads", pa.int64()),
        ("indirect_reads", pa.int64()),
        ("self_reads", pa.int64()),
        ("writes", pa.int64()),
        ("events", pa.int64()),
        ("runs", pa.int64()),
        ("last_read_at", INSTANT),
        ("last_write_at", INSTANT),
    ]
)
"""One row per day, dataset, reader and kind of process, and one per day, reason and rule of dropped rows."""

LINEAGE_STATEMENTS, HISTORY_STATEMENTS, AUDIT_READS = "lineage_statements", "history_statements", "audit_reads"
"""What coverage counts beside rows of tables: statements on both sides of a join, and reads that the audit log has."""

ENRICHMENT = pa.schema([("day", pa.date32()), ("side", pa.string()), ("fate", pa.string()), ("rows", pa.int64())])
"""Statements of a day; `side` is LINEAGE_STATEMENTS or HISTORY_STATEMENTS; `no_statement_id` counts rows."""

OUTSIDE_READS = pa.schema(
    [
        ("day", pa.date32()),
        ("metastore_id", pa.string()),
        ("dataset", pa.string()),
        ("told_by", pa.string()),
        ("reads", pa.int64()),
    ]
)
"""Datasets opened for reading past lineage (`told_by` audit), or in a share (`told_by` share, without a day).

`dataset` is `catalog.schema.table` or a path, folded; null where an event does not tell. An empty metastore is any.
"""

CHARGES = pa.schema([("day", pa.date32()), ("hour", pa.int64()), ("currency", pa.string()), ("amount", pa.int64())])
"""What all SQL warehouses of the account cost by list prices, by day and UTC hour (0 to 23), in billionths of the
currency's unit."""

COSTS = pa.schema(
    [
        ("day", pa.date32()),
        ("part", pa.string()),
        ("fate", pa.string()),
        ("rule", pa.string()),
        ("rows", pa.int64()),
        ("hour", pa.int64()),
        ("currency", pa.string()),
        ("amount", pa.int64()),
        ("statements", pa.int64()),
        ("metastore_id", pa.string()),
        ("dataset_key", pa.string()),
        *_end("dataset"),
    ]
)
"""List cost of a run of days, in three parts; columns that say nothing of a part are null.

`rows`: rows of billing.usage by day, fate and rule. `hour`: the cost of each hour by what became of it (`fate`), in
billionths of the currency's unit. `dataset`: cost and distinct statements by day and dataset.
"""

MONEY = pa.decimal128(28, 9)

LIST_COST = pa.schema([("list_cost", MONEY), ("list_cost_currency", pa.string()), ("list_cost_days", pa.int64())])
"""What a dataset cost in a window by list prices, an estimate: the last columns of `popularity`.

Null where no dataset of the metastore has cost in the window. `list_cost_days` are those mined for cost.
"""

COST_REPORT = pa.schema(
    [
        ("source", pa.string()),
        ("day", pa.date32()),
        ("fate", pa.string()),
        ("metastore_id", pa.string()),
        ("dataset", pa.string()),
        ("kind", pa.string()),
        ("currency", pa.string()),
        ("list_cost", MONEY),
        ("statements", pa.int64()),
        ("settled", pa.bool_()),
    ]
)
"""List cost day by day, an estimate: one row per source, day, currency and dataset, and one per fate of what no dataset
bears. The rows of a source and day add up to all that SQL warehouses of its account cost."""

COLUMN_USAGE = pa.schema(
    [
        ("day", pa.date32()),
        ("fate", pa.string()),
        ("rule", pa.string()),
        ("rows", pa.int64()),
        ("metastore_id", pa.string()),
        ("dataset_key", pa.string()),
        *_end("dataset"),
        ("column_key", pa.string()),
        ("column_name", pa.string()),
        ("column_spelling", pa.string()),
        ("reader", pa.string()),
        ("process_kind", pa.string()),
        ("reads", pa.int64()),
        ("last_read_at", INSTANT),
    ]
)
"""One row per day, dataset, column, reader and kind of process, and one per day, reason and rule of dropped rows.

`column_name` is folded, `column_spelling` as the latest event of the day wrote it.
"""

RUNS = ("runs", "cached_runs", "failed_runs", "cancelled_runs")
"""How statements ended: finished, answered from the result cache, failed, cancelled."""

VOLUMES = ("duration_ms", "longest_ms", "task_ms", "read_bytes", "read_rows", "produced_rows")
"""Figures of the runs that finished and did not come from the cache; `longest_ms` is a maximum, the others are sums."""

QUERY_RUNS = pa.schema(
    [
        ("day", pa.date32()),
        ("fate", pa.string()),
        ("rule", pa.string()),
        ("rows", pa.int64()),
        ("metastore_id", pa.string()),
        ("dataset_key", pa.string()),
        *_end("dataset"),
        ("fingerprint", pa.string()),
        ("statement_type", pa.string()),
        ("text", pa.string()),
        *((name, pa.string()) for name in ("reader", "process_kind", "client", "warehouse")),
        *((name, pa.int64()) for name in (*RUNS, *VOLUMES)),
        ("last_run_at", INSTANT),
    ]
)
"""Statements by day, dataset read directly, fingerprint, reader, kind of process, client, warehouse; and the balance.

A row without `fate` has figures: of one dataset, or, without `dataset_key`, of all statements, whatever they read. One
without fingerprint sums those that have no row of their own. A row with `fate` is the balance of query.history alone.
`text` comes with one row of a fingerprint, and only when it is asked for.
"""

MOST_READ = pa.schema(
    [
        ("metastore_id", pa.string()),
        ("catalog", pa.string()),
        ("schema", pa.string()),
        ("name", pa.string()),
        ("type", pa.string()),
        ("reads", pa.int64()),
    ]
)
"""The tables read most, names folded. A preflight looks them up in the catalog."""

MOST_READ_FIRST = [("reads", "descending"), *((name, "ascending") for name in MOST_READ.names if name != "reads")]
"""The order of MOST_READ."""

ONE_TIME_RUNS = pa.schema([("workspace_id", pa.string()), ("job_id", pa.string()), ("run_name", pa.string())])
"""Job ids that are one-time runs (SUBMIT_RUN, WORKFLOW_RUN), with the latest run's name."""

REPLACED = pa.schema([("day", pa.date32()), ("dataset_key", pa.string()), ("edge_key", pa.string())])
"""Tables that statements replaced, by day; with a key the edges into them that were last seen earlier on that day."""

FLOW_TEXTS = pa.schema(
    [("process_key", pa.string()), ("dataset_key", pa.string()), ("at", INSTANT), ("text", pa.string())]
)
"""What the latest statement says that wrote a dataset for a process, and when that was."""

FLOW_PROCESS = pa.schema(
    [
        ("metastore_id", pa.string()),
        ("workspace_id", pa.string()),
        ("process_kind", pa.string()),
        ("process_id", pa.string()),
        ("notebook_id", pa.string()),
        ("job_id", pa.string()),
        ("pipeline_id", pa.string()),
        ("label", pa.string()),
        ("task_key", pa.string()),
        ("workspace_name", pa.string()),
        ("workspace_url", pa.string()),
    ]
)
"""The process of a flow."""

FLOW_DATASET = pa.schema(_flow_end("dataset"))
"""The dataset at an end of a flow."""

FLOWS = pa.schema(
    [
        ("process", pa.int64()),
        ("target", pa.int64()),
        ("source", pa.int64()),
        *FLOW_PROCESS,
        *_flow_end("source"),
        *_flow_end("target"),
        ("column_pairs", pa.string()),
        ("verified", pa.bool_()),
        ("statement_text", pa.string()),
    ]
)
"""One row per current edge, ordered by process, target, source: what the process entities are built from.

`process`, `target` and `source` are ledger ids, good for grouping and caching within a run only.
`label` is what the process is called, `task_key` the task of a job that has but one; `workspace_url` begins with
`https://` and ends without a slash. Each is null where no look-up told it: none of them may go into an identity.
`column_pairs` is a JSON list of `[source column, target column]`, sorted; empty text when none is known.
`statement_text`, the same in all rows of a flow, is what the latest statement says that wrote its target; null when
none was ever kept, and empty text once it was forgotten.
"""

SUMMARIES = pa.schema(
    [
        ("hub", pa.int64()),
        ("side", pa.string()),
        ("source", pa.int64()),
        ("target", pa.int64()),
        ("metastore_id", pa.string()),
        *_flow_end("source"),
        *_flow_end("target"),
    ]
)
"""One row per pair of datasets that a summary stands for, whatever moves data between them.

`hub` is the dataset with so many processes on one `side`: `read`, where it is the source of every row, or `written`,
where it is the target. Ordered by hub and side, then source and target; ids are the ledger's.
"""

DATASETS = pa.schema(
    [
        ("dataset", pa.int64()),
        ("metastore_id", pa.string()),
        ("kind", pa.string()),
        ("catalog", pa.string()),
        ("schema", pa.string()),
        ("name", pa.string()),
        ("path", pa.string()),
        ("type", pa.string()),
        ("spelling", pa.string()),
    ]
)
"""Datasets to be looked up in a catalog: ledger id, then as the ends of FLOWS."""

LABELS = pa.schema(
    [
        ("kind", pa.string()),
        ("workspace_id", pa.string()),
        ("item_id", pa.string()),
        ("name", pa.string()),
        ("changed_at", INSTANT),
    ]
)
"""What processes are called, by kind and id; `changed_at` is since when, null where nobody tells."""

JOB_TASKS = pa.schema([("workspace_id", pa.string()), ("job_id", pa.string()), ("task_key", pa.string())])
"""The tasks that jobs have now."""

WORKSPACES = pa.schema([("workspace_id", pa.string()), ("name", pa.string()), ("url", pa.string())])
"""Workspaces; `url` begins with `https://` and ends without a slash, or is null."""

TABLE_FORMS = pa.schema(
    [
        ("metastore_id", pa.string()),
        *((name, pa.string()) for name in _PARTS[:3]),
        ("type", pa.string()),
        ("table_type", pa.string()),
        ("path", pa.string()),
        ("view_definition", pa.string()),
    ]
)
"""Tables as information_schema lists them; `type` in the words of table_lineage, `table_type` in its own."""

TABLE_COLUMNS = pa.schema(
    [
        *((name, pa.string()) for name in _PARTS[:3]),
        ("position", pa.int64()),
        ("column_name", pa.string()),
        ("data_type", pa.string()),
    ]
)
"""Columns of tables as information_schema lists them: names of tables folded, those of columns as they are."""

QUERIES = pa.schema(
    [
        ("metastore_id", pa.string()),
        ("dataset", pa.string()),
        ("kind", pa.string()),
        ("window_days", pa.int64()),
        ("as_of", pa.date32()),
        ("ranking", pa.string()),
        ("rank", pa.int64()),
        ("fingerprint", pa.string()),
        ("statement_type", pa.string()),
        *((name, pa.int64()) for name in RUNS),
        *((name, pa.int64()) for name in ("readers", "people", "machines")),
        ("top_reader", pa.string()),
        ("mean_duration_ms", pa.float64()),
        ("max_duration_ms", pa.int64()),
        *((name, pa.int64()) for name in ("task_ms", "read_bytes", "read_rows", "produced_rows")),
        ("client_applications", pa.string()),
        ("warehouses", pa.string()),
        ("last_run", INSTANT),
        ("runs_of_all", pa.int64()),
        ("partial_days", pa.int64()),
        ("text", pa.string()),
    ]
)
"""The columns of the report `queries`: one row per window, dataset (or all statements), ranking and rank."""

READERS = pa.schema(
    [
        ("metastore_id", pa.string()),
        ("dataset", pa.string()),
        ("kind", pa.string()),
        ("window_days", pa.int64()),
        ("as_of", pa.date32()),
        ("reader", pa.string()),
        ("reader_kind", pa.string()),
        ("process_kind", pa.string()),
        ("by_hand", pa.bool_()),
        ("reads", pa.int64()),
        ("indirect_reads", pa.int64()),
        ("cached_reads", pa.int64()),
        ("failed_reads", pa.int64()),
        ("days", pa.int64()),
        ("last_read", INSTANT),
        ("runs", pa.int64()),
        ("reader_name", pa.string()),
    ]
)
"""Who reads what: one row per dataset, reader and kind of process in a window; an empty reader is not known."""

COLUMN_POPULARITY = pa.schema(
    [
        ("metastore_id", pa.string()),
        ("dataset", pa.string()),
        ("kind", pa.string()),
        ("column", pa.string()),
        ("window_days", pa.int64()),
        ("as_of", pa.date32()),
        ("reads", pa.int64()),
        ("readers", pa.int64()),
        ("people", pa.int64()),
        ("machines", pa.int64()),
        ("readers_unknown", pa.int64()),
        ("last_read", INSTANT),
        ("score", pa.float64()),
        ("band", pa.int64()),
        ("trend", pa.float64()),
        ("partial_days", pa.int64()),
        ("partial", pa.bool_()),
    ]
)
"""How much columns are read: one row per column and window (`miner.column_popularity`)."""

FINDINGS = pa.schema(
    [
        ("metastore_id", pa.string()),
        ("dataset", pa.string()),
        ("kind", pa.string()),
        ("finding", pa.string()),
        ("window_days", pa.int64()),
        ("as_of", pa.date32()),
        ("reads", pa.int64()),
        ("indirect_reads", pa.int64()),
        ("readers", pa.int64()),
        ("people", pa.int64()),
        ("writes", pa.int64()),
        ("last_read", INSTANT),
        ("last_write", INSTANT),
        ("trend", pa.float64()),
        ("dependents", pa.int64()),
        ("read_outside", pa.string()),
        ("machines", pa.int64()),
        ("machine_runs", pa.int64()),
    ]
)
"""What is worth a look: one row per dataset, finding and window (`miner.findings`)."""

COVERAGE = pa.schema(
    [
        ("source", pa.string()),
        ("stream", pa.string()),
        ("day", pa.date32()),
        ("table", pa.string()),
        ("fate", pa.string()),
        ("rule", pa.string()),
        ("rows", pa.int64()),
        ("settled", pa.bool_()),
        ("whole", pa.bool_()),
    ]
)
"""The balance of every mined day: rows of a system table by what became of them."""

CATALOGS = pa.schema(
    [
        ("metastore_id", pa.string()),
        *((name, pa.string()) for name in ("catalog", "type", "connection", "address", "provider", "share")),
    ]
)
"""Catalogs of a metastore that are not its own: a foreign one has a `connection` and, where it is told, the `address`
of the database behind it as OpenLineage writes namespaces; one that is shared has a `provider` and a `share`."""

EDGE_REPORT = pa.schema(
    [
        ("metastore_id", pa.string()),
        ("workspace_id", pa.string()),
        ("process_kind", pa.string()),
        ("process_id", pa.string()),
        ("source_kind", pa.string()),
        ("source", pa.string()),
        ("target_kind", pa.string()),
        ("target", pa.string()),
        ("first_seen", pa.date32()),
        ("last_seen", pa.date32()),
        ("column_pairs", pa.int64()),
        ("verified", pa.bool_()),
        ("process_name", pa.string()),
    ]
)
"""The columns of `edges.csv`, a contract: only ever added to."""

WALKED_EDGES = EDGE_REPORT.append(pa.field("pairs", pa.string()))
"""Edges on a way through lineage; `pairs` is a JSON list of [source column, target column]."""

WALKED = pa.schema(
    [
        ("metastore_id", pa.string()), ("dataset", pa.string()), ("kind", pa.string()), ("depth", pa.int64()),
        ("type", pa.string()), ("definition", pa.string()),
    ]
)  # fmt: skip
"""Datasets on a way through lineage, each with the least number of edges to it; of views, what they are defined as."""


def table_of(rows: Sequence[Sequence[object]], schema: pa.Schema) -> pa.Table:
    """Rows as a table, also when there are none."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
