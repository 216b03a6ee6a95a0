"""Runs behind reads, what is read past the lineage tables, and on which days the audit log told of it."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; of days mined before, no run is known until they are mined again."""
    for table in ("usage_day", "usage_month"):
        op.add_column(table, sa.Column("runs", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("day_mined", sa.Column("audited", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "outside_read",
        sa.Column("source_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("day", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("metastore_id", sa.String(), primary_key=True),
        sa.Column("dataset", sa.Text(), primary_key=True),
        sa.Column("told_by", sa.String(), primary_key=True),
        sa.Column("reads", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("outside_read")
    op.drop_column("day_mined", "audited")
    for table in ("usage_month", "usage_day"):
        op.drop_column(table, "runs")
