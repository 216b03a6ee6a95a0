"""The first ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "alias",
        sa.Column("source_id", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("from_id", sa.BigInteger(), primary_key=True),
        sa.Column("to_id", sa.BigInteger(), primary_key=True),
        sa.Column("evidence", sa.String(), primary_key=True),
        sa.Column("first_day", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Integer(), nullable=False),
    )
    op.create_index("alias_by_target", "alias", ["to_id"])
    op.create_table(
        "column_set",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("check_bits", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
    )
    op.create_table(
        "dataset",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("check_bits", sa.BigInteger(), nullable=False),
        sa.Column("metastore_id", sa.String(), nullable=False),
        sa.Column("catalog", sa.String()),
        sa.Column("schema", sa.String()),
        sa.Column("name", sa.String()),
        sa.Column("path", sa.String()),
        sa.Column("type", sa.String()),
        sa.Column("spelling", sa.String()),
        sa.Column("spelled_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "dirty_flow",
        sa.Column("process_id", sa.BigInteger(), primary_key=True),
        sa.Column("target_dataset", sa.BigInteger(), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "edge",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("check_bits", sa.BigInteger(), nullable=False),
        sa.Column("process_id", sa.BigInteger(), nullable=False),
        sa.Column("source_dataset", sa.BigInteger(), nullable=False),
        sa.Column("target_dataset", sa.BigInteger(), nullable=False),
    )
    op.create_index("edge_by_flow", "edge", ["process_id", "target_dataset"])
    op.create_index("edge_by_source", "edge", ["source_dataset"])
    op.create_index("edge_by_target", "edge", ["target_dataset"])
    op.create_table(
        "edge_indirect",
        sa.Column("source_id", sa.Integer(), primary_key=True),
        sa.Column("month", sa.Integer(), primary_key=True),
        sa.Column("edge_id", sa.BigInteger(), primary_key=True),
        sa.Column("day_bits", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("edge_indirect_by_edge", "edge_indirect", ["edge_id"])
    op.create_table(
        "edge_month",
        sa.Column("source_id", sa.Integer(), primary_key=True),
        sa.Column("month", sa.Integer(), primary_key=True),
        sa.Column("edge_id", sa.BigInteger(), primary_key=True),
        sa.Column("set_id", sa.BigInteger(), primary_key=True),
        sa.Column("day_bits", sa.Integer(), nullable=False),
        sa.Column("direct_bits", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("edge_month_by_edge", "edge_month", ["edge_id"])
    op.create_table(
        "emission",
        sa.Column("sink", sa.String(), primary_key=True),
        sa.Column("qualified_name", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("type_name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("process_id", sa.BigInteger(), nullable=False),
        sa.Column("target_dataset", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_index("emission_by_flow", "emission", ["process_id", "target_dataset"])
    op.create_table(
        "process",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("check_bits", sa.BigInteger(), nullable=False),
        sa.Column("metastore_id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("process_id", sa.String(), nullable=False),
        sa.Column("notebook_id", sa.String()),
        sa.Column("job_id", sa.String()),
        sa.Column("pipeline_id", sa.String()),
    )
    op.create_table(
        "reader",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(), nullable=False),
    )
    op.create_table(
        "rejection",
        sa.Column("sink", sa.String(), primary_key=True),
        sa.Column("qualified_name", sa.String(), primary_key=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
    )
    op.create_table(
        "setting",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("value", sa.String(), nullable=False),
    )
    op.create_table(
        "source",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False, unique=True),
        sa.Column("knows_run_types", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "usage_day",
        sa.Column("source_id", sa.Integer(), primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True),
        sa.Column("dataset_id", sa.BigInteger(), primary_key=True),
        sa.Column("reader_id", sa.BigInteger(), primary_key=True),
        sa.Column("process_kind", sa.String(), primary_key=True),
        sa.Column("reads", sa.BigInteger(), nullable=False),
        sa.Column("cached_reads", sa.BigInteger(), nullable=False),
        sa.Column("failed_reads", sa.BigInteger(), nullable=False),
        sa.Column("indirect_reads", sa.BigInteger(), nullable=False),
        sa.Column("self_reads", sa.BigInteger(), nullable=False),
        sa.Column("writes", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("last_read_at", sa.BigInteger()),
        sa.Column("last_write_at", sa.BigInteger()),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "day_fate",
        sa.Column("source_id", sa.Integer(), sa.ForeignKey("source.id"), primary_key=True),
        sa.Column("stream", sa.String(), primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True),
        sa.Column("table_name", sa.String(), primary_key=True),
        sa.Column("fate", sa.String(), primary_key=True),
        sa.Column("rule", sa.String(), primary_key=True),
        sa.Column("rows", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "day_mined",
        sa.Column("source_id", sa.Integer(), sa.ForeignKey("source.id"), primary_key=True),
        sa.Column("stream", sa.String(), primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True),
        sa.Column("rows_total", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("rules", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("mined_at", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
    )
    op.create_table(
        "day_workspace",
        sa.Column("source_id", sa.Integer(), sa.ForeignKey("source.id"), primary_key=True),
        sa.Column("stream", sa.String(), primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True),
        sa.Column("workspace_id", sa.String(), primary_key=True),
        sa.Column("rows", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "late_rows",
        sa.Column("source_id", sa.Integer(), sa.ForeignKey("source.id"), primary_key=True),
        sa.Column("stream", sa.String(), primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True),
        sa.Column("age_days", sa.Integer(), primary_key=True),
        sa.Column("rows", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    """Drop every table."""
    op.drop_table("late_rows")
    op.drop_table("day_workspace")
    op.drop_table("day_mined")
    op.drop_table("day_fate")
    op.drop_table("usage_day")
    op.drop_table("source")
    op.drop_table("setting")
    op.drop_table("run")
    op.drop_table("rejection")
    op.drop_table("reader")
    op.drop_table("process")
    op.drop_table("emission")
    op.drop_table("edge_month")
    op.drop_table("edge_indirect")
    op.drop_table("edge")
    op.drop_table("dirty_flow")
    op.drop_table("dataset")
    op.drop_table("column_set")
    op.drop_table("alias")
