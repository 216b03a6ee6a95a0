"""Reads of columns, by day and by month."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# On SQLite spelled so that a primary key of it is the row's own number.
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables of columns and of their reads."""
    op.create_table(
        "dataset_column",
        sa.Column("id", _ID, primary_key=True, autoincrement=False),
        sa.Column("check_bits", sa.BigInteger(), nullable=False),
        sa.Column("dataset_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("spelling", sa.String()),
        sa.Column("spelled_at", sa.BigInteger(), nullable=False),
    )
    for name, period in (("column_day", "day"), ("column_month", "month")):
        op.create_table(
            name,
            sa.Column("source_id", sa.Integer(), primary_key=True),
            sa.Column(period, sa.Integer(), primary_key=True),
            sa.Column("column_id", sa.BigInteger(), primary_key=True),
            sa.Column("reader_id", sa.BigInteger(), primary_key=True),
            sa.Column("process_kind", sa.String(), primary_key=True),
            sa.Column("reads", sa.BigInteger(), nullable=False),
            sa.Column("last_read_at", sa.BigInteger()),
            sqlite_with_rowid=False,
        )
    op.create_table(
        "column_rolled_up",
        sa.Column("source_id", sa.Integer(), primary_key=True),
        sa.Column("month", sa.Integer(), primary_key=True),
        sa.Column("day_bits", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("column_rolled_up", "column_month", "column_day", "dataset_column"):
        op.drop_table(name)
