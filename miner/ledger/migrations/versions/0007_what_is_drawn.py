"""How assets spell their columns, what others draw into them, and which datasets are drawn with a summary."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; of assets found before, columns are not known until they are looked up again."""
    op.add_column("asset_match", sa.Column("spelled_columns", sa.Text()))
    op.add_column("asset_match", sa.Column("foreign_sources", sa.Text()))
    op.create_table(
        "summary",
        sa.Column("sink", sa.String(), primary_key=True),
        sa.Column("dataset_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("side", sa.String(), primary_key=True),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("summary")
    op.drop_column("asset_match", "foreign_sources")
    op.drop_column("asset_match", "spelled_columns")
