"""The ledger's tables.

Identities are 64-bit numbers cut from an MD5 of the natural key (`keys.py`); `check_bits` holds the other half, so
that two keys with one number are found out and never mixed. Days are whole UTC days since 1970-01-01, months are
year * 12 + month - 1, a month's days are bits (bit 0 is the first). Instants are microseconds since 1970, UTC.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from miner.schemas import RUNS, VOLUMES

metadata = MetaData()

Id = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit number; on SQLite spelled so that a primary key of it is the row's own number and needs no index."""

source = Table(
    "source",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("knows_run_types", Boolean, nullable=False, default=False),
)
"""One row per configured source; `knows_run_types` tells that one-time runs could be told from jobs."""

day_mined = Table(
    "day_mined",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True),
    Column("stream", String, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("rows_total", BigInteger, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("whole", Boolean, nullable=False),
    Column("rules", String, nullable=False),
    Column("content", String, nullable=False),
    Column("mined_at", BigInteger, nullable=False),
    Column("run_id", Integer, nullable=False),
    Column("audited", Boolean, nullable=False, default=False),
)
"""The mark of a mined day; `whole` when it was over when it was mined, `rules` the digest of what was left out,
`content` a digest of the day's usage rows, `audited` when the audit log was read with it."""

day_fate = Table(
    "day_fate",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True),
    Column("stream", String, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("table_name", String, primary_key=True),
    Column("fate", String, primary_key=True),
    Column("rule", String, primary_key=True),
    Column("rows", BigInteger, nullable=False),
)
"""The balance: rows of a day by what became of them."""

day_workspace = Table(
    "day_workspace",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True),
    Column("stream", String, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("workspace_id", String, primary_key=True),
    Column("rows", BigInteger, nullable=False),
)
"""Rows of a day by workspace, as the independent count saw them."""

late_rows = Table(
    "late_rows",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True),
    Column("stream", String, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("age_days", Integer, primary_key=True),
    Column("rows", BigInteger, nullable=False),
)
"""Rows that had come since a day was last mined, by the day's age in days when they were first seen."""

dataset = Table(
    "dataset",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("check_bits", BigInteger, nullable=False),
    Column("metastore_id", String, nullable=False),
    Column("catalog", String),
    Column("schema", String),
    Column("name", String),
    Column("path", String),
    Column("type", String),
    Column("spelling", String),
    Column("spelled_at", BigInteger, nullable=False, default=0),
)
"""Tables (catalog, schema, name) and paths; type and spelling are those of the latest event."""

process = Table(
    "process",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("check_bits", BigInteger, nullable=False),
    Column("metastore_id", String, nullable=False),
    Column("workspace_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("process_id", String, nullable=False),
    Column("notebook_id", String),
    Column("job_id", String),
    Column("pipeline_id", String),
)

edge = Table(
    "edge",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("check_bits", BigInteger, nullable=False),
    Column("process_id", BigInteger, nullable=False),
    Column("source_dataset", BigInteger, nullable=False),
    Column("target_dataset", BigInteger, nullable=False),
    Index("edge_by_flow", "process_id", "target_dataset"),
    Index("edge_by_source", "source_dataset"),
    Index("edge_by_target", "target_dataset"),
)

edge_month = Table(
    "edge_month",
    metadata,
    Column("source_id", Integer, primary_key=True),
    Column("month", Integer, primary_key=True),
    Column("edge_id", BigInteger, primary_key=True),
    Column("set_id", BigInteger, primary_key=True),
    Column("day_bits", Integer, nullable=False),
    Column("direct_bits", Integer, nullable=False),
    Index("edge_month_by_edge", "edge_id"),
    sqlite_with_rowid=False,
)
"""The days an edge was active with one column set (0: none); `direct_bits`: seen with direct_access true."""

edge_indirect = Table(
    "edge_indirect",
    metadata,
    Column("source_id", Integer, primary_key=True),
    Column("month", Integer, primary_key=True),
    Column("edge_id", BigInteger, primary_key=True),
    Column("day_bits", Integer, nullable=False),
    Index("edge_indirect_by_edge", "edge_id"),
    sqlite_with_rowid=False,
)
"""The days on which direct_access was false for a pair of datasets and its process."""

edge_retired = Table(
    "edge_retired",
    metadata,
    Column("edge_id", BigInteger, primary_key=True, autoincrement=False),
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("set_id", BigInteger, primary_key=True, autoincrement=False),
    Column("month", Integer, nullable=False),
    Column("day", Integer, nullable=False),
    Column("rule", String, nullable=False),
    Column("step", Integer, nullable=False),
    Index("edge_retired_by_step", "step"),
    sqlite_with_rowid=False,
)
"""What is retired: of an edge and column set the days up to this one (day of the month) count no more; `step` grows
with every evaluation that retired something."""

retirement = Table(
    "retirement",
    metadata,
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("day", Integer, nullable=False),
    Column("content", String, nullable=False),
    Column("evidence", String, nullable=False),
    Column("step", Integer, nullable=False),
)
"""Up to which settled day `edge_retired` is worked out, and digests of what it was worked out from."""

table_gone = Table(
    "table_gone",
    metadata,
    Column("dataset_id", BigInteger, primary_key=True, autoincrement=False),
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("since_day", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Tables that information_schema listed and lists no more, with the last day of lineage when that was found."""

replaced = Table(
    "replaced",
    metadata,
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("dataset_id", BigInteger, primary_key=True, autoincrement=False),
    Column("edge_id", BigInteger, primary_key=True, autoincrement=False),
    Index("replaced_by_dataset", "dataset_id"),
    sqlite_with_rowid=False,
)
"""Tables that a statement replaced on a day (edge 0), and the edges into them that were last seen on that day before
the last such statement."""

flow_text = Table(
    "flow_text",
    metadata,
    Column("process_id", BigInteger, primary_key=True, autoincrement=False),
    Column("target_dataset", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
)
"""What the latest statement says that wrote the target of a flow, and when that was; empty once it is forgotten."""

column_set = Table(
    "column_set",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("check_bits", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
)
"""Column pairs by content: sorted, each column with its length before it."""

alias = Table(
    "alias",
    metadata,
    Column("source_id", Integer, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("from_id", BigInteger, primary_key=True),
    Column("to_id", BigInteger, primary_key=True),
    Column("evidence", String, primary_key=True),
    Column("first_day", Integer, nullable=False),
    Column("last_day", Integer, nullable=False),
    Index("alias_by_target", "to_id"),
)
"""Two identities that are one: a path that is a table, a one-time run that is its job. Applied when reading."""

reader = Table(
    "reader",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False),
)


def _usage(name: str, period: str) -> Table:
    return Table(
        name,
        metadata,
        Column("source_id", Integer, primary_key=True),
        Column(period, Integer, primary_key=True),
        Column("dataset_id", BigInteger, primary_key=True),
        Column("reader_id", BigInteger, primary_key=True),
        Column("process_kind", String, primary_key=True),
        Column("reads", BigInteger, nullable=False),
        Column("cached_reads", BigInteger, nullable=False),
        Column("failed_reads", BigInteger, nullable=False),
        Column("indirect_reads", BigInteger, nullable=False),
        Column("self_reads", BigInteger, nullable=False),
        Column("writes", BigInteger, nullable=False),
        Column("events", BigInteger, nullable=False),
        Column("runs", BigInteger, nullable=False, default=0),
        Column("last_read_at", BigInteger),
        Column("last_write_at", BigInteger),
        sqlite_with_rowid=False,
    )


usage_day = _usage("usage_day", "day")
"""Usage at the grain that distinct readers need. Reader 0 is unknown."""

usage_month = _usage("usage_month", "month")
"""The sums of the daily usage that was rolled up."""

outside_read = Table(
    "outside_read",
    metadata,
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("metastore_id", String, primary_key=True),
    Column("dataset", Text, primary_key=True),
    Column("told_by", String, primary_key=True),
    Column("reads", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What the lineage tables do not see: datasets (`catalog.schema.table` or path, folded) that were read past them, or
were in a share, on a day. An empty metastore is any."""

usage_rolled_up = Table(
    "usage_rolled_up",
    metadata,
    Column("source_id", Integer, primary_key=True),
    Column("month", Integer, primary_key=True),
    Column("day_bits", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""The days that are in the sums of `usage_month` and not in `usage_day`."""

dataset_column = Table(
    "dataset_column",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("check_bits", BigInteger, nullable=False),
    Column("dataset_id", BigInteger, nullable=False),
    Column("name", String, nullable=False),
    Column("spelling", String),
    Column("spelled_at", BigInteger, nullable=False, default=0),
)
"""Columns that were read, by folded name; the spelling is that of the latest event."""


def _column_usage(name: str, period: str) -> Table:
    return Table(
        name,
        metadata,
        Column("source_id", Integer, primary_key=True),
        Column(period, Integer, primary_key=True),
        Column("column_id", BigInteger, primary_key=True),
        Column("reader_id", BigInteger, primary_key=True),
        Column("process_kind", String, primary_key=True),
        Column("reads", BigInteger, nullable=False),
        Column("last_read_at", BigInteger),
        sqlite_with_rowid=False,
    )


column_day = _column_usage("column_day", "day")
"""Reads of columns at the grain that distinct readers need. Reader 0 is unknown."""

column_month = _column_usage("column_month", "month")
"""The sums of the daily reads of columns that were rolled up."""

column_rolled_up = Table(
    "column_rolled_up",
    metadata,
    Column("source_id", Integer, primary_key=True),
    Column("month", Integer, primary_key=True),
    Column("day_bits", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""The days that are in the sums of `column_month` and not in `column_day`."""

CLOSED = {"usage": usage_rolled_up, "columns": column_rolled_up}
"""By stream, the days that are rolled up to months."""

fingerprint = Table(
    "fingerprint",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("check_bits", BigInteger, nullable=False),
    Column("statement_type", String, nullable=False),
    Column("said", Text),
)
"""Statements that say the same but for their literals; what they say (`said`) only where the settings keep it."""

query_day = Table(
    "query_day",
    metadata,
    Column("source_id", Integer, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("dataset_id", BigInteger, primary_key=True),
    Column("fingerprint_id", BigInteger, primary_key=True),
    Column("reader_id", BigInteger, primary_key=True),
    Column("process_kind", String, primary_key=True),
    Column("client", String, primary_key=True),
    Column("warehouse", String, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in (*RUNS, *VOLUMES)),
    Column("last_run_at", BigInteger),
    sqlite_with_rowid=False,
)
"""Statements by what they read directly: dataset 0 is all of them, whatever they read; fingerprint 0 those of a dataset
and day that have no row of their own; reader 0 is unknown."""

names_read = Table(
    "names_read",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True),
    Column("part", String, primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("last_day", Integer, nullable=False),
    Column("content", String, nullable=False),
    Column("read_at", BigInteger, nullable=False),
    Column("run_id", Integer, nullable=False),
)
"""The parts of the stream `names`, each as it was last read; `last_day` of the lineage it was read with, `content`
a digest of the aliases it gave."""

label = Table(
    "label",
    metadata,
    Column("kind", String, primary_key=True),
    Column("workspace_id", String, primary_key=True),
    Column("item_id", String, primary_key=True),
    Column("source_id", Integer, primary_key=True),
    Column("part", String, primary_key=True),
    Column("name", Text, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What processes are called, by kind and id: an attribute, never part of an identity."""

job_task = Table(
    "job_task",
    metadata,
    Column("workspace_id", String, primary_key=True),
    Column("job_id", String, primary_key=True),
    Column("task_key", String, primary_key=True),
    Column("source_id", Integer, primary_key=True),
    sqlite_with_rowid=False,
)

cost_day = Table(
    "cost_day",
    metadata,
    Column("source_id", Integer, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("dataset_id", BigInteger, primary_key=True),
    Column("currency", String, primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("statements", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What statements that read a dataset cost of it by list prices, in billionths of the currency's unit: an estimate."""

cost_hour = Table(
    "cost_hour",
    metadata,
    Column("source_id", Integer, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("hour", Integer, primary_key=True),
    Column("currency", String, primary_key=True),
    Column("fate", String, primary_key=True),
    Column("amount", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""What SQL warehouses cost in each UTC hour, by what became of it: the balance of money."""

workspace = Table(
    "workspace",
    metadata,
    Column("workspace_id", String, primary_key=True),
    Column("source_id", Integer, primary_key=True),
    Column("name", String),
    Column("url", String),
    sqlite_with_rowid=False,
)

table_form = Table(
    "table_form",
    metadata,
    Column("dataset_id", BigInteger, primary_key=True),
    Column("source_id", Integer, primary_key=True),
    Column("type", String, nullable=False),
    Column("table_type", String),
    Column("view_definition", Text),
    sqlite_with_rowid=False,
)
"""What information_schema says of datasets; `type` in the words of table_lineage."""

table_column = Table(
    "table_column",
    metadata,
    Column("dataset_id", BigInteger, primary_key=True, autoincrement=False),
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("name", String, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("data_type", Text),
    sqlite_with_rowid=False,
)
"""Columns that information_schema lists of tables for which a sink's catalog has no asset, or one of ours."""

catalog = Table(
    "catalog",
    metadata,
    Column("metastore_id", String, primary_key=True),
    Column("catalog", String, primary_key=True),
    Column("source_id", Integer, primary_key=True),
    Column("type", String, nullable=False),
    Column("connection", String, nullable=False),
    Column("address", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("share", String, nullable=False),
    sqlite_with_rowid=False,
)
"""Foreign and shared catalogs."""

dirty_flow = Table(
    "dirty_flow",
    metadata,
    Column("process_id", BigInteger, primary_key=True),
    Column("target_dataset", BigInteger, primary_key=True),
    Column("version", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Flows (a process and one target) whose entity may have changed since it was last built; `version` grows with
every mark, so that one set while an emission runs is not lost."""

emission = Table(
    "emission",
    metadata,
    Column("sink", String, primary_key=True),
    Column("qualified_name", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("type_name", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("state", String, nullable=False),
    Column("process_id", BigInteger, nullable=False, default=0),
    Column("target_dataset", BigInteger, nullable=False, default=0),
    Column("at", BigInteger, nullable=False),
    Column("figures", Text, nullable=False, default=""),
    Index("emission_by_flow", "process_id", "target_dataset"),
)
"""What was sent: `sending` is committed before a send, `sent` after it, so that a crash leaves a trace.
`figures` are those of usage, to tell later how far they moved."""

asset_match = Table(
    "asset_match",
    metadata,
    Column("sink", String, primary_key=True),
    Column("dataset_id", BigInteger, primary_key=True, autoincrement=False),
    Column("state", String, nullable=False),
    Column("type_name", String, nullable=False),
    Column("qualified_name", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("naming", String, nullable=False),
    Column("looked_up_at", BigInteger, nullable=False),
    Column("spelled_columns", Text),
    Column("foreign_sources", Text),
    sqlite_with_rowid=False,
)
"""What a sink's catalog holds for a dataset: one asset (`matched`), several (`ambiguous`) or none (`missing`), when
last looked up; `naming` is the sink's, under which it was named, `spelled_columns` what it keeps of the asset's
columns, `foreign_sources` of what processes of others bring into it."""

summary = Table(
    "summary",
    metadata,
    Column("sink", String, primary_key=True),
    Column("dataset_id", BigInteger, primary_key=True, autoincrement=False),
    Column("side", String, primary_key=True),
)
"""Datasets with so many processes on one side (`read`, `written`) that a sink has one summary for all of them."""

asset_index = Table(
    "asset_index",
    metadata,
    Column("sink", String, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("type_name", String, primary_key=True),
    Column("qualified_name", Text, primary_key=True),
    Column("renewal", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""The assets of a sink's catalog by the key that they are found under; `renewal` grows each time all are read."""

rejection = Table(
    "rejection",
    metadata,
    Column("sink", String, primary_key=True),
    Column("qualified_name", String, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("command", String, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("outcome", String, nullable=False),
    Column("note", Text, nullable=False, default=""),
)

setting = Table(
    "setting",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)
"""What the ledger must remember about itself, such as what was last retired when a sink was sent to."""

lease = Table(
    "lease",
    metadata,
    Column("source", String, primary_key=True),
    Column("stream", String, primary_key=True),
    Column("token", BigInteger, nullable=False),
    Column("holder", String, nullable=False),
    Column("place", String, nullable=False),
    Column("taken_at", BigInteger, nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
"""Who works on a stream of a source, or sends to a sink, until when unless renewed. Instants are the database's;
`token` grows with every holder; `place` tells the holder's process apart on its machine."""

watermark = Table(
    "watermark",
    metadata,
    Column("source_id", ForeignKey("source.id"), primary_key=True),
    Column("stream", String, primary_key=True),
    Column("day", Integer, nullable=False),
)
"""The last day up to which every day that is due was mined whole. It only ever grows."""

tick = Table(
    "tick",
    metadata,
    Column("source", String, primary_key=True),
    Column("stream", String, primary_key=True),
    Column("served_at", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    Column("failures", Integer, nullable=False),
    Column("outcome", String, nullable=False),
    Column("note", Text, nullable=False),
)
"""How a scheduled job stands: the instant up to which its schedule is served, when it last went well, how often it
failed since, how it last ended."""

backfill = Table(
    "backfill",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String, nullable=False),
    Column("stream", String, nullable=False),
    Column("first_day", Integer, nullable=False),
    Column("last_day", Integer, nullable=False),
    Column("again", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("run_id", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("outcome", String, nullable=False),
    Column("days", Integer, nullable=False),
    Column("days_done", Integer, nullable=False),
)
"""Backfills and why they were made; with `again`, days mined by run `run_id` or a later one are done."""
