"""Usage by month, and which days it stands for."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables that old usage is rolled up to."""
    op.create_table(
        "usage_month",
        sa.Column("source_id", sa.Integer(), primary_key=True),
        sa.Column("month", sa.Integer(), primary_key=True),
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
        "usage_rolled_up",
        sa.Column("source_id", sa.Integer(), primary_key=True),
        sa.Column("month", sa.Integer(), primary_key=True),
        sa.Column("day_bits", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("usage_rolled_up")
    op.drop_table("usage_month")
