"""Which assets of a catalog datasets are, and the assets a catalog holds."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "asset_match",
        sa.Column("sink", sa.String(), primary_key=True),
        sa.Column("dataset_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("type_name", sa.String(), nullable=False),
        sa.Column("qualified_name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("naming", sa.String(), nullable=False),
        sa.Column("looked_up_at", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "asset_index",
        sa.Column("sink", sa.String(), primary_key=True),
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("type_name", sa.String(), primary_key=True),
        sa.Column("qualified_name", sa.Text(), primary_key=True),
        sa.Column("renewal", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("asset_index")
    op.drop_table("asset_match")
