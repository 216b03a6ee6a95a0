"""List cost by day and dataset, and what became of every hour's cost."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "cost_day",
        sa.Column("source_id", sa.Integer(), primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True),
        sa.Column("dataset_id", sa.BigInteger(), primary_key=True),
        sa.Column("currency", sa.String(), primary_key=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("statements", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cost_hour",
        sa.Column("source_id", sa.Integer(), primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True),
        sa.Column("hour", sa.Integer(), primary_key=True),
        sa.Column("currency", sa.String(), primary_key=True),
        sa.Column("fate", sa.String(), primary_key=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("cost_hour")
    op.drop_table("cost_day")
