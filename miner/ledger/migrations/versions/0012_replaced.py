"""Tables that statements replaced, and columns of tables that a catalog lacks."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "replaced",
        sa.Column("source_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("day", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("dataset_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("edge_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_index("replaced_by_dataset", "replaced", ["dataset_id"])
    op.create_table(
        "table_column",
        sa.Column("dataset_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("source_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("data_type", sa.Text()),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("table_column")
    op.drop_table("replaced")
