"""Edges that are retired, tables that information_schema lists no more, and the figures that were sent."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and have all entities built once: an edge may be current now that was stale by age alone."""
    op.create_table(
        "edge_retired",
        sa.Column("edge_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("source_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("set_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("edge_retired_by_step", "edge_retired", ["step"])
    op.create_table(
        "retirement",
        sa.Column("source_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
    )
    op.create_table(
        "table_gone",
        sa.Column("dataset_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("source_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("since_day", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.add_column("emission", sa.Column("figures", sa.Text(), nullable=False, server_default=""))
    op.execute("DELETE FROM setting WHERE name LIKE 'fingerprint:%' OR name LIKE 'stale:%'")


def downgrade() -> None:
    """Drop the tables and the column."""
    with op.batch_alter_table("emission") as emission:
        emission.drop_column("figures")
    op.drop_table("table_gone")
    op.drop_table("retirement")
    op.drop_table("edge_retired")
