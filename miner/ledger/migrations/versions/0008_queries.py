"""Statements by fingerprint, and what they read."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_FIGURES = (
    "runs",
    "cached_runs",
    "failed_runs",
    "cancelled_runs",
    "duration_ms",
    "longest_ms",
    "task_ms",
    "read_bytes",
    "read_rows",
    "produced_rows",
)


def upgrade() -> None:
    """Create the tables of the stream `queries`."""
    op.create_table(
        "fingerprint",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("check_bits", sa.BigInteger(), nullable=False),
        sa.Column("statement_type", sa.String(), nullable=False),
        sa.Column("said", sa.Text()),
    )
    op.create_table(
        "query_day",
        sa.Column("source_id", sa.Integer(), primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True),
        sa.Column("dataset_id", sa.BigInteger(), primary_key=True),
        sa.Column("fingerprint_id", sa.BigInteger(), primary_key=True),
        sa.Column("reader_id", sa.BigInteger(), primary_key=True),
        sa.Column("process_kind", sa.String(), primary_key=True),
        sa.Column("client", sa.String(), primary_key=True),
        sa.Column("warehouse", sa.String(), primary_key=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _FIGURES),
        sa.Column("last_run_at", sa.BigInteger()),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("query_day")
    op.drop_table("fingerprint")
