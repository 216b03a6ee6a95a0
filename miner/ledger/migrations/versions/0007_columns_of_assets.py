"""How assets spell their columns."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of assets found before nothing is known until they are looked up again."""
    op.add_column("asset_match", sa.Column("spelled_columns", sa.Text()))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("asset_match", "spelled_columns")
